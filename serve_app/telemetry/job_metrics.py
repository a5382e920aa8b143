"""The facts of the job service as metrics."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from deployments.messages import Dropped
from deployments.telemetry.meters import SECONDS, Instrument, Meters
from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.observer import (
    AttemptLost,
    Begun,
    Ended,
    Fact,
    FirstPreview,
    Notified,
    Standing,
    Stopping,
    Submitted,
)

SUBMITTED: Final = Instrument("darkroom_jobs_submitted_total", "counter", "Jobs accepted.", ("model",))
ENDED: Final = Instrument(
    "darkroom_jobs_ended_total",
    "counter",
    "Jobs ended, by final status; `code` is that of the error, empty without one.",
    ("model", "status", "code"),
)
IMAGES: Final = Instrument("darkroom_images_total", "counter", "Images of jobs that succeeded.", ("model",))
LOST: Final = Instrument(
    "darkroom_attempts_lost_total", "counter", "Attempts that ended with their replica: died or drained.", ("model",)
)
QUEUED: Final = Instrument("darkroom_queued_jobs", "gauge", "Jobs that wait.", ("model",))
RUNNING: Final = Instrument("darkroom_running_jobs", "gauge", "Jobs that are at a replica.", ("model",))
BACKLOG: Final = Instrument(
    "darkroom_backlog_seconds", "gauge", "GPU-seconds that wait, and that remain of what runs.", ("model",)
)
REPLICAS: Final = Instrument("darkroom_replicas", "gauge", "Replicas that answered the last heartbeat.", ("model",))
WAIT: Final = Instrument(
    "darkroom_admission_wait_seconds",
    "histogram",
    "From a job's submission to its first dispatch to a replica.",
    ("model",),
    SECONDS,
)
FIRST_PREVIEW: Final = Instrument(
    "darkroom_first_preview_seconds", "histogram", "From a job's submission to its first preview.", ("model",), SECONDS
)
DURATION: Final = Instrument(
    "darkroom_job_seconds", "histogram", "From a job's submission to its success.", ("model",), SECONDS
)
CANCEL: Final = Instrument(
    "darkroom_cancel_seconds",
    "histogram",
    "From the moment a running attempt is no longer wanted to its engine's last word on it.",
    ("model",),
    SECONDS,
)
WEBHOOKS: Final = Instrument(
    "darkroom_webhook_calls_total",
    "counter",
    "Webhooks called, by result: `delivered`, `retried` or `given_up`.",
    ("result",),
)

JOB_INSTRUMENTS: Final = (
    SUBMITTED, ENDED, IMAGES, LOST, QUEUED, RUNNING, BACKLOG, REPLICAS, WAIT, FIRST_PREVIEW, DURATION, CANCEL,
    WEBHOOKS,
)  # fmt: skip

MAX_STOPPING: Final = 1024
"""Stopped attempts whose engine's last word is waited for. Some never come: their replica has died."""


class JobMetrics:
    """An observer of the job service that measures."""

    def __init__(self, meters: Meters, clock: Callable[[], float] = time.monotonic) -> None:
        self._meters = meters
        self._clock = clock
        self._stopping: OrderedDict[tuple[str, int], float] = OrderedDict()

    def __call__(self, fact: Fact) -> None:
        meters = self._meters
        match fact:
            case Submitted(job):
                meters.add(SUBMITTED, model=_model(job))
            case Begun(job, since, at) if job.attempt == 1:
                meters.observe(WAIT, max(0.0, at - since), model=_model(job))
            case FirstPreview(job, after_s):
                meters.observe(FIRST_PREVIEW, after_s, model=_model(job))
            case AttemptLost(job):
                meters.add(LOST, model=_model(job))
            case Stopping(job):
                self._stops(job)
            case Ended(job):
                self._ended(job)
            case Standing():
                self._stands(fact)
            case Notified(result=result):
                meters.add(WEBHOOKS, result=result)

    def _ended(self, job: Job) -> None:
        model = _model(job)
        self._meters.add(ENDED, model=model, status=job.status, code=job.error.code if job.error else "")
        if job.status is JobStatus.SUCCEEDED and job.finished_at is not None:
            self._meters.add(IMAGES, len(job.images), model=model)
            self._meters.observe(DURATION, max(0.0, job.finished_at - job.created_at), model=model)

    def _stands(self, fact: Standing) -> None:
        model = fact.model
        name = model.card.id
        self._meters.set(QUEUED, model.queued, model=name)
        self._meters.set(RUNNING, model.running, model=name)
        self._meters.set(BACKLOG, model.backlog_s, model=name)
        self._meters.set(REPLICAS, model.replicas, model=name)
        for one in fact.replicas:
            for dropped in one.dropped:
                self._has_stopped(name, dropped)

    def _stops(self, job: Job) -> None:
        self._stopping[job.id, job.attempt] = self._clock()
        while len(self._stopping) > MAX_STOPPING:
            self._stopping.popitem(last=False)

    def _has_stopped(self, model: str, dropped: Dropped) -> None:
        """The replica's clock only tells how long ago it was; so the heartbeat's own way back is the error, upwards."""
        since = self._stopping.pop((dropped.job, dropped.attempt), None)
        if since is not None:
            self._meters.observe(CANCEL, max(0.0, self._clock() - dropped.ago_s - since), model=model)


def _model(job: Job) -> str:
    return str(job.request.generation.model)
