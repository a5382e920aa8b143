"""What one attempt has to tell, gathered until somebody asks: bounded, and nothing of value is dropped."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from deployments.engine.events import TERMINAL, Progress
from deployments.messages import EncodedPreview, ReplicaEvent

PACE_S: Final = 0.1
"""An attempt's progress goes out no sooner after the events before it: nobody sees more than ten steps a second.

Each list of events goes through three processes to its reader. On a CPU they take that time from the denoiser: told
after every step of 15 ms, they took as much as the steps themselves.
"""

LISTS_PER_S: Final = 40
"""Lists of progress that the attempts of a replica hand out together: from five running on, each waits longer."""


def pace_s(attempts: int) -> float:
    """Seconds between an attempt's events and the progress that follows, if so many are running on its replica."""
    return max(PACE_S, attempts / LISTS_PER_S)


class Outbox:
    """The events of one attempt on their way to the Router. For one event loop and one reader.

    Transitions and previews go out at once, with all that has gathered; progress alone waits for ``pace()`` seconds.

    A preview that a newer one of the same image overtakes before it was read is dropped; everything else is kept, in
    order. So it holds at most ``n`` previews beside the transitions and ``n × steps`` progress events. Nothing is added
    after the terminal event.
    """

    def __init__(self, pace: Callable[[], float] = lambda: PACE_S) -> None:
        self._pace = pace
        self._events: list[ReplicaEvent] = []
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()
        self._not_before = 0.0  # on the event loop's clock
        self._ended = False

    def put(self, event: ReplicaEvent) -> None:
        """Add an event; ignored after the terminal one."""
        if self._ended:
            return
        if isinstance(event, EncodedPreview):
            self._events = [
                kept for kept in self._events if not (isinstance(kept, EncodedPreview) and kept.index == event.index)
            ]
        self._events.append(event)
        self._ended = isinstance(event, TERMINAL)
        self._news.set()
        if not isinstance(event, Progress):
            self._urgent.set()

    async def take(self) -> list[ReplicaEvent]:
        """All that has gathered since the last call, at least one event: waits for it."""
        await self._news.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._not_before):
                await self._urgent.wait()
        self._not_before = asyncio.get_running_loop().time() + self._pace()
        self._news.clear()
        self._urgent.clear()
        events, self._events = self._events, []
        return events

    @property
    def ended(self) -> bool:
        """Whether the terminal event was put."""
        return self._ended
