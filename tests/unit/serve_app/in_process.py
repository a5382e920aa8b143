"""The parts of the Router and of an Ingress in one process, without Ray: real service, real store, real HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from serve_app.handles.backend import RouterBackend
from serve_app.handles.calls import CalleeLost
from serve_app.jobs.activity import Activity
from serve_app.jobs.following import Following, News, Subscription
from serve_app.jobs.log import HandedOver
from serve_app.jobs.observer import Observe, observed_by, unobserved
from serve_app.jobs.store import KeyStore
from serve_app.router import Router
from tests.unit.serve_app.jobs.job_fakes import House, open_house


class Wire:
    """An Ingress's calls to the streams of a Router, which may be cut, and lead to another Router."""

    def __init__(self, following: Following) -> None:
        self.following = following
        self.cut = False
        self.subscribed: list[Subscription] = []

    def _check(self) -> None:
        if self.cut:
            raise CalleeLost("the wire is cut")

    async def subscribe(self, process: str, wanted: Sequence[Subscription], anew: bool) -> None:
        self._check()
        self.subscribed += wanted
        self.following.subscribe(process, wanted, anew=anew)

    async def unsubscribe(self, process: str, numbers: Sequence[int]) -> None:
        self._check()
        self.following.unsubscribe(process, numbers)

    async def poll(self, process: str) -> list[News] | None:
        self._check()
        try:
            return await self.following.poll(process)
        except HandedOver:
            raise CalleeLost("the router has moved") from None


class LocalHandle:
    """A Serve handle to an object of this process: calls run as tasks, as they do over there."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, method: str) -> "LocalMethod":
        return LocalMethod(getattr(self._target, method))


class LocalMethod:
    """One method of a :class:`LocalHandle`."""

    def __init__(self, method: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self._method = method

    def remote(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        return asyncio.create_task(self._method(*args, **kwargs))


class LocalRouter(Router):
    """The Router's methods over parts that the test makes and ends: nothing is left for Serve's destructor call."""

    def __del__(self) -> None:  # type: ignore[override]
        pass


@asynccontextmanager
async def whole_service(
    data: Path, observe: Observe = unobserved, **house: Any
) -> AsyncIterator[tuple[House, RouterBackend]]:
    """Everything of the service but Ray and the engines: an Ingress's backend over a Router over a scripted runner."""
    activity = Activity(["sd15", "flux-schnell"])
    async with open_house(data, observe=observed_by(activity, observe), **house) as opened:
        router = LocalRouter.__new__(LocalRouter)
        router._activity = activity
        router._keys = KeyStore(opened.database)
        router._service = opened.service
        router._following = Following(opened.service.follow, time.monotonic)
        models = dict.fromkeys(opened.fleet.models, 0)
        backend = RouterBackend([LocalHandle(router)], models, opened.blobs)  # type: ignore[list-item]
        try:
            yield opened, backend
        finally:
            await backend.close()
            await router._following.close()
