"""All streams of one Ingress replica: every followed job is fetched from the Router once, by one poll for all.

A :class:`Mirror` holds a job's log as far as it has arrived; any number of readers follow it at their own pace. When
the Router is lost, its successor is asked for what comes after the last event that arrived here.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from itertools import count
from typing import Final, Protocol

from deployments.engine.errors import DarkroomError
from serve_app.handles.calls import CalleeLost, unreachable
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.following import News, Subscription
from serve_app.jobs.log import EventLog
from serve_app.jobs.tasks import Tasks

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 60.0
"""How long a Router may be gone until the streams are given up; clients may resume them later."""

PAUSE_S: Final = 0.2


class RouterStreams(Protocol):
    """The Router's part (:class:`serve_app.jobs.following.Following`); each call raises CalleeLost when it is gone."""

    async def subscribe(self, process: str, wanted: Sequence[Subscription], anew: bool) -> None: ...
    async def unsubscribe(self, process: str, numbers: Sequence[int]) -> None: ...
    async def poll(self, process: str) -> list[News] | None: ...


class Mirror:
    """One job's log as far as it has arrived, for one caller's readers."""

    def __init__(self, number: int, job_id: str, caller: Caller) -> None:
        self.number = number
        self.job_id = job_id
        self.caller = caller
        self.log = EventLog(epoch=0)
        self.readers = 0
        self.subscribed = False
        self.told = asyncio.Event()
        self.error: DarkroomError | None = None

    def subscription(self) -> Subscription:
        """What the Router is to be asked for."""
        return Subscription(self.number, self.job_id, self.caller, self.log.newest)

    def take(self, news: News) -> None:
        """What the Router told."""
        for logged in news.events:
            self.log.put(logged)
        if news.over:
            self.error = news.error
            self.log.close()
        self.told.set()

    def fail(self, error: DarkroomError) -> None:
        """Nothing more will arrive."""
        self.take(News(self.number, [], over=True, error=error))


class Hub:
    """The streams of this process. For one event loop."""

    def __init__(self, router: RouterStreams, patience_s: float = PATIENCE_S) -> None:
        self._router = router
        self._patience_s = patience_s
        self._name = secrets.token_hex(8)
        self._numbers = count()
        self._mirrors: dict[tuple[str, Caller], Mirror] = {}
        self._by_number: dict[int, Mirror] = {}
        self._tasks = Tasks()  # with contexts of their own: Serve cancels what a request started along with it
        self._polling: asyncio.Task[None] | None = None
        self._in_step = False
        self._calling = asyncio.Lock()  # what is asked for arrives in the order in which it was asked

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        """See :meth:`serve_app.api.backend.Backend.follow`."""
        mirror = self._join(job_id, caller)
        try:
            await mirror.told.wait()
            while fresh := await mirror.log.news(after):
                yield fresh
                after = fresh[-1].id
            if mirror.error is not None:
                raise mirror.error
        finally:
            self._leave(mirror)

    async def close(self) -> None:
        """Stop polling."""
        await self._tasks.close()

    def _join(self, job_id: str, caller: Caller) -> Mirror:
        mirror = self._mirrors.get((job_id, caller))
        if mirror is None:
            mirror = Mirror(next(self._numbers), job_id, caller)
            self._mirrors[job_id, caller] = self._by_number[mirror.number] = mirror
            if self._polling is None:
                self._in_step = False
                self._polling = self._tasks.spawn(self._poll())
            else:
                self._tasks.spawn(self._subscribe(mirror))
        mirror.readers += 1
        return mirror

    def _leave(self, mirror: Mirror) -> None:
        mirror.readers -= 1
        if mirror.readers or self._by_number.pop(mirror.number, None) is None:
            return
        if self._mirrors.get((mirror.job_id, mirror.caller)) is mirror:
            del self._mirrors[mirror.job_id, mirror.caller]
        self._tasks.spawn(self._unsubscribe(mirror))

    async def _subscribe(self, mirror: Mirror) -> None:
        try:
            async with self._calling:
                if self._in_step and not mirror.subscribed and mirror.number in self._by_number:
                    mirror.subscribed = True
                    await self._router.subscribe(self._name, [mirror.subscription()], False)
        except CalleeLost:
            self._in_step = False

    async def _unsubscribe(self, mirror: Mirror) -> None:
        try:
            async with self._calling:
                if self._in_step and mirror.subscribed:
                    await self._router.unsubscribe(self._name, [mirror.number])
        except CalleeLost:
            self._in_step = False

    async def _subscribe_anew(self) -> None:
        async with self._calling:
            mirrors = list(self._by_number.values())
            await self._router.subscribe(self._name, [mirror.subscription() for mirror in mirrors], True)
            for mirror in mirrors:
                mirror.subscribed = True
            self._in_step = True

    async def _poll(self) -> None:
        """Until nobody follows anything."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        try:
            while self._by_number:
                try:
                    await self._round()
                    heard = loop.time()
                except CalleeLost as lost:
                    self._in_step = False
                    if loop.time() - heard > self._patience_s:
                        self._give_up(lost)
                    await asyncio.sleep(PAUSE_S)
        except Exception as error:
            logger.exception("the streams of this process have broken off")
            self._give_up(error)
        finally:
            self._polling = None

    async def _round(self) -> None:
        if not self._in_step:
            await self._subscribe_anew()
        news = await self._router.poll(self._name)
        if news is None:
            self._in_step = False
            return
        for one in news:
            if (mirror := self._by_number.get(one.number)) is not None:
                mirror.take(one)
                if one.over:
                    self._retire(mirror)

    def _retire(self, mirror: Mirror) -> None:
        """Its log is whole: who comes now asks anew, as the job may be gone by then."""
        self._mirrors.pop((mirror.job_id, mirror.caller), None)
        self._by_number.pop(mirror.number, None)

    def _give_up(self, error: Exception) -> None:
        reason = error.reason if isinstance(error, CalleeLost) else "an internal error"
        for mirror in list(self._by_number.values()):
            mirror.fail(unreachable(reason))
            self._retire(mirror)
