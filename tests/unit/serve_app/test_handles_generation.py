"""Python calls from other Ray applications: a job's events in the engine's words, with pictures as PIL images."""

import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deployments.blobs import BlobStore
from deployments.engine import events as engine
from deployments.engine.errors import GenerationCancelled, InternalError, Interrupted, InvalidRequest
from deployments.engine.request import GenerationRequest
from serve_app.handles.generation import as_request, generate, stream
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import (
    Cancelled,
    Complete,
    Error,
    EventId,
    ImageDone,
    JobEvent,
    LoggedEvent,
    Preview,
    Progress,
    Queued,
    Restarted,
    Started,
)
from serve_app.jobs.job import ImageRef, Job, JobRequest, JobStatus

REQUEST = GenerationRequest(id="job", prompt="a red circle", seed=7)
TIMINGS = {"wait": 1.0, "queued": 0.5, "encode": 0.1, "denoise": 2.0, "decode": 0.2, "total": 2.8}


class ScriptedBackend:
    """Accepts any job and tells a fixed story; the rest of the Backend is not called."""

    def __init__(self, *events: JobEvent) -> None:
        self._story = events
        self.submitted: list[JobRequest] = []
        self.closed_early = False

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        self.submitted.append(request)
        return Job(request.generation.id, request, JobStatus.QUEUED, attempt=0, created_at=0)

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        try:
            for seq, event in enumerate(self._story, start=1):
                yield [LoggedEvent(EventId(1, seq), event)]
        except GeneratorExit:
            self.closed_early = True
            raise


def encoded(shade: int, format: str = "png") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(buffer, format)
    return buffer.getvalue()


@pytest.fixture
async def blobs(tmp_path: Path) -> BlobStore:
    store = BlobStore.open(f"file://{tmp_path}")
    for index in range(2):
        await store.put(f"job/1/{index}", encoded(100 + index), "image/png")
    return store


def done(index: int = 0) -> ImageDone:
    return ImageDone(ImageRef(index, f"job/1/{index}", 7 + index, "png", 8, 8, 100))


async def told(blobs: BlobStore, *story: JobEvent) -> list[engine.Event]:
    return [event async for event in stream(ScriptedBackend(*story), blobs, REQUEST)]  # type: ignore[arg-type]


async def test_a_job_is_told_in_the_words_of_the_engine(blobs: BlobStore) -> None:
    events = await told(
        blobs,
        Queued(0, None),
        Started(1),
        Progress(1, 2, 0),
        Preview(1, 2, "jpeg", encoded(50, "jpeg"), 0),
        Progress(2, 2, 0),
        done(),
        Complete((), TIMINGS),
    )
    started, one, preview, two, ready, completed = events
    assert (started, one, two) == (
        engine.Started("job"),
        engine.Progress("job", 1, 2, 0),
        engine.Progress("job", 2, 2, 0),
    )
    assert isinstance(preview, engine.Preview)
    assert (preview.step, preview.image.size) == (1, (8, 8))
    assert isinstance(ready, engine.ImageReady)
    assert (ready.seed, ready.image.getpixel((0, 0))) == (7, (100, 0, 0))
    assert completed == engine.Completed("job", engine.Timings(1.5, 0.1, 2.0, 0.2, 3.8))


async def test_a_restart_delivers_no_image_twice(blobs: BlobStore) -> None:
    story = (done(0), Restarted(2, "the replica died", 0), Started(2), done(0), done(1), Complete((), TIMINGS))
    ready = [event for event in await told(blobs, *story) if isinstance(event, engine.ImageReady)]
    assert [event.index for event in ready] == [0, 1]


@pytest.mark.parametrize(
    ("end", "event"),
    [
        (Cancelled(), engine.Cancelled("job")),
        (Error("out_of_memory", "no room"), engine.Failed("job", "out_of_memory", "no room")),
    ],
)
async def test_a_stream_ends_as_the_job_ends(blobs: BlobStore, end: JobEvent, event: engine.Event) -> None:
    assert (await told(blobs, end))[-1] == event


async def test_a_caller_that_goes_away_leaves_the_job_unfollowed_which_cancels_it(blobs: BlobStore) -> None:
    backend = ScriptedBackend(Started(1), Progress(1, 2, 0), Complete((), TIMINGS))
    async with aclosing(stream(backend, blobs, REQUEST)) as events:  # type: ignore[arg-type]
        await anext(events)
    assert backend.closed_early
    assert [request.on_disconnect for request in backend.submitted] == ["cancel"]


async def test_generate_returns_the_images_in_order(blobs: BlobStore) -> None:
    backend = ScriptedBackend(done(1), done(0), Complete((), TIMINGS))
    result = await generate(backend, blobs, REQUEST)  # type: ignore[arg-type]
    assert result.id == "job"
    assert result.seeds == (7, 8)
    assert [image.getpixel((0, 0)) for image in result.images] == [(100, 0, 0), (101, 0, 0)]


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (Cancelled(), GenerationCancelled),
        (Error("interrupted", "the service stopped"), Interrupted),
        (Error("a code of tomorrow", "no idea"), InternalError),
    ],
)
async def test_generate_raises_the_error_of_the_job(blobs: BlobStore, end: JobEvent, error: type[Exception]) -> None:
    with pytest.raises(error):
        await generate(ScriptedBackend(end), blobs, REQUEST)  # type: ignore[arg-type]


async def test_a_request_is_taken_as_it_is_or_made_of_fields() -> None:
    assert await as_request(REQUEST, {}) is REQUEST
    assert (await as_request(None, {"prompt": "a red circle", "steps": 4})).steps == 4
    painted = await as_request(None, {"prompt": "a red circle", "image": Image.new("RGB", (40, 30))})
    assert painted.image is not None
    assert (painted.image.width, painted.image.height) == (40, 30)


@pytest.mark.parametrize(
    ("request_", "fields", "field"),
    [
        (None, {}, None),
        (REQUEST, {"steps": 4}, None),
        (None, {"prompt": "x", "steps": 0}, "steps"),
        (None, {"prompt": "x", "no_such_field": 1}, "no_such_field"),
        (None, {"steps": 4}, "prompt"),
        (None, {"prompt": "x", "seed": 2**53 - 1}, None),
        (None, {"prompt": "x", "image": b"no picture"}, "image"),
        (None, {"prompt": "x", "image": "a/path.png"}, "image"),
    ],
)
async def test_bad_fields_are_named(
    request_: GenerationRequest | None, fields: dict[str, Any], field: str | None
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await as_request(request_, fields)
    assert refused.value.field == field
