"""Calls between deployments: Ray's failures come down to two, and what is given up is cancelled over there."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError, TaskCancelledError
from ray.serve._private.common import DeploymentID
from ray.serve.exceptions import DeploymentUnavailableError

from deployments.engine.errors import InvalidRequest, JobNotFound
from serve_app.handles.calls import CalleeLost, Refused, answer, refusing, stream
from serve_app.jobs.log import HandedOver


class Response:
    """Stands in for both of Serve's responses: items to come, then perhaps an error, or silence."""

    def __init__(self, *items: Any, error: Exception | None = None, silent: bool = False) -> None:
        self._items = items
        self._error = error
        self._silent = silent
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def __await__(self) -> Generator[Any, None, Any]:
        return self._one().__await__()

    async def _one(self) -> Any:
        if self._silent:
            await asyncio.Event().wait()
        if self._error is not None:
            raise self._error
        return self._items[0]

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        for item in self._items:
            yield item
        if self._error is not None:
            raise self._error


def remote(error: Exception) -> RayTaskError:
    """``error`` as it arrives when a remote call raised it."""
    return RayTaskError("run", "traceback", error).as_instanceof_cause()


GONE = [
    (ActorDiedError(), "died"),
    (ActorUnavailableError("gone", b"0" * 16), "died or could not be reached"),
    (remote(ActorDiedError()), "died"),
    (remote(remote(ActorDiedError())), "died"),
    (DeploymentUnavailableError(DeploymentID("model-sd15", "darkroom")), "no replica"),
    (TaskCancelledError(), "out of service"),
]


@pytest.mark.parametrize(("error", "reason"), GONE)
async def test_a_callee_that_is_gone_is_lost_whatever_ray_calls_it(error: Exception, reason: str) -> None:
    with pytest.raises(CalleeLost, match=reason):
        await answer(Response(error=error), timeout_s=60)
    with pytest.raises(CalleeLost, match=reason):
        [item async for item in stream(Response("first", error=error))]


async def test_the_reason_names_no_host_and_no_process() -> None:
    with pytest.raises(CalleeLost) as lost:
        await answer(Response(error=remote(ActorDiedError())), timeout_s=60)
    assert lost.value.reason == "the replica died or could not be reached"


async def test_what_the_callee_raised_is_raised_unwrapped() -> None:
    with pytest.raises(JobNotFound) as raised:
        await answer(Response(error=remote(JobNotFound("x"))), timeout_s=60)
    assert type(raised.value) is JobNotFound
    with pytest.raises(ZeroDivisionError):
        await answer(Response(error=remote(ZeroDivisionError())), timeout_s=60)


async def test_a_typed_error_travels_as_a_value_and_is_raised_again_here() -> None:
    @refusing
    async def method(width: int) -> int:
        if width % 8:
            raise InvalidRequest("width", width, "a multiple of 8")
        return width

    assert await answer(Response(await method(8)), timeout_s=60) == 8
    refused = await method(7)
    assert isinstance(refused, Refused)
    with pytest.raises(InvalidRequest, match="width"):
        await answer(Response(refused), timeout_s=60)


async def test_a_callee_that_has_handed_over_is_lost_to_the_caller() -> None:
    @refusing
    async def method() -> int:
        raise HandedOver

    with pytest.raises(CalleeLost, match="moving"):
        await answer(Response(await method()), timeout_s=60)


async def test_a_callee_that_does_not_answer_is_lost_and_the_call_is_cancelled() -> None:
    response = Response(silent=True)
    with pytest.raises(CalleeLost, match="no answer"):
        await answer(response, timeout_s=0.01)
    assert response.cancelled


async def test_a_stream_that_is_read_to_its_end_is_not_cancelled() -> None:
    response = Response(1, 2, 3)
    assert [item async for item in stream(response)] == [1, 2, 3]
    assert not response.cancelled


async def test_a_stream_that_is_closed_before_its_end_is_cancelled() -> None:
    response = Response(1, 2, 3)
    async with aclosing(stream(response)) as items:
        assert await anext(items) == 1
    assert response.cancelled
