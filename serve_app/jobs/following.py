"""Followers in other processes: each process polls for all of its streams at once.

A poll is answered with all that has gathered since the last one, so the cost of a call is shared by every stream, what
a slow process has not fetched waits in the jobs' bounded logs, and a process that has died is known by its silence.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from deployments.engine.errors import DarkroomError, InternalError
from deployments.telemetry.context import about
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.log import HandedOver
from serve_app.jobs.tasks import Tasks

logger = logging.getLogger(__name__)

POLL_S: Final = 5.0
"""A poll that finds nothing to tell is answered after so long."""

LEASE_S: Final = 15.0
"""A process that has not polled for so long is gone, and with it its streams."""

MAX_NEWS: Final = 256
"""Streams told of in one answer at most."""

Follow = Callable[[str, Caller, EventId | None], AsyncGenerator[list[LoggedEvent], None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One stream that a process wants: ``number`` is its own name for it."""

    number: int
    job_id: str
    caller: Caller
    after: EventId | None


@dataclass(frozen=True, slots=True)
class News:
    """What stream ``number`` has to tell. ``over``: nothing follows; ``error``: because of this."""

    number: int
    events: list[LoggedEvent]
    over: bool = False
    error: DarkroomError | None = None


class _Process:
    """One process: the tasks that follow its jobs, and what they have to tell, one thing each at a time."""

    def __init__(self, now: float) -> None:
        self.heard = now
        self.polls = 0
        self.streams: dict[int, asyncio.Task[Any]] = {}
        self.moved = False
        self._news: dict[int, tuple[News, asyncio.Future[None]]] = {}
        self._wake = asyncio.Event()

    async def tell(self, news: News) -> None:
        """Wait until ``news`` has been fetched."""
        fetched = asyncio.get_running_loop().create_future()
        self._news[news.number] = news, fetched
        self._wake.set()
        await fetched

    def move(self) -> None:
        self.moved = True
        self._wake.set()

    def forget(self, number: int) -> None:
        self._news.pop(number, None)
        if (stream := self.streams.pop(number, None)) is not None:
            stream.cancel()

    async def fetch(self, wait_s: float) -> list[News]:
        """Everything there is to tell, at most :data:`MAX_NEWS`; empty after ``wait_s`` without any."""
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return []
        fetched = [self._news.pop(number) for number in list(self._news)[:MAX_NEWS]]
        if not (self._news or self.moved):
            self._wake.clear()
        for _, waiting in fetched:
            if not waiting.done():  # its stream may have been cancelled
                waiting.set_result(None)
        return [news for news, _ in fetched]


class Following:
    """The streams of other processes over ``follow`` (:meth:`serve_app.jobs.service.JobService.follow`)."""

    def __init__(
        self,
        follow: Follow,
        clock: Callable[[], float],
        *,
        poll_s: float = POLL_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self._follow = follow
        self._clock = clock
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._tasks = Tasks()
        self._processes: dict[str, _Process] = {}

    def subscribe(self, process: str, wanted: Sequence[Subscription], *, anew: bool) -> None:
        """Follow these jobs for ``process`` too; ``anew``: and none that it followed before."""
        if anew:
            self._drop(process)
        if process not in self._processes:
            self._processes[process] = _Process(self._clock())
        found = self._processes[process]
        for one in wanted:
            found.forget(one.number)
            found.streams[one.number] = self._tasks.spawn(self._carry(found, one))

    def unsubscribe(self, process: str, numbers: Collection[int]) -> None:
        """Follow these no longer; unknown ones are passed over."""
        if (found := self._processes.get(process)) is not None:
            for number in numbers:
                found.forget(number)

    async def poll(self, process: str) -> list[News] | None:
        """What the streams of ``process`` have to tell; ``None`` if it is not known here: it must subscribe anew.

        Raises:
            HandedOver: another Router has the jobs.
        """
        found = self._processes.get(process)
        if found is None:
            return None
        found.polls += 1
        try:
            news = await found.fetch(self._poll_s)
        finally:
            found.polls -= 1
            found.heard = self._clock()
        if not news and found.moved:
            raise HandedOver
        return news

    def lapse(self) -> None:
        """Drop the processes that have fallen silent: to be called now and then."""
        for process, found in list(self._processes.items()):
            if not found.polls and self._clock() - found.heard > self._lease_s:
                self._drop(process)

    async def close(self) -> None:
        """End every stream."""
        self._processes.clear()
        await self._tasks.close()

    def _drop(self, process: str) -> None:
        if (found := self._processes.pop(process, None)) is not None:
            for number in list(found.streams):
                found.forget(number)

    async def _carry(self, process: _Process, wanted: Subscription) -> None:
        about(wanted.job_id)
        try:
            async with aclosing(self._follow(wanted.job_id, wanted.caller, wanted.after)) as batches:
                async for batch in batches:
                    await process.tell(News(wanted.number, batch))
            await process.tell(News(wanted.number, [], over=True))
        except HandedOver:
            process.move()
        except DarkroomError as error:
            await process.tell(News(wanted.number, [], over=True, error=error))
        except Exception:
            logger.exception("job %s can't be followed", wanted.job_id)
            failure = InternalError("the job can't be followed; the service's log says why")
            await process.tell(News(wanted.number, [], over=True, error=failure))
