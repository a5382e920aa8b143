"""The replica around an engine, without Ray: the engine is a script, the blob store a folder."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from deployments.blobs import BlobStore
from deployments.engine.errors import InvalidRequest
from deployments.engine.events import (
    TERMINAL,
    Cancelled,
    Completed,
    Event,
    Failed,
    ImageReady,
    Preview,
    Progress,
    Started,
    Timings,
)
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import GenerationRequest
from deployments.engine.stats import Memory, Work
from deployments.inputs import keep
from deployments.messages import Dropped, EncodedPreview, ImageStored, ReplicaEvent, ReplicaStats, RunAttempt
from deployments.replica import ModelReplica, Place
from deployments.telemetry.context import Concern, concern
from deployments.telemetry.replica_metrics import FORWARD_IMAGES, REQUESTS
from tests.unit.telemetry_fakes import RecordingMeters

TIMINGS = Timings(queued=0, encode=0, denoise=1, decode=0, total=1)


@dataclass
class Load:
    running: int = 1
    batch: int = 2
    max_batch: int = 4
    backlog_s: float = 1.5
    seconds_per_row: float | None = None
    device: str = "cpu"
    overrides: dict[str, Any] = field(default_factory=dict)
    loras: tuple[str, ...] = ("oil", "ink")
    work: Work = field(default_factory=lambda: Work(forwards=3, seconds=0.5, images=6))
    memory: Memory | None = None


class ScriptedEngine:
    """Says only what a test has it say. ``cancel`` answers with ``Cancelled``, as an engine does, unless it is mute."""

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[list[Event]], None]] = {}
        self.requests: dict[str, GenerationRequest] = {}
        self.resumed: dict[str, dict[int, bytes]] = {}
        self.submitted = asyncio.Event()
        self.cancelled: list[str] = []
        self.refusal: InvalidRequest | None = None
        self.broken = False
        self.mute = False
        self.concerns: dict[str, Concern | None] = {}

    def submit(
        self,
        request: GenerationRequest,
        on_events: Callable[[list[Event]], None],
        *,
        resume: Mapping[int, bytes] | None,
        checkpoint_every_s: float | None,
    ) -> GenerationRequest:
        if self.refusal is not None:
            raise self.refusal
        self.listeners[request.id] = on_events
        self.requests[request.id] = request
        self.resumed[request.id] = dict(resume or {})
        self.concerns[request.id] = concern()
        self.submitted.set()
        return request

    def cancel(self, request_id: str) -> bool:
        self.cancelled.append(request_id)
        if self.mute:
            return True
        listener = self.listeners.pop(request_id, None)
        if listener is None:
            return False
        listener([Cancelled(request_id)])
        return True

    def say(self, *events: Event) -> None:
        """Tell events, from a thread of its own in real life; ``call_soon_threadsafe`` does not mind."""
        self.listeners[events[0].id](list(events))

    def stats(self) -> Load:
        return Load()

    def check(self) -> None:
        if self.broken:
            raise RuntimeError("the denoise thread has ended")

    def close(self) -> None:
        pass


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def meters() -> RecordingMeters:
    return RecordingMeters()


@pytest.fixture
async def replica(engine: ScriptedEngine, meters: RecordingMeters, tmp_path: Path) -> ModelReplica:
    place = Place(replica_id="r1", node="n1", gpu="3")
    replica = ModelReplica.__new__(ModelReplica)
    await replica.__init__(
        "sd15", f"file://{tmp_path}", lambda: engine, lambda: place, telemetry=lambda: meters
    )  # as Serve does
    return replica


def attempt(job: str = "job", *, number: int = 1, epoch: int = 1, **fields: Any) -> RunAttempt:
    request = GenerationRequest(id=job, prompt="a red circle", width=64, height=64, steps=4, seed=7, **fields)
    return RunAttempt(request, epoch, number)


def picture(shade: int = 0) -> Image.Image:
    return Image.new("RGB", (64, 64), (shade, 0, 0))


async def collect(replica: ModelReplica, run: RunAttempt) -> list[ReplicaEvent]:
    return [event async for events in replica.run(run) for event in events]


async def until_submitted(engine: ScriptedEngine) -> None:
    await engine.submitted.wait()
    engine.submitted.clear()


async def test_an_image_is_in_the_blob_store_before_it_is_told(
    replica: ModelReplica, engine: ScriptedEngine, tmp_path: Path
) -> None:
    task = asyncio.create_task(collect(replica, attempt(number=2)))
    await until_submitted(engine)
    engine.say(Started("job"), ImageReady("job", picture(200), 7, 0), Completed("job", TIMINGS))
    started, stored, completed = await task
    assert started == Started("job")
    assert isinstance(stored, ImageStored)
    assert (stored.key, stored.seed, stored.format, stored.width, stored.height) == ("job/2/0", 7, "png", 64, 64)
    data = await BlobStore.open(f"file://{tmp_path}").get(stored.key)
    assert len(data) == stored.size
    assert Image.open(io.BytesIO(data)).getpixel((0, 0)) == (200, 0, 0)
    assert completed == Completed("job", TIMINGS)


async def test_completed_waits_for_the_last_image(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(collect(replica, attempt(n=3)))
    await until_submitted(engine)
    engine.say(*(ImageReady("job", picture(), 7 + index, index) for index in range(3)), Completed("job", TIMINGS))
    *stored, last = await task
    assert [event.index for event in stored if isinstance(event, ImageStored)] == [0, 1, 2]
    assert last == Completed("job", TIMINGS)


async def test_a_preview_goes_out_as_a_small_jpeg(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    engine.say(Preview("job", picture(90), 2, 0), Completed("job", TIMINGS))
    preview = (await task)[0]
    assert isinstance(preview, EncodedPreview)
    assert (preview.step, preview.total, preview.format) == (2, 4, "jpeg")
    assert len(preview.image) <= 32 * 1024
    assert Image.open(io.BytesIO(preview.image)).size == (64, 64)


async def test_no_progress_is_lost(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    progress = [Progress("job", step, 4, 0) for step in range(1, 5)]
    for event in progress:
        engine.say(event)
    engine.say(Completed("job", TIMINGS))
    assert [event for event in await task if isinstance(event, Progress)] == progress


async def test_a_call_that_is_cancelled_cancels_the_request_in_the_engine(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.cancelled == ["job"]


async def test_a_call_that_is_closed_cancels_the_request_in_the_engine(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    async with aclosing(replica.run(attempt())) as events:
        first = asyncio.ensure_future(anext(events))
        await until_submitted(engine)
        engine.say(Started("job"))
        assert await first == [Started("job")]
    assert engine.cancelled == ["job"]


async def test_a_request_that_has_ended_is_not_cancelled(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    engine.say(Completed("job", TIMINGS))
    await task
    assert engine.cancelled == []


async def test_what_the_engine_refuses_ends_as_failed(replica: ModelReplica, engine: ScriptedEngine) -> None:
    engine.refusal = InvalidRequest("steps", 4, "1 to 3")
    assert await collect(replica, attempt()) == [Failed("job", "invalid_request", engine.refusal.message)]


async def test_an_image_that_can_not_be_stored_ends_as_failed_and_frees_the_engine(
    replica: ModelReplica, engine: ScriptedEngine, tmp_path: Path
) -> None:
    (tmp_path / "job").write_text("a file where the folder should be")
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    engine.say(ImageReady("job", picture(), 7, 0))
    (failed,) = await task
    assert isinstance(failed, Failed)
    assert failed.code == "internal"
    assert engine.cancelled[0] == "job"


async def ended_as(events: AsyncIterator[list[ReplicaEvent]]) -> ReplicaEvent:
    async for batch in events:
        if isinstance(batch[-1], TERMINAL):
            return batch[-1]
    raise AssertionError("no terminal event")


async def test_a_newer_epoch_interrupts_what_an_older_router_started(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    old = asyncio.create_task(ended_as(replica.run(attempt("old", epoch=1))))
    await until_submitted(engine)
    new = asyncio.create_task(ended_as(replica.run(attempt("new", epoch=2))))
    await until_submitted(engine)
    await replica.sync(2, [])
    assert (await old).code == "interrupted"
    assert engine.cancelled == ["old"]
    engine.say(Completed("new", TIMINGS))
    assert await new == Completed("new", TIMINGS)


async def test_an_attempt_of_an_older_epoch_never_reaches_the_engine(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    await replica.sync(5, [])
    assert (await ended_as(replica.run(attempt(epoch=4)))).code == "interrupted"
    assert engine.listeners == {}


async def test_a_superseded_attempt_is_dropped_and_others_go_on(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(ended_as(replica.run(attempt(number=2))))
    await until_submitted(engine)
    await replica.sync(1, [("job", 1), ("other", 2)])
    assert engine.cancelled == []
    await replica.sync(1, [("job", 2)])
    assert (await task).code == "interrupted"
    assert engine.cancelled == ["job"]


async def test_a_new_attempt_at_the_same_job_waits_until_the_earlier_one_has_left_the_engine(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    first = asyncio.create_task(ended_as(replica.run(attempt(number=1))))
    await until_submitted(engine)
    second = asyncio.create_task(ended_as(replica.run(attempt(number=2))))
    await until_submitted(engine)
    assert (await first).code == "interrupted"
    engine.say(Completed("job", TIMINGS))
    assert await second == Completed("job", TIMINGS)


async def test_the_heartbeat_tells_where_the_replica_is_and_how_it_stands(replica: ModelReplica) -> None:
    assert await replica.sync(1, []) == ReplicaStats(
        replica_id="r1",
        model="sd15",
        node="n1",
        device="cpu",
        gpu="3",
        running=1,
        batch=2,
        max_batch=4,
        backlog_s=1.5,
        seconds_per_row=None,
        overrides={},
        loras=("oil", "ink"),
    )


async def test_the_heartbeat_measures_the_engine(replica: ModelReplica, meters: RecordingMeters) -> None:
    await replica.sync(1, [])
    assert meters.count(FORWARD_IMAGES, "sd15") == 6
    assert meters.gauges[REQUESTS.name, ("sd15",)] == 1


async def test_an_attempt_that_was_cancelled_is_told_once_when_its_engine_has_said_its_last_word(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    engine.mute = True
    task = asyncio.create_task(collect(replica, attempt(number=2)))
    await until_submitted(engine)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await replica.sync(1, [])).dropped == ()
    engine.say(Cancelled("job"))
    await asyncio.sleep(0)
    (dropped,) = (await replica.sync(1, [])).dropped
    assert dropped == Dropped("job", 2, dropped.ago_s)
    assert 0 <= dropped.ago_s < 60
    assert (await replica.sync(1, [])).dropped == ()


async def test_an_attempt_that_ended_by_itself_was_not_dropped(replica: ModelReplica, engine: ScriptedEngine) -> None:
    task = asyncio.create_task(collect(replica, attempt()))
    await until_submitted(engine)
    engine.say(Completed("job", TIMINGS))
    await task
    assert (await replica.sync(1, [])).dropped == ()


async def test_the_engine_works_in_the_context_of_its_attempt(replica: ModelReplica, engine: ScriptedEngine) -> None:
    tasks = [asyncio.create_task(collect(replica, attempt(job, number=3))) for job in ("one", "two")]
    while len(engine.concerns) < 2:
        await until_submitted(engine)
    assert engine.concerns == {"one": Concern("one", 3), "two": Concern("two", 3)}
    for job in ("one", "two"):
        engine.say(Completed(job, TIMINGS))
    await asyncio.gather(*tasks)


async def test_the_loras_to_route_by_do_not_change_by_being_used(replica: ModelReplica) -> None:
    assert await replica.record_routing_stats() == {"loras": ["ink", "oil"]}


async def test_the_health_check_fails_when_a_thread_of_the_engine_has_ended(
    replica: ModelReplica, engine: ScriptedEngine
) -> None:
    await replica.check_health()
    engine.broken = True
    with pytest.raises(RuntimeError, match="denoise"):
        await replica.check_health()


async def test_the_engine_gets_the_pictures_that_the_request_names(
    replica: ModelReplica, engine: ScriptedEngine, tmp_path: Path
) -> None:
    blobs = BlobStore.open(f"file://{tmp_path}")
    run = attempt(image=picture(9))
    kept, _ = await keep(run.request, blobs)
    run = replace(run, request=kept)
    telling = asyncio.create_task(collect(replica, run))
    await engine.submitted.wait()
    assert isinstance(engine.requests["job"].image, Picture)
    assert engine.requests["job"].image.rgb().getpixel((0, 0)) == (9, 0, 0)
    engine.say(Cancelled("job"))
    assert await telling == [Cancelled("job")]


async def test_a_picture_that_is_gone_fails_the_attempt(replica: ModelReplica, engine: ScriptedEngine) -> None:
    run = attempt(image=PictureRef(key="job/input/image", width=64, height=64))
    (failed,) = await collect(replica, run)
    assert isinstance(failed, Failed)
    assert failed.code == "gone"
    assert engine.requests == {}


async def test_previews_tell_the_total_that_the_engine_tells(replica: ModelReplica, engine: ScriptedEngine) -> None:
    telling = asyncio.create_task(collect(replica, attempt()))
    await engine.submitted.wait()
    engine.say(Progress("job", 1, 3, 0), Preview("job", picture(), 1, 0))
    engine.say(ImageReady("job", picture(), 7, 0), Completed("job", TIMINGS))
    previews = [event for event in await telling if isinstance(event, EncodedPreview)]
    assert [(preview.step, preview.total) for preview in previews] == [(1, 3)]
