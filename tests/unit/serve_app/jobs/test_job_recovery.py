import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from deployments.engine.errors import ModelUnavailable
from serve_app.jobs.events import Cancelled, Complete, Error, Queued, Restarted, Started
from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.outcome import Outcome
from serve_app.jobs.store import JobStore
from serve_app.settings import JobSettings
from tests.unit.serve_app.jobs.job_fakes import House, open_house, stats, turns


async def beat_until(house: House, job_id: str) -> Job:
    """The job once it has ended, with a heartbeat at first and after each loss."""
    house.beat(stats(max_batch=1))
    await house.stream_beating(job_id, stats(max_batch=1))
    return await house.service.get(job_id)


@pytest.mark.parametrize("prompt", ["lose 1", "lose 2", "drained"])
async def test_a_job_whose_replica_is_lost_runs_again_with_the_same_seed(tmp_path: Path, prompt: str) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit(prompt)
        job = await beat_until(house, job_id)
        assert job.status is JobStatus.SUCCEEDED
        attempts = house.runner.attempts
        assert [attempt.attempt for attempt in attempts] == list(range(1, job.attempt + 1))
        assert len({attempt.request.seed for attempt in attempts}) == 1
        assert job.images[0].key == f"{job_id}/{job.attempt}/0"
        told = [logged.event for logged in await house.stream(job_id)]
        assert [event.attempt for event in told if isinstance(event, Started)] == list(range(1, job.attempt + 1))
        assert [event.attempt for event in told if isinstance(event, Restarted)] == list(range(2, job.attempt + 1))


@pytest.mark.parametrize("prompt", ["lose 9", "silent", "given-up"])
async def test_a_job_that_is_lost_too_often_fails_as_interrupted(tmp_path: Path, prompt: str) -> None:
    async with open_house(tmp_path, settings=JobSettings(max_attempts=2)) as house:
        job = await beat_until(house, await house.submit(prompt))
        assert (job.status, job.error and job.error.code, job.attempt) == (JobStatus.FAILED, "interrupted", 2)
        assert len(house.runner.attempts) == 2


async def test_a_lost_job_goes_before_those_that_wait(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        lost, waiting = await house.submit("lose 1"), await house.submit()
        await beat_until(house, lost)
        await house.ended(waiting)
        assert [attempt.request.id for attempt in house.runner.attempts] == [lost, lost, waiting]


async def test_after_a_loss_nothing_is_dispatched_until_the_fleet_has_told_who_is_left(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("lose 1")
        await house.until(job_id, Restarted)
        await turns()
        assert len(house.runner.attempts) == 1
        assert (await house.service.get(job_id)).status is JobStatus.QUEUED
        house.beat()
        assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_job_that_waits_again_can_be_cancelled(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("lose 1")
        await house.until(job_id, Restarted)
        assert (await house.service.cancel(job_id)).status is JobStatus.CANCELLED
        assert isinstance((await house.stream(job_id))[-1].event, Cancelled)


async def test_a_service_that_starts_after_a_crash_fails_what_was_unfinished(tmp_path: Path) -> None:
    async with open_house(tmp_path) as crashed:
        running = await crashed.submit("wait")
        await crashed.until(running, Started)
        seen = (await anext(crashed.service.follow(running)))[-1].id
        async with open_house(tmp_path) as house:
            job = await house.service.get(running)
            assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "interrupted")
            told = await house.stream(running, seen)
            assert [type(logged.event) for logged in told] == [Queued, Started, Error]
            assert all(logged.id > seen for logged in told)
            assert await house.stream(running, told[-1].id) == []
            # the one that was superseded can neither take jobs nor finish any
            with pytest.raises(ModelUnavailable):
                await crashed.submit()
            crashed.runner.go.set()
            assert isinstance((await crashed.stream(running))[-1].event, Error)


async def test_a_service_that_is_closed_tells_its_followers(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        waiting = asyncio.create_task(house.stream(await house.submit()))
        house.beat(stats(max_batch=0))
        await turns()
    end = (await waiting)[-1].event
    assert isinstance(end, Error)
    assert end.code == "interrupted"


class FullDisk(JobStore):
    """Can't commit the end of a job at the first two tries."""

    tries = 0

    async def finish(self, job_id: str, attempt: int, outcome: Outcome, now: float, last_seq: int) -> Job:
        self.tries += 1
        if self.tries <= 2:
            raise OperationalError("UPDATE jobs", {}, OSError("disk full"))
        return await super().finish(job_id, attempt, outcome, now, last_seq)


async def test_an_end_that_can_not_be_committed_is_tried_again_before_anybody_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(tmp_path, store=FullDisk) as house:
        job_id = await house.submit()
        assert isinstance(await house.until(job_id, Error, Complete), Complete)
        assert (await house.service.get(job_id)).status is JobStatus.SUCCEEDED
        assert "disk full" in caplog.text
