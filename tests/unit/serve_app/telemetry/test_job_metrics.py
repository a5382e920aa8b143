"""The numbers that operators see, from a whole service on scripted replicas."""

from pathlib import Path

from deployments.messages import Dropped
from serve_app.jobs.events import Progress
from serve_app.jobs.job import Job, JobRequest
from serve_app.jobs.observer import Notified, Stopping
from serve_app.telemetry.job_metrics import (
    BACKLOG,
    CANCEL,
    DURATION,
    ENDED,
    FIRST_PREVIEW,
    IMAGES,
    LOST,
    QUEUED,
    REPLICAS,
    RUNNING,
    SUBMITTED,
    WAIT,
    WEBHOOKS,
    JobMetrics,
)
from tests.unit.serve_app.jobs.job_fakes import Clock, House, open_house, stats, wish
from tests.unit.telemetry_fakes import RecordingMeters


def a_job(job_id: str = "job", attempt: int = 1) -> Job:
    request: JobRequest = wish(id=job_id)
    return Job(job_id, request, "running", attempt, 0.0)  # type: ignore[arg-type]


async def test_a_job_that_is_lost_and_runs_again_counts_one_loss_and_one_end(tmp_path: Path) -> None:
    meters = RecordingMeters()
    async with open_house(tmp_path, observe=JobMetrics(meters)) as house:
        await house.stream_beating(await house.submit("lose 1", n=2))
    assert meters.count(SUBMITTED, "sd15") == 1
    assert meters.count(LOST, "sd15") == 1
    assert meters.count(ENDED, "sd15", "succeeded", "") == 1
    assert meters.count(IMAGES, "sd15") == 2


async def test_the_wait_is_measured_to_the_first_start(tmp_path: Path) -> None:
    meters, clock = RecordingMeters(), Clock(100.0)
    async with open_house(tmp_path, observe=JobMetrics(meters), clock=clock, replicas=False) as house:
        job_id = await house.submit("lose 1")
        clock.now = 103.0
        house.beat()
        async for batch in house.follow(job_id):
            if any(logged.event.event == "restarted" for logged in batch):
                clock.now = 110.0
                house.beat()
    assert meters.observed(WAIT, "sd15") == [3.0]
    assert meters.observed(FIRST_PREVIEW, "sd15") == [10.0]
    assert meters.observed(DURATION, "sd15") == [10.0]


async def test_failures_are_counted_by_their_code_and_take_no_time(tmp_path: Path) -> None:
    meters = RecordingMeters()
    async with open_house(tmp_path, observe=JobMetrics(meters)) as house:
        await house.ended(await house.submit("fail out_of_memory"))
        job_id = await house.submit("wait")
        await house.until(job_id, Progress)
        await house.cancel(job_id)
    assert meters.count(ENDED, "sd15", "failed", "out_of_memory") == 1
    assert meters.count(ENDED, "sd15", "cancelled", "") == 1
    assert meters.count(IMAGES, "sd15") == 0
    assert not meters.observed(DURATION, "sd15")


async def test_the_gauges_follow_the_heartbeat(tmp_path: Path) -> None:
    meters = RecordingMeters()

    def standing(house: House) -> list[float]:
        house.beat(stats(max_batch=1))
        return [meters.gauges[gauge.name, ("sd15",)] for gauge in (QUEUED, RUNNING, REPLICAS)]

    async with open_house(tmp_path, observe=JobMetrics(meters), replicas=False) as house:
        jobs = [await house.submit("wait") for _ in range(3)]
        assert standing(house) == [2, 1, 1]
        assert meters.gauges[BACKLOG.name, ("sd15",)] > 0
        house.runner.go.set()
        for job_id in jobs:
            await house.ended(job_id)
        assert standing(house) == [0, 0, 1]
        assert meters.gauges[BACKLOG.name, ("sd15",)] == 0


async def test_a_cancel_takes_until_the_last_word_of_its_engine(tmp_path: Path) -> None:
    meters, now = RecordingMeters(), Clock(50.0)
    async with open_house(tmp_path, observe=JobMetrics(meters, now)) as house:
        job_id = await house.submit("wait")
        await house.until(job_id, Progress)
        await house.cancel(job_id)
        now.now = 51.0
        house.beat(stats(dropped=(Dropped(job_id, 1, 0.75), Dropped("another Router's", 1, 0.5))))
        house.beat(stats(dropped=(Dropped(job_id, 1, 0.75),)))
    assert meters.observed(CANCEL, "sd15") == [0.25]


def test_stopped_attempts_whose_replica_died_are_forgotten_in_the_end() -> None:
    metrics = JobMetrics(RecordingMeters())
    for number in range(5000):
        metrics(Stopping(a_job(f"job{number}")))
    assert len(metrics._stopping) < 2000


def test_webhooks_are_counted_by_their_result() -> None:
    meters = RecordingMeters()
    metrics = JobMetrics(meters)
    for fact in (Notified("job", "retried"), Notified("job", "delivered")):
        metrics(fact)
    assert [meters.count(WEBHOOKS, result) for result in ("retried", "delivered", "given_up")] == [1, 1, 0]
