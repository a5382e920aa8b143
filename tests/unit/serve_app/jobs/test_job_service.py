import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployments.engine.errors import (
    Conflict,
    Gone,
    InvalidRequest,
    JobNotFound,
    ModelNotFound,
    QueueFull,
)
from deployments.engine.pictures import PictureRef
from deployments.engine.request import LoraRef
from serve_app.jobs.caller import Once
from serve_app.jobs.events import Cancelled, Complete, Error, ImageDone, Preview, Progress, Queued, Started
from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.log import HandedOver
from serve_app.jobs.store import Database, JobStore
from tests.unit.serve_app.jobs.job_fakes import ALICE, House, open_house, stats, turns, wish


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


def rows(house: House) -> dict[str, str]:
    connection = sqlite3.connect(house.data / "darkroom.db")
    try:
        return dict(connection.execute("SELECT id, status FROM jobs"))
    finally:
        connection.close()


async def test_a_job_develops_from_queued_to_complete_in_the_order_of_the_contract(house: House) -> None:
    job_id = await house.submit(seed=7)
    told = [logged.event for logged in await house.stream(job_id)]
    complete = told[-1]
    assert isinstance(complete, Complete)
    assert [type(event) for event in told] == [
        Queued, Started, Progress, Progress, Progress, Preview, ImageDone, Complete,
    ]  # fmt: skip
    assert [event.step for event in told if isinstance(event, Progress)] == [1, 2, 3]
    assert complete.timings == {
        "wait": 0.0, "queued": 0.0, "encode": 0.1, "denoise": 0.2, "decode": 0.3, "total": 0.6,
    }  # fmt: skip
    job = await house.get(job_id)
    assert (job.status, job.attempt, job.images) == (JobStatus.SUCCEEDED, 1, complete.images)
    assert await house.blobs.get(job.image_ref(0).key) == b"picture"


async def test_the_answer_is_the_resolved_job_and_its_row_is_committed(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        job = await house.service.submit(wish(metadata={"mine": 1}), ALICE)
        assert rows(house) == {job.id: "queued"}
        generation = job.request.generation
        assert (job.status, job.position, generation.width) == (JobStatus.QUEUED, 0, 128)
        assert generation.seed is not None
        assert (await house.get(job.id)).request == job.request


class SlowStore(JobStore):
    """Commits new jobs when it is let."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def insert(self, job: Job, once: Once | None = None) -> None:
        self.asked.set()
        await self.go.wait()
        await super().insert(job, once)


async def test_nothing_is_answered_or_dispatched_before_the_commit(tmp_path: Path) -> None:
    async with open_house(tmp_path, store=SlowStore) as house:
        assert isinstance(house.store, SlowStore)
        submitting = asyncio.create_task(house.service.submit(wish(), ALICE))
        await house.store.asked.wait()
        await turns()
        assert not submitting.done()
        assert house.runner.attempts == []
        house.store.go.set()
        assert (await house.ended((await submitting).id)).status is JobStatus.SUCCEEDED


async def test_a_caller_that_goes_while_the_job_is_committed_leaves_a_job_that_runs(tmp_path: Path) -> None:
    async with open_house(tmp_path, store=SlowStore) as house:
        assert isinstance(house.store, SlowStore)
        request = wish()
        submitting = asyncio.create_task(house.service.submit(request, ALICE))
        await house.store.asked.wait()
        submitting.cancel()
        await asyncio.wait({submitting})
        house.store.go.set()
        assert (await house.ended(request.generation.id)).status is JobStatus.SUCCEEDED


async def test_attempts_never_exceed_the_slots(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"prefetch": 1}) as house:
        house.beat(stats(replica="a", max_batch=2), stats(replica="b", max_batch=2))
        jobs = [await house.submit("wait") for _ in range(10)]
        for job_id in jobs[:6]:
            await house.until(job_id, Started)
        assert house.runner.running["sd15"] == 6
        assert [(await house.get(job_id)).position for job_id in jobs[6:]] == [0, 1, 2, 3]
        house.runner.go.set()
        assert {(await house.ended(job_id)).status for job_id in jobs} == {JobStatus.SUCCEEDED}
        assert house.runner.most["sd15"] == 6


async def test_jobs_are_dispatched_in_the_order_of_their_submission(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        jobs = [await house.submit() for _ in range(5)]
        house.beat(stats(max_batch=1))
        for job_id in jobs:
            await house.ended(job_id)
        assert [attempt.request.id for attempt in house.runner.attempts] == jobs


async def test_a_job_of_a_model_without_replica_waits_for_one(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        job_id = await house.submit()
        await turns()
        assert (await house.get(job_id)).eta_s is None
        house.beat()
        assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_past_the_bound_a_job_is_refused_with_a_time_to_come_back(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued": 2}, replicas=False) as house:
        answers = await asyncio.gather(*(house.service.submit(wish(), ALICE) for _ in range(5)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, QueueFull)]
        assert len(refused) == 3
        assert all(refusal.retry_after_s >= 1 for refusal in refused)
        assert len(rows(house)) == 2


async def test_a_refused_request_takes_no_place(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued": 1}, replicas=False) as house:
        for _ in range(3):
            with pytest.raises(InvalidRequest):
                await house.service.submit(wish(width=7), ALICE)
        await house.submit(id="mine")
        await house.cancel("mine")
        for _ in range(3):
            with pytest.raises(Conflict):
                await house.submit(id="mine")
        await house.submit()


async def test_an_unknown_model_is_refused(house: House) -> None:
    with pytest.raises(ModelNotFound):
        await house.submit(model="no-such-model")
    with pytest.raises(ModelNotFound):
        await house.service.jobs(ALICE, model="no-such-model")


async def test_a_job_without_a_model_goes_to_the_first_configured(house: House) -> None:
    job = await house.service.submit(wish(model=None), ALICE)
    assert job.request.generation.model == "sd15"


async def test_an_error_of_the_engine_ends_the_job_with_its_code(house: House) -> None:
    job_id = await house.submit("fail out_of_memory")
    assert await house.until(job_id, Error) == Error("out_of_memory", "no luck")
    job = await house.get(job_id)
    assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "out_of_memory")


@pytest.mark.parametrize("prompt", ["defect", "short"])
async def test_a_defect_ends_its_job_under_an_id_of_the_log_and_no_other_job(
    house: House, prompt: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await house.until(await house.submit(prompt), Error)
    assert isinstance(error, Error)
    assert error.code == "internal"
    error_id = error.message.split()[-1]
    assert error_id in caplog.text
    assert (await house.ended(await house.submit())).status is JobStatus.SUCCEEDED


async def test_progress_is_seen_while_the_job_runs(house: House) -> None:
    job_id = await house.submit("wait", n=2)
    await house.until(job_id, Progress)
    await turns()
    job = await house.get(job_id)
    assert (job.status, job.step, job.total, job.position) == (JobStatus.RUNNING, 1, 3, None)
    assert job.eta_s is not None


async def test_from_a_picture_progress_counts_the_steps_that_strength_leaves(house: House) -> None:
    picture = PictureRef(key="a/input/image", width=64, height=64)
    job_id = await house.submit("wait", image=picture, strength=0.5, steps=8)
    await house.until(job_id, Progress)
    await turns()
    job = await house.get(job_id)
    assert (job.step, job.total) == (1, 4)


async def test_an_image_is_not_found_before_the_end_and_gone_after_its_time(house: House) -> None:
    job_id = await house.submit("wait")
    await house.until(job_id, Started)
    with pytest.raises(JobNotFound):
        (await house.get(job_id)).image_ref(0)
    house.runner.go.set()
    job = await house.ended(job_id)
    with pytest.raises(JobNotFound):
        job.image_ref(1)


async def test_an_image_past_its_age_expires_and_its_description_stays(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job = await house.ended(await house.submit())
        house.clock.now += 8 * 86400
    async with open_house(tmp_path, clock=house.clock) as house:  # a start sweeps at once
        while not (expired := await house.get(job.id)).images_expired:
            await turns()
        assert expired.images == job.images
        with pytest.raises(Gone):
            expired.image_ref(0)
        with pytest.raises(Gone):
            await house.blobs.get(job.images[0].key)


async def test_the_list_tells_what_is_under_way_and_what_has_ended(house: House) -> None:
    done = await house.submit()
    await house.ended(done)
    house.clock.now += 1
    running = await house.submit("wait")
    await house.until(running, Progress)
    await turns()
    page = await house.service.jobs(ALICE, model="v1-5")
    assert [(job.id, job.status, job.step) for job in page.jobs] == [
        (running, JobStatus.RUNNING, 1),
        (done, JobStatus.SUCCEEDED, None),
    ]
    assert [job.id for job in (await house.service.jobs(ALICE, status=JobStatus.SUCCEEDED)).jobs] == [done]


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_bounds(house: House, limit: int) -> None:
    with pytest.raises(InvalidRequest):
        await house.service.jobs(ALICE, limit=limit)


@pytest.mark.parametrize("text", ["", "x" * 201])
async def test_a_search_for_nothing_or_for_a_novel_is_refused(house: House, text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await house.service.jobs(ALICE, text=text)
    assert refused.value.field == "text"


async def test_jobs_are_searched_by_their_prompts_whether_they_run_or_have_ended(house: House) -> None:
    done = await house.submit("ok a Red circle")
    running = await house.submit("wait a red square")
    await house.submit("wait a blue square")
    await house.ended(done)
    assert {job.id for job in (await house.service.jobs(ALICE, text="RED")).jobs} == {running, done}


async def test_the_backlog_is_what_waits_and_what_remains_of_the_running(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        assert house.service.backlog_s() == {"sd15": 0.0, "flux-schnell": 0.0}
        house.beat(stats(max_batch=1, seconds_per_row=0.5))
        running = await house.submit("wait", steps=4, guidance=0.0)
        await house.submit("wait", steps=4, guidance=0.0)
        await house.until(running, Progress)
        await turns()
        whole = (4 + 2) * 0.5
        assert house.service.backlog_s()["sd15"] == pytest.approx(whole + whole * 3 / 4)


async def test_models_and_workers_tell_how_the_fleet_stands(house: House) -> None:
    sd15, flux = await house.service.models()
    assert (sd15.card.id, sd15.state, sd15.replicas) == ("sd15", "ready", 1)
    assert (flux.card.id, flux.state, flux.replicas) == ("flux-schnell", "starting", 0)
    assert [worker.state for worker in await house.service.workers()] == ["ready"]


async def test_a_lora_that_no_replica_knows_is_refused_at_submission_once_one_has_told_the_names(
    tmp_path: Path,
) -> None:
    chalk, ink = ((LoraRef(name=name),) for name in ("chalk", "ink"))
    async with open_house(tmp_path, model={"loras": tmp_path / "loras"}, replicas=False) as house:
        before = await house.submit(loras=chalk)  # nobody knows better yet: its replica may refuse it
        house.beat(stats(overrides={"capabilities": {"loras": ("ink", "oil")}}))
        with pytest.raises(InvalidRequest) as refused:
            await house.submit(loras=chalk)
        assert (refused.value.field, refused.value.allowed) == ("loras", "one of ink, oil")
        after = await house.submit(loras=ink)
        assert set(rows(house)) == {before, after}
        assert (await house.ended(after)).status is JobStatus.SUCCEEDED


async def test_deleting_a_job_removes_its_row_its_images_and_its_log(house: House) -> None:
    job = await house.ended(await house.submit())
    await house.service.delete(job.id, ALICE)
    for look in (house.get(job.id), house.stream(job.id), house.service.delete(job.id, ALICE)):
        with pytest.raises(JobNotFound):
            await look
    with pytest.raises(Gone):
        await house.blobs.get(job.images[0].key)


async def test_deleting_a_running_job_cancels_it_first(house: House) -> None:
    job_id = await house.submit("wait")
    await house.until(job_id, Started)
    following = asyncio.create_task(house.stream(job_id))
    await turns()
    await house.service.delete(job_id, ALICE)
    assert isinstance((await following)[-1].event, Cancelled)
    assert house.runner.closed == [job_id]
    assert rows(house) == {}


async def test_two_hundred_jobs_of_mixed_outcomes_each_reach_exactly_one_terminal_state(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued": 500}) as house:
        replicas = stats(replica="a", max_batch=16), stats(replica="b", max_batch=16)
        house.beat(*replicas)
        prompts = ["ok", "fail invalid_request", "lose 1", "lose 9", "defect", "silent", "wait", "drained"] * 25
        jobs = await asyncio.gather(*(house.submit(prompt) for prompt in prompts))
        streams = asyncio.gather(*(house.stream_beating(job_id, *replicas) for job_id in jobs))
        cancels = asyncio.gather(*(house.cancel(job_id) for job_id in jobs[::5]))
        house.runner.go.set()
        told_to_all = await streams
        await cancels
        committed = rows(house)
        for job_id, told in zip(jobs, told_to_all, strict=True):
            ends = [logged.event for logged in told if isinstance(logged.event, Complete | Cancelled | Error)]
            assert len(ends) == 1
            assert told[-1].event is ends[0]
            kind = {Complete: "succeeded", Cancelled: "cancelled", Error: "failed"}[type(ends[0])]
            assert committed[job_id] == kind
        assert set(committed.values()) == {"succeeded", "cancelled", "failed"}
        while house.runner.running["sd15"]:
            await turns()
        assert house.service.backlog_s()["sd15"] == 0
        assert (await house.ended(await house.submit())).status is JobStatus.SUCCEEDED


async def test_a_service_that_was_closed_takes_no_job(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        pass
    with pytest.raises(HandedOver):
        await house.submit()


async def test_a_model_tells_when_a_picture_that_comes_now_would_be_there(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:

        async def eta_s() -> float | None:
            return (await house.service.models())[0].eta_s

        assert await eta_s() is None
        house.beat(stats(max_batch=1))
        alone = await eta_s()
        assert alone is not None
        assert alone > 0
        first = await house.submit("wait", n=2)
        await house.until(first, Progress)
        behind_one = await eta_s()
        await house.submit("wait")
        behind_two = await eta_s()
        assert behind_one is not None
        assert behind_two is not None
        assert alone < behind_one < behind_two
