"""Figures over time: counted in the bucket in which it happened, forgotten after the last, bounded whatever comes."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.catalog import CATALOG
from serve_app.jobs.activity import BUCKET_S, BUCKETS, Activity, Figures, ModelActivity, Times
from serve_app.jobs.events import Progress
from serve_app.jobs.fleet import ModelStatus
from serve_app.jobs.job import ImageRef, Job, JobStatus
from serve_app.jobs.observer import Begun, Ended, Standing, Submitted
from tests.unit.serve_app.jobs.job_fakes import Clock, open_house, stats, wish

IMAGE = ImageRef(0, "job/1/0", 7, "png", 64, 64, 100)


def a_job(status: JobStatus = JobStatus.QUEUED, **fields: Any) -> Job:
    return Job("job", wish(id="job"), status, **({"attempt": 1, "created_at": 0.0} | fields))


def standing(model: str = "sd15", **changes: Any) -> Standing:
    status = ModelStatus(CATALOG[model], "ready", 1, 0, 0, 0.0, 0.0)
    return Standing(replace(status, **changes))


def of(activity: Activity, model: str = "sd15") -> ModelActivity:
    return next(one for one in activity.told() if one.model == model)


def test_what_happens_counts_in_the_bucket_in_which_it_happens() -> None:
    clock = Clock(1003.0)
    activity = Activity(["sd15", "sdxl"], clock)
    activity(Submitted(a_job()))
    activity(Submitted(a_job()))
    clock.now = 1010.0
    activity(Begun(a_job(), since=1003.0, at=1010.0))
    activity(Ended(a_job(JobStatus.SUCCEEDED, started_at=1010.0, finished_at=1014.0, images=(IMAGE, IMAGE))))
    activity(Ended(a_job(JobStatus.CANCELLED, started_at=1010.0, finished_at=1011.0)))
    one = of(activity)
    assert [bucket.start for bucket in one.buckets] == [1000.0, 1010.0]
    assert [bucket.figures.submitted for bucket in one.buckets] == [2, 0]
    assert one.buckets[1].figures == Figures(0, 1, 0, 1, 0, 2, 7.0, 7.0, 4.0, 4.0)
    assert one.total == Figures(2, 1, 0, 1, 0, 2, 7.0, 7.0, 4.0, 4.0)
    assert of(activity, "sdxl").total == Figures(0, 0, 0, 0, 0, 0, None, None, None, None)


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED])
def test_jobs_that_did_not_succeed_are_counted_and_take_no_time_and_make_no_images(status: JobStatus) -> None:
    activity = Activity(["sd15"], Clock())
    activity(Ended(a_job(status, started_at=1.0, finished_at=2.0)))
    total = of(activity).total
    assert (getattr(total, status), total.succeeded, total.images, total.run_mean_s) == (1, 0, 0, None)


def test_a_job_waits_once_however_often_it_is_lost() -> None:
    activity = Activity(["sd15"], Clock())
    activity(Begun(a_job(attempt=1), since=0.0, at=3.0))
    activity(Begun(a_job(attempt=2), since=10.0, at=90.0))
    assert of(activity).total.wait_mean_s == 3.0


def test_how_a_model_stood_at_the_end_of_a_bucket_is_what_was_told_last() -> None:
    clock = Clock(1000.0)
    activity = Activity(["sd15"], clock)
    activity(standing(queued=5, running=1, backlog_s=9.0, replicas=1))
    activity(standing(queued=3, running=2, backlog_s=6.0, replicas=2))
    clock.now += BUCKET_S
    first, second = of(activity).buckets
    assert (first.queued, first.running, first.backlog_s, first.replicas) == (3, 2, 6.0, 2)
    assert (second.queued, second.running, second.backlog_s, second.replicas) == (None, None, None, None)


def test_time_without_anything_leaves_no_gap() -> None:
    clock = Clock(1000.0)
    activity = Activity(["sd15"], clock)
    activity(Submitted(a_job()))
    clock.now += 5 * BUCKET_S
    activity(Submitted(a_job()))
    assert [bucket.figures.submitted for bucket in of(activity).buckets] == [1, 0, 0, 0, 0, 1]


def test_what_is_longer_ago_than_the_window_is_forgotten_also_when_nothing_happens() -> None:
    clock = Clock(1000.0)
    activity = Activity(["sd15"], clock)
    for _ in range(1000):
        activity(Submitted(a_job()))
        activity(standing())
        clock.now += BUCKET_S / 2
    one = of(activity)
    assert len(one.buckets) == BUCKETS
    assert one.total.submitted == sum(bucket.figures.submitted for bucket in one.buckets)
    assert 2 * (BUCKETS - 1) <= one.total.submitted <= 2 * BUCKETS
    clock.now += BUCKETS * BUCKET_S
    assert of(activity).total.submitted == 0
    assert len(activity._tallies["sd15"]) == 1


def test_a_clock_that_is_set_back_disorders_nothing() -> None:
    clock = Clock(1000.0)
    activity = Activity(["sd15"], clock)
    activity(Submitted(a_job()))
    clock.now = 500.0
    activity(Submitted(a_job()))
    activity(Begun(a_job(), since=1000.0, at=500.0))
    (bucket,) = of(activity).buckets
    assert (bucket.start, bucket.figures.submitted, bucket.figures.wait_mean_s) == (1000.0, 2, 0.0)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_at_most_a_tenth_too_high_and_never_too_low(seconds: list[float], share: float) -> None:
    halves = Times(), Times()
    for number, one in enumerate(seconds):
        halves[number % 2].add(one)
    times = Times()
    for half in halves:
        times.take(half)
    exact = sorted(seconds)[math.ceil(share * len(seconds)) - 1]
    told, mean = times.quantile(share), times.mean()
    assert told is not None
    assert mean == pytest.approx(sum(seconds) / len(seconds))
    assert min(exact, 170_000) * (1 - 1e-9) <= told <= max(exact, 0.001) * 1.1 * (1 + 1e-9) or exact > 170_000
    assert told <= max(seconds)


def test_a_million_durations_take_no_more_memory_than_a_few() -> None:
    times = Times()
    for number in range(100_000):
        times.add(number * 7.3)
    assert len(times._bins) <= 201


async def test_a_service_under_way_is_told_as_it_is(tmp_path: Path) -> None:
    clock = Clock(1000.0)
    activity = Activity(["sd15", "flux-schnell"], clock)
    async with open_house(tmp_path, observe=activity, clock=clock) as house:
        house.beat(stats(max_batch=1))
        running = await house.submit("wait", n=2)
        await house.until(running, Progress)
        failing = await house.submit("fail out_of_memory")
        house.beat(stats(max_batch=1))
        assert (of(activity).buckets[-1].queued, of(activity).buckets[-1].running) == (1, 1)
        clock.now += 4.0
        house.runner.go.set()
        for job_id in (running, failing):
            await house.ended(job_id)
    total = of(activity).total
    assert (total.submitted, total.succeeded, total.failed, total.images) == (2, 1, 1, 2)
    assert (total.run_mean_s, total.wait_mean_s) == (4.0, 2.0)
    assert of(activity, "flux-schnell").total.submitted == 0
