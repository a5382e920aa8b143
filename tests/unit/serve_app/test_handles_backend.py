"""The Ingress's side of its calls to the Router: a Router that is gone is a 503 to calls and a pause to streams."""

from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import ActorDiedError

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone, JobNotFound, ModelUnavailable
from deployments.engine.request import GenerationRequest
from deployments.messages import RunAttempt
from serve_app.handles.backend import RESUBSCRIBE, RouterBackend
from serve_app.handles.calls import Refused
from serve_app.handles.runner import ServeRunner
from serve_app.jobs.events import Cancelled, EventId, LoggedEvent, Started
from serve_app.jobs.job import ImageRef, Job, JobRequest, JobStatus
from serve_app.jobs.runner import ReplicaLost

REQUEST = GenerationRequest(id="job", prompt="a red circle")


class Handle:
    """A Serve handle whose every call is answered by a script; ``options`` and attribute access name the method."""

    def __init__(self, script: Callable[..., "Response"], method: str = "__call__") -> None:
        self._script = script
        self._method = method

    def options(self, *, method_name: str, stream: bool) -> "Handle":
        return Handle(self._script, method_name)

    def __getattr__(self, method: str) -> "Handle":
        return Handle(self._script, method)

    def remote(self, *args: Any, **kwargs: Any) -> "Response":
        return self._script(self._method, *args, **kwargs)


class Response:
    def __init__(self, *items: Any) -> None:
        self._items = items

    def cancel(self) -> None:
        pass

    def __await__(self) -> Generator[Any, None, Any]:
        async def first() -> Any:
            return await anext(aiter(self))

        return first().__await__()

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            yield item


def logged(epoch: int, seq: int, event: Any) -> LoggedEvent:
    return LoggedEvent(EventId(epoch, seq), event)


def backend(script: Callable[..., Response], folder: Path) -> RouterBackend:
    return RouterBackend(Handle(script), BlobStore.open(f"file://{folder}"))


async def test_a_call_without_a_router_is_unavailable_for_now(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as unavailable:
        await backend(lambda *_: Response(ActorDiedError()), tmp_path).get("job")
    assert unavailable.value.retry_after_s > 0


async def test_the_errors_of_the_router_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(JobNotFound):
        await backend(lambda *_: Response(Refused(JobNotFound("job"))), tmp_path).get("job")


async def test_a_stream_goes_on_at_the_next_router_after_the_last_event_that_came(tmp_path: Path) -> None:
    asked: list[EventId | None] = []

    def script(method: str, job_id: str, after: EventId | None) -> Response:
        asked.append(after)
        if len(asked) == 1:
            return Response([logged(1, 1, Started(1))], ActorDiedError())
        return Response([logged(2, 3, Cancelled())])

    batches = [batch async for batch in backend(script, tmp_path).follow("job")]
    assert batches == [[logged(1, 1, Started(1))], [logged(2, 3, Cancelled())]]
    assert asked == [None, EventId(1, 1)]


async def test_a_stream_does_not_wait_for_ever_for_a_router(tmp_path: Path) -> None:
    asked: list[str] = []

    def script(method: str, job_id: str, after: EventId | None) -> Response:
        asked.append(method)
        return Response(ActorDiedError())

    with pytest.raises(ModelUnavailable):
        [batch async for batch in backend(script, tmp_path).follow("job")]
    assert asked == ["follow"] * (RESUBSCRIBE + 1)


async def test_image_bytes_come_from_the_blob_store(tmp_path: Path) -> None:
    ref = ImageRef(0, "job/1/0", 7, "png", 8, 8, 3)
    job = Job("job", JobRequest(generation=REQUEST), JobStatus.SUCCEEDED, 1, 0.0, images=(ref,))
    darkroom = backend(lambda *_: Response(job), tmp_path)
    with pytest.raises(Gone):
        await darkroom.image("job", 0)
    await BlobStore.open(f"file://{tmp_path}").put("job/1/0", b"png", "image/png")
    assert await darkroom.image("job", 0) == (job, b"png")


async def test_an_attempt_whose_replica_is_gone_is_lost_and_superseded_from_then_on() -> None:
    runner = ServeRunner({"sd15": Handle(lambda *_: Response(["started"], ActorDiedError()))})  # type: ignore[dict-item]
    batches: list[Any] = []
    with pytest.raises(ReplicaLost, match="died"):
        async for batch in runner.run("sd15", RunAttempt(REQUEST, epoch=1, attempt=2)):
            batches.append(batch)
    assert batches == [["started"]]
    assert runner.superseded("sd15") == (("job", 2),)
