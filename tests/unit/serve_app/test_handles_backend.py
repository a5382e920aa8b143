"""The Ingress's side of its calls to the Router: one that is gone is waited for, and is a 503 only in the end."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ray.exceptions import ActorDiedError

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone, JobNotFound, ModelUnavailable
from deployments.engine.request import GenerationRequest
from deployments.messages import RunAttempt
from serve_app.handles.backend import RouterBackend
from serve_app.handles.calls import Moved, Refused
from serve_app.handles.runner import ServeRunner
from serve_app.jobs.activity import Activity
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.job import ImageRef, Job, JobRequest, JobStatus
from serve_app.jobs.runner import ReplicaLost

ALICE = Caller("alice")
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


def backend(script: Callable[..., Response], folder: Path) -> RouterBackend:
    return RouterBackend([Handle(script)], {"sd15": 0}, BlobStore.open(f"file://{folder}"), answer_timeout_s=0.3)  # type: ignore[arg-type]


async def test_a_call_without_a_router_is_unavailable_for_now(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as unavailable:
        await backend(lambda *_: Response(ActorDiedError()), tmp_path).get("job", ALICE)
    assert unavailable.value.retry_after_s > 0


async def test_the_errors_of_the_router_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(JobNotFound):
        await backend(lambda *_: Response(Refused(JobNotFound("job"))), tmp_path).get("job", ALICE)


async def test_a_call_whose_router_dies_or_hands_over_is_made_again_at_the_next(tmp_path: Path) -> None:
    job = Job("job", JobRequest(generation=REQUEST), JobStatus.QUEUED, 0, 0.0)
    answers = [Response(ActorDiedError()), Response(Moved()), Response(job)]
    assert await backend(lambda *_: answers.pop(0), tmp_path).get("job", ALICE) == job


async def test_a_submission_that_is_made_again_has_the_same_name_so_that_there_is_one_job(tmp_path: Path) -> None:
    names: list[Once] = []

    def script(method: str, request: JobRequest, caller: Caller, once: Once) -> Response:
        names.append(once)
        return Response(ActorDiedError() if len(names) == 1 else Job("job", request, JobStatus.QUEUED, 0, 0.0))

    await backend(script, tmp_path).submit(JobRequest(generation=REQUEST), ALICE)
    await backend(script, tmp_path).submit(JobRequest(generation=REQUEST), ALICE)
    assert names[0] == names[1] != names[2]


async def test_a_clients_own_name_goes_with_a_fingerprint_of_all_that_was_asked_for(tmp_path: Path) -> None:
    names: list[Once] = []

    def script(method: str, request: JobRequest, caller: Caller, once: Once) -> Response:
        names.append(once)
        return Response(Job("job", request, JobStatus.QUEUED, 0, 0.0))

    red, blue = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    wishes: list[dict[str, Any]] = [
        {}, {"id": "another"}, {"prompt": "a blue circle"}, {"seed": 1}, {"image": red}, {"image": blue}
    ]  # fmt: skip
    for wish in wishes:
        generation = GenerationRequest(**({"prompt": "a red circle"} | wish))
        await backend(script, tmp_path).submit(JobRequest(generation=generation), ALICE, "mine")
    assert {name.key for name in names} == {"mine"}
    prints = [name.fingerprint for name in names]
    assert prints[0] == prints[1]  # an id that was drawn is nothing that was asked for
    assert len(set(prints)) == len(prints) - 1


async def test_pictures_that_came_with_a_repeat_are_not_kept_twice(tmp_path: Path) -> None:
    first: list[Job] = []

    def script(method: str, request: JobRequest, caller: Caller, once: Once) -> Response:
        first.append(Job(request.generation.id, request, JobStatus.QUEUED, 0, 0.0))
        return Response(first[0])

    darkroom = backend(script, tmp_path)
    wish = GenerationRequest(id="job", prompt="x", image=Image.new("RGB", (8, 8), "red"))
    for _ in range(3):
        await darkroom.submit(JobRequest(generation=wish), ALICE, "mine")
    kept = await asyncio.to_thread(lambda: [path for path in tmp_path.rglob("*") if path.is_file()])
    assert len(kept) == 1


async def test_what_every_router_tells_of_its_models_is_told_in_the_order_of_the_settings(tmp_path: Path) -> None:
    def router(*models: str) -> Handle:
        return Handle(lambda _method: Response(Activity(models).told()))

    blobs, shards = BlobStore.open(f"file://{tmp_path}"), {"flux-dev": 1, "sd15": 0, "sdxl": 1}
    darkroom = RouterBackend([router("sd15"), router("sdxl", "flux-dev")], shards, blobs)  # type: ignore[list-item]
    assert [one.model for one in await darkroom.activity()] == ["flux-dev", "sd15", "sdxl"]


async def test_image_bytes_come_from_the_blob_store(tmp_path: Path) -> None:
    ref = ImageRef(0, "job/1/0", 7, "png", 8, 8, 3)
    job = Job("job", JobRequest(generation=REQUEST), JobStatus.SUCCEEDED, 1, 0.0, images=(ref,))
    darkroom = backend(lambda *_: Response(job), tmp_path)
    with pytest.raises(Gone):
        await darkroom.image("job", 0, ALICE)
    await BlobStore.open(f"file://{tmp_path}").put("job/1/0", b"png", "image/png")
    assert await darkroom.image("job", 0, ALICE) == (job, b"png")


async def test_an_attempt_whose_replica_is_gone_is_lost_and_superseded_from_then_on() -> None:
    runner = ServeRunner({"sd15": Handle(lambda *_: Response(["started"], ActorDiedError()))})  # type: ignore[dict-item]
    batches: list[Any] = []
    with pytest.raises(ReplicaLost, match="died"):
        async for batch in runner.run("sd15", RunAttempt(REQUEST, epoch=1, attempt=2)):
            batches.append(batch)
    assert batches == [["started"]]
    assert runner.superseded("sd15") == (("job", 2),)
