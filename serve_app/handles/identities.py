"""Who shows which token, remembered for a moment: not every request asks the Router, and a revoked key ends soon."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from deployments.engine.errors import Unauthorized
from serve_app.jobs.caller import Caller
from serve_app.jobs.tasks import Tasks

REMEMBERED_S: Final = 2.0
"""So long a revoked key may still let somebody in."""

MAX_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An ``Unauthorized``, to be raised anew each time: a raised error holds the frames it passed, and they the key."""

    message: str


Answer = Caller | _Refusal | None


class Identities:
    """Answers of ``ask`` by the SHA-256 of the token that it was asked about: a token itself is never kept.

    Requests that come while one is being asked about wait for the same answer. Refusals are remembered too: whoever
    knocks with the same wrong key again and again disturbs the Router once in a while. For one event loop.

    Args:
        ask: see :meth:`serve_app.api.backend.Backend.identify`.
        remembered_s: the age in seconds, from when it was asked for, at which an answer is asked for again.
        size: how many answers are kept at most; the longest unused go first.
        clock: seconds, from anywhere.
    """

    def __init__(
        self,
        ask: Callable[[str | None], Awaitable[Caller | None]],
        *,
        remembered_s: float = REMEMBERED_S,
        size: int = MAX_REMEMBERED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._remembered_s = remembered_s
        self._size = size
        self._clock = clock
        self._answers: OrderedDict[bytes | None, tuple[float, asyncio.Task[Answer]]] = OrderedDict()
        self._tasks = Tasks()  # a request that is cancelled must not take the answer from the others

    async def of(self, token: str | None) -> Caller | None:
        """See :meth:`serve_app.api.backend.Backend.identify`."""
        name = None if token is None else hashlib.sha256(token.encode()).digest()
        try:
            answer = await asyncio.shield(self._answer(name, token))
        except Exception:  # no answer at all: the next one asks anew
            self._answers.pop(name, None)
            raise
        if isinstance(answer, _Refusal):
            raise Unauthorized(answer.message)
        return answer

    async def close(self) -> None:
        """Ask nothing more."""
        await self._tasks.close()

    def _answer(self, name: bytes | None, token: str | None) -> "asyncio.Task[Answer]":
        known = self._answers.get(name)
        if known is not None and self._clock() - known[0] < self._remembered_s:
            self._answers.move_to_end(name)
            return known[1]
        asking = self._tasks.spawn(self._asked(token))
        self._answers[name] = self._clock(), asking
        self._answers.move_to_end(name)
        if len(self._answers) > self._size:
            self._answers.popitem(last=False)
        return asking

    async def _asked(self, token: str | None) -> Answer:
        try:
            return await self._ask(token)
        except Unauthorized as refused:
            return _Refusal(refused.message)
