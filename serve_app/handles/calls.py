"""Calls between the application's deployments: Ray's ways of failing, brought down to two.

A call either raises what the other side raised, unwrapped, or :class:`CalleeLost` because the other side is gone.
A call that is given up is cancelled over there. Typed errors travel as values (:class:`Refused`): Serve logs a
traceback for every exception that leaves a method, and a client's mistake is no defect of ours.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from ray.serve.handle import DeploymentResponse, DeploymentResponseGenerator

from deployments.engine.errors import DarkroomError, ModelUnavailable
from serve_app.jobs.log import HandedOver

P = ParamSpec("P")
T = TypeVar("T")

_GONE = (
    RayActorError,  # died, unreachable
    WorkerCrashedError,
    NodeDiedError,
    ObjectLostError,  # its owner died with the answer
    TaskCancelledError,  # cancelled over there, not by us: the replica was taken out of service
    DeploymentUnavailableError,
    ReplicaUnavailableError,
    BackPressureError,
)


RETRY_AFTER_S = 5.0
"""When a client may ask again that met no Router."""


class CalleeLost(Exception):
    """The called replica died, was taken out of service, or does not answer; ``reason`` says which, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unreachable(reason: str) -> ModelUnavailable:
    """What a client is told where no Router could be asked."""
    return ModelUnavailable(f"the job service can't be reached: {reason}", RETRY_AFTER_S)


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer of a method that raised a typed error; :func:`answer` raises it again."""

    error: DarkroomError


@dataclass(frozen=True, slots=True)
class Moved:
    """The answer of a method whose callee has handed over: :func:`answer` raises CalleeLost."""


def refusing(
    method: Callable[P, Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T | Refused | Moved]]:
    """``method``, answering its typed errors, and that it has handed over, instead of raising them."""

    @wraps(method)
    async def answering(*args: P.args, **kwargs: P.kwargs) -> T | Refused | Moved:
        try:
            return await method(*args, **kwargs)
        except DarkroomError as error:
            return Refused(error)
        except HandedOver:
            return Moved()

    return answering


async def answer(response: DeploymentResponse[T | Refused | Moved], timeout_s: float) -> T:
    """The result of a unary handle call.

    Raises:
        CalleeLost: the callee is gone or has handed over, or has not answered within ``timeout_s``.
        Exception: what the callee raised.
    """
    try:
        async with asyncio.timeout(timeout_s):
            result: T | Refused | Moved = await response
    except TimeoutError as error:
        response.cancel()
        raise CalleeLost(f"no answer within {timeout_s:g} s") from error
    except (RayTaskError, *_GONE) as error:
        raise _meaning(error) from error
    if isinstance(result, Refused):
        raise result.error
    if isinstance(result, Moved):
        raise CalleeLost("the job service is moving")
    return result


async def stream(response: DeploymentResponseGenerator[T]) -> AsyncGenerator[T, None]:
    """The items of a streaming handle call; a consumer that stops before the end cancels it. Raises as :func:`answer`.

    (The generator that Serve returns has no ``aclose`` of its own.)
    """
    ended = False
    try:
        async for item in response:
            yield item
        ended = True
    except (RayTaskError, *_GONE) as error:
        ended = True
        raise _meaning(error) from error
    finally:
        if not ended:
            response.cancel()


def _meaning(error: Exception) -> Exception:
    """What the callee raised, or ``CalleeLost``. An error that crossed several hops is wrapped several times."""
    while isinstance(error, RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause
    if isinstance(error, _GONE):
        return CalleeLost(_reason(error))
    return error


def _reason(error: Exception) -> str:
    """A few words for clients: Ray's own messages name hosts, process ids and stack frames."""
    match error:
        case RayActorError():
            return "the replica died or could not be reached"
        case DeploymentUnavailableError() | ReplicaUnavailableError():
            return "no replica is available"
        case TaskCancelledError():
            return "the replica was taken out of service"
        case BackPressureError():
            return "the replica takes no more requests"
        case _:
            return "the replica's process or node was lost"
