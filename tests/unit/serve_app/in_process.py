"""The parts of the Router and of an Ingress in one process, without Ray: real service, real store, real HTTP."""

from collections.abc import Sequence

from serve_app.handles.calls import CalleeLost
from serve_app.jobs.following import Following, News, Subscription
from serve_app.jobs.log import HandedOver


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
