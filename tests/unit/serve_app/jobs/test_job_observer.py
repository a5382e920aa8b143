"""What the job service lets others see: each fact once, when it is true, and nobody's failure is the job's."""

from pathlib import Path

from serve_app.jobs.events import Progress
from serve_app.jobs.job import JobStatus
from serve_app.jobs.observer import (
    AttemptLost,
    Begun,
    Ended,
    Fact,
    FirstPreview,
    Standing,
    Stopping,
    Submitted,
    observed_by,
)
from serve_app.settings import JobSettings
from tests.unit.serve_app.jobs.job_fakes import Clock, open_house, stats


def of_jobs(facts: list[Fact]) -> list[type[Fact]]:
    return [type(fact) for fact in facts if not isinstance(fact, Standing)]


async def test_a_job_is_submitted_begins_is_seen_and_ends(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path, observe=facts.append) as house:
        await house.ended(await house.submit())
    assert of_jobs(facts) == [Submitted, Begun, FirstPreview, Ended]
    end = facts[-1]
    assert isinstance(end, Ended)
    assert end.job.status is JobStatus.SUCCEEDED


async def test_a_job_that_is_lost_and_runs_again_has_one_loss_two_beginnings_and_one_end(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path, observe=facts.append) as house:
        await house.stream_beating(await house.submit("lose 1"))
    assert of_jobs(facts) == [Submitted, Begun, AttemptLost, Begun, FirstPreview, Ended]


async def test_the_last_loss_that_ends_a_job_is_a_loss_too(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path, observe=facts.append, settings=JobSettings(max_attempts=2)) as house:
        await house.stream_beating(await house.submit("lose 9"))
    assert of_jobs(facts) == [Submitted, Begun, AttemptLost, Begun, AttemptLost, Ended]


async def test_a_wait_begins_with_the_submission_and_anew_with_a_loss(tmp_path: Path) -> None:
    facts: list[Fact] = []
    clock = Clock(100.0)
    async with open_house(tmp_path, observe=facts.append, clock=clock, replicas=False) as house:
        job_id = await house.submit("lose 1")
        clock.now = 103.0
        house.beat()
        async for batch in house.follow(job_id):
            if any(logged.event.event == "restarted" for logged in batch):
                clock.now = 110.0
                house.beat()
    waits = [(fact.job.attempt, fact.since, fact.at) for fact in facts if isinstance(fact, Begun)]
    assert waits == [(1, 100.0, 103.0), (2, 103.0, 110.0)]


async def test_only_an_attempt_that_runs_is_stopped_by_a_cancel(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path, observe=facts.append, model={"max_batch": 1}) as house:
        house.beat(stats(max_batch=1))
        running, waiting = await house.submit("wait"), await house.submit("wait")
        await house.until(running, Progress)
        for job_id in (waiting, running):
            await house.cancel(job_id)
    stopped = [fact.job.id for fact in facts if isinstance(fact, Stopping)]
    assert stopped == [running]
    assert [fact.job.id for fact in facts if isinstance(fact, Ended)] == [waiting, running]


async def test_a_preview_before_a_restart_of_the_service_is_not_a_first_one_after_it(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path) as house:
        job_id = await house.submit("wait")
        await house.until(job_id, Progress)
    async with open_house(tmp_path, observe=facts.append) as house:
        house.runner.go.set()
        await house.ended(job_id)
    assert of_jobs(facts) == [Begun, Ended]


async def test_every_heartbeat_tells_how_the_model_stands(tmp_path: Path) -> None:
    facts: list[Fact] = []
    async with open_house(tmp_path, observe=facts.append, replicas=False) as house:
        await house.submit()
        house.service.heartbeat("sd15", [])
    standing = facts[-1]
    assert isinstance(standing, Standing)
    assert (standing.model.queued, standing.model.running, standing.model.replicas) == (1, 0, 0)
    assert standing.model.backlog_s > 0


async def test_an_observer_that_fails_disturbs_neither_the_job_nor_the_others(tmp_path: Path) -> None:
    facts: list[Fact] = []

    def blind(fact: Fact) -> None:
        raise RuntimeError("a defect of an observer")

    async with open_house(tmp_path, observe=observed_by(blind, facts.append)) as house:
        job = await house.ended(await house.submit())
    assert job.status is JobStatus.SUCCEEDED
    assert of_jobs(facts) == [Submitted, Begun, FirstPreview, Ended]
