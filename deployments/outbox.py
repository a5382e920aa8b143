"""What one attempt has to tell, gathered until somebody asks: bounded, and nothing of value is dropped."""

import asyncio

from deployments.engine.events import TERMINAL
from deployments.messages import EncodedPreview, ReplicaEvent


class Outbox:
    """The events of one attempt on their way to the Router. For one event loop and one reader.

    A preview that a newer one of the same image overtakes before it was read is dropped; everything else is kept, in
    order. So it holds at most ``n`` previews beside the transitions and ``n × steps`` progress events. Nothing is added
    after the terminal event.
    """

    def __init__(self) -> None:
        self._events: list[ReplicaEvent] = []
        self._news = asyncio.Event()
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

    async def take(self) -> list[ReplicaEvent]:
        """All that has gathered since the last call, at least one event: waits for it."""
        await self._news.wait()
        self._news.clear()
        events, self._events = self._events, []
        return events

    @property
    def ended(self) -> bool:
        """Whether the terminal event was put."""
        return self._ended
