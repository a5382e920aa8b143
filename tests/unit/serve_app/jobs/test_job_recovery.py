import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from serve_app.jobs.events import Cancelled, Complete, Error, Restarted, Started
from serve_app.jobs.job import ACTIVE, Job, JobStatus
from serve_app.jobs.log import HandedOver
from serve_app.jobs.store import JobStore
from serve_app.settings import JobSettings
from tests.unit.serve_app.jobs.job_fakes import Clock, House, open_house, stats, turns


async def beat_until(house: House, job_id: str) -> Job:
    """The job once it has ended, with a heartbeat at first and after each loss."""
    house.beat(stats(max_batch=1))
    await house.stream_beating(job_id, stats(max_batch=1))
    return await house.get(job_id)


async def ended_unfollowed(house: House, job_id: str) -> Job:
    """The job once it has ended, without following it."""
    while (job := await house.get(job_id)).status in ACTIVE:
        await turns(1)
    return job


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
        assert (await house.get(job_id)).status is JobStatus.QUEUED
        house.beat()
        assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_job_that_waits_again_can_be_cancelled(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("lose 1")
        await house.until(job_id, Restarted)
        assert (await house.cancel(job_id)).status is JobStatus.CANCELLED
        assert isinstance((await house.stream(job_id))[-1].event, Cancelled)


async def test_a_service_that_starts_after_a_crash_goes_on_with_what_was_unfinished(tmp_path: Path) -> None:
    async with open_house(tmp_path) as crashed:
        running = await crashed.submit("wait", seed=7)
        await crashed.until(running, Started)
        seen = (await anext(crashed.follow(running)))[-1].id
        async with open_house(tmp_path) as house:
            house.runner.go.set()
            told = await house.stream(running, seen)
            assert isinstance(told[0].event, Restarted)
            assert (told[0].event.attempt, told[0].event.reason) == (2, "the service restarted")
            assert isinstance(told[-1].event, Complete)
            assert all(logged.id > seen for logged in told)
            assert await house.stream(running, told[-1].id) == []
            job = await house.get(running)
            assert (job.status, job.attempt, job.losses) == (JobStatus.SUCCEEDED, 2, 0)
            assert [attempt.request.seed for attempt in house.runner.attempts] == [7]


async def test_what_had_begun_goes_first_after_a_restart_and_the_rest_keeps_its_order(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_batch": 2}) as crashed:
        crashed.beat(stats(max_batch=2))
        jobs = []
        for _ in range(5):
            crashed.clock.now += 1
            jobs.append(await crashed.submit("wait"))
        await crashed.until(jobs[1], Started)
        async with open_house(tmp_path, replicas=False) as house:
            house.runner.go.set()
            house.beat(stats(max_batch=1))
            for job_id in jobs:
                await house.ended(job_id)
            assert [attempt.request.id for attempt in house.runner.attempts] == jobs


async def test_a_router_that_was_superseded_tells_everybody_to_ask_elsewhere_and_ends_no_job(tmp_path: Path) -> None:
    async with open_house(tmp_path) as old:
        running, waiting = await old.submit("wait"), await old.submit("wait")
        for job_id in (running, waiting):
            await old.until(job_id, Started)
        following = asyncio.create_task(old.stream(running))
        async with open_house(tmp_path, replicas=False) as new:
            with pytest.raises(HandedOver):
                await old.submit()  # the store refuses it: from now on the old one knows
            with pytest.raises(HandedOver):
                await following
            for job_id in (running, waiting):
                with pytest.raises(HandedOver):
                    await old.cancel(job_id)
            while old.runner.running["sd15"]:
                await turns(1)
            assert sorted(old.runner.closed) == sorted([running, waiting])
            assert {(await new.get(job_id)).status for job_id in (running, waiting)} == {JobStatus.QUEUED}


async def test_a_router_that_has_nothing_to_do_learns_too_that_it_was_superseded(tmp_path: Path) -> None:
    async with open_house(tmp_path) as old:
        following = asyncio.create_task(old.stream(await old.submit("wait")))
        async with open_house(tmp_path, replicas=False):
            with pytest.raises(HandedOver):
                await following


async def test_a_service_that_is_closed_ends_no_job_and_its_followers_ask_elsewhere(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("wait")
        await house.until(job_id, Started)
        following = asyncio.create_task(house.stream(job_id))
        await turns()
    with pytest.raises(HandedOver):
        await following
    async with open_house(tmp_path) as house:
        house.runner.go.set()
        assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED


async def test_a_synchronous_calls_job_waits_for_its_caller_after_a_restart_and_is_cancelled_without(
    tmp_path: Path,
) -> None:
    settings = JobSettings(follow_within_s=5)
    async with open_house(tmp_path, settings=settings) as crashed:
        job_id = await crashed.submit("wait", on_disconnect="cancel")
        following = asyncio.create_task(crashed.stream(job_id))
        await turns()
        crashed.clock.now += 100
        clock = Clock(crashed.clock.now)
        async with open_house(tmp_path, settings=settings, clock=clock, replicas=False) as house:
            await asyncio.sleep(0.02)  # looks of the watch, none of which may end it
            assert (await house.get(job_id)).status is JobStatus.QUEUED
            clock.now += 6
            assert (await ended_unfollowed(house, job_id)).status is JobStatus.CANCELLED
        following.cancel()


async def test_restarts_of_the_service_do_not_count_as_losses(tmp_path: Path) -> None:
    settings = JobSettings(max_attempts=1)
    async with open_house(tmp_path, settings=settings) as one:
        job_id = await one.submit("wait")
        await one.until(job_id, Started)
        async with open_house(tmp_path, settings=settings) as two:
            await two.until(job_id, Started)
            async with open_house(tmp_path, settings=settings) as three:
                three.runner.go.set()
                job = await three.ended(job_id)
                assert (job.status, job.attempt) == (JobStatus.SUCCEEDED, 3)


class FullDisk(JobStore):
    """Can't commit the end of a job at the first two tries."""

    tries = 0

    async def finish(self, *told: Any, **more: Any) -> Job:
        self.tries += 1
        if self.tries <= 2:
            raise OperationalError("UPDATE jobs", {}, OSError("disk full"))
        return await super().finish(*told, **more)


async def test_an_end_that_can_not_be_committed_is_tried_again_before_anybody_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_house(tmp_path, store=FullDisk) as house:
        job_id = await house.submit()
        assert isinstance(await house.until(job_id, Error, Complete), Complete)
        assert (await house.get(job_id)).status is JobStatus.SUCCEEDED
        assert "disk full" in caplog.text
