"""The event log of one job: bounded, replayable by event id, one writer, many followers."""

import asyncio
from collections.abc import Hashable

from serve_app.jobs.events import (
    TERMINAL_EVENTS,
    EventId,
    ImageDone,
    JobEvent,
    LoggedEvent,
    Preview,
    Progress,
    Queued,
)


class HandedOver(Exception):
    """Another Router has the jobs of this one now, or will have: ask it."""


class EventLog:
    """What a late comer needs to see: all transitions and progress, the newest position and the newest previews.

    An event *replaces* an earlier one that it makes worthless: ``Queued`` the last ``Queued``, ``Preview`` and
    ``ImageDone`` the one of the same image, ``Progress`` the same step of the same image (an earlier attempt's). So a
    job of ``n`` images and ``steps`` steps that runs ``a`` attempts holds at most ``n × (steps + 2) + 2 × a + 2``
    events, however long it waits. Ids ascend and are never given twice.

    Not thread-safe: it lives on one event loop.
    """

    def __init__(self, epoch: int) -> None:
        self._newest = EventId(epoch, 0)
        self._events: dict[Hashable, LoggedEvent] = {}
        self._ended = False
        self._handed_over = False
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def ended(self) -> bool:
        """The terminal event is in the log: nothing follows."""
        return self._ended

    @property
    def next_id(self) -> EventId:
        """The id that the next event gets."""
        return EventId(self._newest.epoch, self._newest.seq + 1)

    @property
    def newest(self) -> EventId | None:
        """The id of the newest event; ``None`` before the first."""
        return self._newest if self._newest.seq else None

    def append(self, event: JobEvent) -> LoggedEvent:
        """Log ``event`` under the next id and wake every follower.

        Raises:
            ValueError: the log has ended.
        """
        if self._ended:
            raise ValueError(f"the log has ended; {event.event} comes too late")
        logged = LoggedEvent(self.next_id, event)
        self.put(logged)
        return logged

    def put(self, logged: LoggedEvent) -> None:
        """Take in an event that another log has given its id, which must be higher than all here."""
        self._newest = logged.id
        key = _key(logged)
        self._events.pop(key, None)  # a plain assignment would keep the old place in the order
        self._events[key] = logged
        self._ended = isinstance(logged.event, TERMINAL_EVENTS)
        self._wake()

    def close(self) -> None:
        """Nothing follows, whatever the newest event was."""
        self._ended = True
        self._wake()

    def hand_over(self) -> None:
        """Another Router tells what follows: whoever waits here is told so."""
        self._handed_over = True
        self._wake()

    def after(self, event_id: EventId | None) -> list[LoggedEvent]:
        """The events with a higher id, oldest first; all of them for ``None`` or an id of an older epoch.

        So too for an id that this log has not given yet, of another job's or another database's: the client would
        otherwise see nothing until this one has caught up with it.
        """
        if event_id is not None and event_id >= self.next_id and not self._ended:
            event_id = None
        fresh = []
        for logged in reversed(self._events.values()):
            if event_id is not None and logged.id <= event_id:
                break
            fresh.append(logged)
        fresh.reverse()
        return fresh

    async def news(self, event_id: EventId | None) -> list[LoggedEvent]:
        """:meth:`after`, waiting until there is something; empty only when the log has ended before.

        Raises:
            HandedOver: the log was handed over, and there is nothing more in it.
        """
        while True:
            told = self._news
            if (fresh := self.after(event_id)) or self._ended:
                return fresh
            if self._handed_over:
                raise HandedOver
            await told.wait()

    def _wake(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()


def _key(logged: LoggedEvent) -> Hashable:
    """Events with equal keys replace one another."""
    match logged.event:
        case Queued():
            return Queued.event
        case Preview(index=index):
            return Preview.event, index
        case Progress(index=index, step=step):
            return Progress.event, index, step
        case ImageDone(image=image):
            return ImageDone.event, image.index
        case _:
            return logged.id
