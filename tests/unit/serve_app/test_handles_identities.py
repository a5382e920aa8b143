"""Who a token is, remembered for a moment: few questions, no keys kept, and an end to every answer."""

import asyncio
import gc
from collections import deque
from contextlib import nullcontext

import pytest

from deployments.engine.errors import ModelUnavailable, Unauthorized
from serve_app.handles.identities import Identities
from serve_app.jobs.caller import Caller
from serve_app.jobs.tokens import new_key
from tests.unit.serve_app.jobs.job_fakes import Clock

ALICE = Caller("alice")


class Router:
    """Knows the keys that it is told, and counts the questions."""

    def __init__(self) -> None:
        self.known: dict[str | None, Caller | None] = {None: None}
        self.asked: list[str | None] = []
        self.away = False
        self.go = asyncio.Event()
        self.go.set()

    async def ask(self, token: str | None) -> Caller | None:
        self.asked.append(token)
        await self.go.wait()
        if self.away:
            raise ModelUnavailable("away")
        if token not in self.known:
            raise Unauthorized("no")
        return self.known[token]


def identities(router: Router, clock: Clock | None = None, size: int = 100) -> Identities:
    return Identities(router.ask, remembered_s=2, size=size, clock=clock or Clock())


async def test_an_answer_is_asked_for_once_in_its_time_and_then_anew() -> None:
    router, clock = Router(), Clock()
    router.known["a"] = ALICE
    who = identities(router, clock)
    for token, caller in (("a", ALICE), (None, None)):
        router.asked.clear()
        assert [await who.of(token) for _ in range(3)] == [caller] * 3
        clock.now += 1.9
        assert await who.of(token) == caller
        assert router.asked == [token]
        clock.now += 0.1
        assert await who.of(token) == caller
        assert router.asked == [token, token]


async def test_a_revoked_key_lets_nobody_in_as_soon_as_its_answer_is_old() -> None:
    router, clock = Router(), Clock()
    router.known["a"] = ALICE
    who = identities(router, clock)
    await who.of("a")
    del router.known["a"]
    clock.now += 2
    with pytest.raises(Unauthorized):
        await who.of("a")


async def test_the_same_wrong_key_again_and_again_asks_once_in_its_time() -> None:
    router = Router()
    who = identities(router)
    for _ in range(5):
        with pytest.raises(Unauthorized, match="no"):
            await who.of("wrong")
    assert router.asked == ["wrong"]


async def test_whoever_comes_while_it_is_asked_about_waits_for_the_same_answer() -> None:
    router = Router()
    router.known["a"] = ALICE
    router.go.clear()
    who = identities(router)
    first = asyncio.create_task(who.of("a"))
    others = [asyncio.create_task(who.of("a")) for _ in range(10)]
    await asyncio.sleep(0)
    first.cancel()  # one that gives up takes the answer from nobody
    router.go.set()
    assert await asyncio.gather(*others) == [ALICE] * 10
    assert router.asked == ["a"]


async def test_a_router_that_is_away_is_asked_again_by_the_next() -> None:
    router = Router()
    router.known["a"] = ALICE
    router.away = True
    who = identities(router)
    with pytest.raises(ModelUnavailable):
        await who.of("a")
    router.away = False
    assert await who.of("a") == ALICE


async def test_it_keeps_so_many_answers_and_drops_the_longest_unused() -> None:
    router = Router()
    who = identities(router, size=2)
    router.known |= dict.fromkeys("abc", ALICE)
    for token in ("a", "b", "a", "c", "a"):
        await who.of(token)
    assert router.asked == ["a", "b", "c"]
    await who.of("b")
    assert router.asked == ["a", "b", "c", "b"]


def held_by(thing: object) -> list[object]:
    """Every text that can be reached from ``thing`` through containers."""
    found, left = [], [thing]
    while left:
        for held in gc.get_referents(left.pop()):
            if isinstance(held, str | bytes):
                found.append(held)
            elif isinstance(held, dict | list | tuple | set | deque):
                left.append(held)
    return found


@pytest.mark.parametrize("is_right", [True, False])
async def test_no_key_is_kept(is_right: bool) -> None:
    router = Router()
    _, key = new_key()
    who = identities(router)
    for _ in range(3):
        if is_right:
            router.known[key] = ALICE
        with nullcontext() if is_right else pytest.raises(Unauthorized):
            await who.of(key)
        router.known.clear()
    assert key not in held_by(vars(who))
    assert key.encode() not in held_by(vars(who))
