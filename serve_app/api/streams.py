"""The event streams of one process: how many a client may have open, and how much each may send."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from deployments.engine.errors import TooManyStreams
from serve_app.api.sse import EventStream, Frames
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import LoggedEvent
from serve_app.settings import ApiSettings

RETRY_AFTER_S: Final = 5.0


class Streams:
    """Opens event streams, within the bounds of ``settings``; for one event loop."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()

    def check(self, caller: Caller) -> None:
        """Raises TooManyStreams if ``caller`` may not open one more now: to be asked before a job is submitted."""
        most = self._settings.streams_per_client
        if self._open[caller.client] >= most:
            raise TooManyStreams(f"this client has {most} event streams open, the most that one may", RETRY_AFTER_S)

    def open(
        self,
        caller: Caller,
        events: AsyncGenerator[list[LoggedEvent], None],
        frames: Frames,
        headers: Mapping[str, str] | None = None,
    ) -> EventStream:
        """The answer that streams ``events``. Sent, it raises TooManyStreams if that is one too many."""
        return EventStream(
            events,
            frames,
            place=self._place(caller),
            ping_s=self._settings.ping_s,
            max_bytes=self._settings.stream_bytes,
            headers=headers,
        )

    @contextmanager
    def _place(self, caller: Caller) -> Iterator[None]:
        self.check(caller)
        self._open[caller.client] += 1
        try:
            yield
        finally:
            self._open[caller.client] -= 1
            if not self._open[caller.client]:
                del self._open[caller.client]
