"""A submission that is named makes one job, however often and from wherever it comes; and deadlines."""

import asyncio
from pathlib import Path

import pytest

from deployments.engine.errors import Conflict, QueueFull
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.events import Error, Started
from serve_app.jobs.job import JobStatus
from tests.unit.serve_app.jobs.job_fakes import ALICE, open_house, wish

ONCE = Once("order-66", "f" * 64)


async def test_a_hundred_concurrent_repeats_make_one_job(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        made = await asyncio.gather(*(house.submit("wait", once=ONCE) for _ in range(100)))
        assert len(set(made)) == 1
        assert len((await house.service.jobs(ALICE)).jobs) == 1
        assert await house.submit("wait", once=ONCE) == made[0]


async def test_a_repeat_answers_the_job_as_it_stands_also_after_its_end_and_after_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit(once=ONCE)
        await house.ended(job_id)
        again = await house.service.submit(wish(), ALICE, ONCE)
        assert (again.id, again.status) == (job_id, JobStatus.SUCCEEDED)
    async with open_house(tmp_path) as house:
        assert await house.submit(once=ONCE) == job_id


async def test_the_same_name_for_something_else_is_a_conflict(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.submit(once=ONCE)
        with pytest.raises(Conflict, match="another body"):
            await house.submit(once=Once(ONCE.key, "0" * 64))


async def test_names_are_each_clients_own(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        assert await house.submit(once=ONCE) != await house.submit(caller=Caller("bob"), once=ONCE)


async def test_a_name_is_free_again_when_its_submission_was_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued": 1}, replicas=False) as house:
        other = await house.submit()
        with pytest.raises(QueueFull):
            await house.submit(once=ONCE)
        await house.cancel(other)
        assert await house.submit(once=ONCE)


async def test_an_id_that_is_taken_is_a_conflict_whoever_has_it(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.submit(id="mine", once=Once("id:mine", "a"))
        for caller in (ALICE, Caller("bob")):
            with pytest.raises(Conflict):
                await house.submit(id="mine", caller=caller, once=Once("id:mine", "b"))


async def test_one_client_may_wait_with_so_many_jobs_and_another_still_gets_in(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_queued_per_client": 3}, replicas=False) as house:
        for _ in range(3):
            await house.submit()
        with pytest.raises(QueueFull, match="of your jobs") as full:
            await house.submit()
        assert full.value.retry_after_s >= 1
        await house.submit(caller=Caller("bob"))


async def test_a_newcomer_is_dispatched_at_the_first_free_slot(tmp_path: Path) -> None:
    async with open_house(tmp_path, model={"max_batch": 1}) as house:
        crowd = [await house.submit("wait") for _ in range(30)]
        await house.until(crowd[0], Started)
        newcomer = await house.submit("wait", caller=Caller("bob"))
        house.runner.go.set()
        for job_id in crowd:
            await house.ended(job_id)
        order = [attempt.request.id for attempt in house.runner.attempts]
        running = house.runner.most["sd15"]
        assert order.index(newcomer) == running


async def test_a_job_that_has_not_begun_by_its_deadline_expires(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        job_id = await house.submit(deadline_s=0.01)
        end = (await house.stream(job_id))[-1].event
        job = await house.get(job_id)
        assert isinstance(end, Error) and end.code == "deadline_exceeded"
        assert (job.status, job.error and job.error.code) == (JobStatus.EXPIRED, "deadline_exceeded")


async def test_a_job_that_still_runs_at_its_deadline_fails_and_leaves_its_replica(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit("wait", deadline_s=0.1)
        await house.until(job_id, Started)
        job = await house.ended(job_id)
        assert (job.status, job.error and job.error.code) == (JobStatus.FAILED, "deadline_exceeded")
        assert house.runner.closed == [job_id]


async def test_a_deadline_holds_over_a_restart(tmp_path: Path) -> None:
    async with open_house(tmp_path, replicas=False) as house:
        job_id = await house.submit(deadline_s=5)
    house.clock.now += 6
    async with open_house(tmp_path, clock=house.clock, replicas=False) as house:
        assert (await house.ended(job_id)).status is JobStatus.EXPIRED


async def test_a_job_that_ends_in_time_is_not_touched_by_its_deadline(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        job_id = await house.submit(deadline_s=0.2)
        assert (await house.ended(job_id)).status is JobStatus.SUCCEEDED
        await asyncio.sleep(0.25)
        assert (await house.get(job_id)).status is JobStatus.SUCCEEDED
