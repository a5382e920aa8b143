import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deployments.engine.errors import JobNotFound, ModelUnavailable
from serve_app.jobs.caller import Once
from serve_app.jobs.events import Cancelled, Complete, Error, Progress, Queued, Started
from serve_app.jobs.job import ACTIVE, Job, JobStatus
from serve_app.jobs.store import Database, JobStore
from serve_app.settings import JobSettings
from tests.unit.serve_app.jobs.job_fakes import ALICE, Clock, House, open_house, stats, turns, wish


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


async def test_a_waiting_job_is_cancelled_at_once_and_never_runs(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        job_id = await house.submit()
        assert (await house.cancel(job_id)).status is JobStatus.CANCELLED
        assert [type(logged.event) for logged in await house.stream(job_id)] == [Queued, Cancelled]
        house.beat()
        await house.ended(await house.submit())
        assert job_id not in [attempt.request.id for attempt in house.runner.attempts]


async def test_cancelling_a_running_job_closes_its_attempt_and_commits(house: House) -> None:
    job_id = await house.submit("wait")
    await house.until(job_id, Progress)
    assert (await house.cancel(job_id)).status is JobStatus.CANCELLED
    await turns()
    assert house.runner.closed == [job_id]
    assert house.runner.running["sd15"] == 0
    assert (await house.get(job_id)).status is JobStatus.CANCELLED
    assert isinstance((await house.stream(job_id))[-1].event, Cancelled)


async def test_the_slot_of_a_cancelled_job_goes_to_the_next(house: House) -> None:
    house.beat(stats(max_batch=1))
    first, second = await house.submit("wait"), await house.submit()
    await house.until(first, Started)
    await house.cancel(first)
    assert (await house.ended(second)).status is JobStatus.SUCCEEDED
    assert house.runner.most["sd15"] == 1


async def test_cancelling_a_finished_job_answers_the_state_that_won(house: House) -> None:
    job_id = await house.submit()
    done = await house.ended(job_id)
    assert await house.cancel(job_id) == done
    assert isinstance((await house.stream(job_id))[-1].event, Complete)


async def test_cancelling_an_unknown_job_is_not_found(house: House) -> None:
    with pytest.raises(JobNotFound):
        await house.cancel("nobody")


@pytest.mark.parametrize("delay", range(0, 60, 3))
async def test_however_cancels_and_completion_interleave_all_agree(house: House, delay: int) -> None:
    job_id = await house.submit("wait", n=2)
    await house.until(job_id, Progress)
    house.runner.go.set()
    await turns(delay)
    answers = await asyncio.gather(*(house.cancel(job_id) for _ in range(5)))
    final = await house.get(job_id)
    assert {answer.status for answer in answers} == {final.status}
    last = (await house.stream(job_id))[-1].event
    assert isinstance(last, Complete if final.status is JobStatus.SUCCEEDED else Cancelled)


@pytest.mark.parametrize("delay", range(12))
async def test_a_cancel_right_after_the_submission_wins_wherever_the_dispatch_stands(house: House, delay: int) -> None:
    job_id = await house.submit("wait")
    await turns(delay)
    assert (await house.cancel(job_id)).status is JobStatus.CANCELLED
    house.runner.go.set()
    assert (await house.ended(await house.submit())).status is JobStatus.SUCCEEDED
    assert house.runner.running["sd15"] == 0


async def test_a_cancel_whose_caller_goes_away_is_carried_out(house: House) -> None:
    job_id = await house.submit("wait")
    await house.until(job_id, Started)
    cancelling = asyncio.create_task(house.cancel(job_id))
    await turns(1)
    cancelling.cancel()
    await asyncio.wait({cancelling})
    assert (await house.ended(job_id)).status is JobStatus.CANCELLED


async def test_the_last_follower_that_leaves_cancels_a_synchronous_call(house: House) -> None:
    job_id = await house.submit("wait", on_disconnect="cancel")
    first, second = house.follow(job_id), house.follow(job_id)
    await anext(first)
    await anext(second)
    await first.aclose()
    await turns()
    assert (await house.get(job_id)).status in {JobStatus.QUEUED, JobStatus.RUNNING}
    await second.aclose()
    assert (await house.ended(job_id)).status is JobStatus.CANCELLED


async def test_a_follower_that_leaves_does_not_cancel_a_job(house: House) -> None:
    job_id = await house.submit("wait", on_disconnect="detach")
    stream = house.follow(job_id)
    await anext(stream)
    await stream.aclose()
    house.runner.go.set()
    assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_follower_whose_task_is_cancelled_counts_as_gone(house: House) -> None:
    job_id = await house.submit("wait", on_disconnect="cancel")
    following = asyncio.create_task(house.stream(job_id))
    await house.until(job_id, Progress)
    following.cancel()
    await asyncio.wait({following})
    assert (await house.ended(job_id)).status is JobStatus.CANCELLED


async def test_a_synchronous_call_that_nobody_comes_to_follow_is_cancelled_after_its_time(tmp_path: Path) -> None:
    clock = Clock()
    async with open_house(tmp_path, settings=JobSettings(follow_within_s=30), clock=clock) as house:
        orphan = await house.submit("wait", on_disconnect="cancel")
        job = await house.submit("wait", on_disconnect="detach")
        followed = await house.submit("wait", on_disconnect="cancel")
        stream = house.follow(followed)
        await anext(stream)
        clock.now += 31
        while (await house.get(orphan)).status is not JobStatus.CANCELLED:
            await turns(1)
        assert house.runner.closed == [orphan]
        house.runner.go.set()
        for job_id in (job, followed):
            assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED
        await stream.aclose()


class SlowInsert(JobStore):
    """Commits a new job when it is told to."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.inserting, self.go = asyncio.Event(), asyncio.Event()

    async def insert(self, job: Job, once: Once | None = None) -> None:
        self.inserting.set()
        await self.go.wait()
        await super().insert(job, once)


@pytest.mark.parametrize(("on_disconnect", "end"), [("cancel", JobStatus.CANCELLED), ("detach", JobStatus.SUCCEEDED)])
async def test_a_caller_that_goes_away_while_it_submits_leaves_what_it_asked_for(
    tmp_path: Path, on_disconnect: str, end: JobStatus
) -> None:
    async with open_house(tmp_path, store=SlowInsert) as house:
        assert isinstance(house.store, SlowInsert)
        request = wish(on_disconnect=on_disconnect)
        submitting = asyncio.create_task(house.service.submit(request, ALICE))
        await house.store.inserting.wait()
        submitting.cancel()
        await asyncio.wait({submitting})
        house.store.go.set()
        while not (page := await house.service.jobs(ALICE)).jobs or page.jobs[0].status in ACTIVE:
            await turns(1)
        assert page.jobs[0].status is end


async def test_the_jobs_of_a_model_that_no_replica_serves_fail_in_the_end_and_new_ones_are_refused(
    tmp_path: Path,
) -> None:
    clock = Clock()
    settings = JobSettings(unavailable_after_s=60)
    async with open_house(tmp_path, settings=settings, clock=clock, replicas=False) as house:
        job_id = await house.submit()
        clock.now += 61
        error = await house.until(job_id, Error)
        assert isinstance(error, Error)
        assert error.code == "model_unavailable"
        with pytest.raises(ModelUnavailable):
            await house.submit()
        house.beat()
        assert (await house.ended(await house.submit())).status is JobStatus.SUCCEEDED
