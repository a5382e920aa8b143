"""What is to be told of a job, if its webhook wants to hear it: pure. Each function is one kind of news."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx2

from serve_app.jobs.job import ImageRef, Job, JobStatus, Notice
from serve_app.jobs.outcome import Outcome
from serve_app.jobs.webhooks.delivery import Delivery
from serve_app.jobs.webhooks.payload import JobNotice, ToldError, ToldImage, ToldJob

MAX_MESSAGE_CHARS: Final = 1000
"""Of an error. With the bounds of a request (metadata, images), no body is larger than 32 KiB."""

_ENDS: Final[Mapping[JobStatus, Notice]] = {
    JobStatus.SUCCEEDED: "complete",
    JobStatus.FAILED: "error",
    JobStatus.EXPIRED: "error",
    JobStatus.CANCELLED: "cancelled",
}


def started(job: Job, attempt: int, now: float) -> Delivery | None:
    """``attempt`` of ``job`` is dispatched."""
    return _delivery("started", replace(job, status=JobStatus.RUNNING, attempt=attempt), now)


def restarted(job: Job, now: float) -> Delivery | None:
    """The newest attempt of ``job`` came to nothing; it waits for the next."""
    return _delivery("restarted", replace(job, status=JobStatus.QUEUED, attempt=job.attempt + 1), now)


def ended(job: Job, outcome: Outcome, now: float) -> Delivery | None:
    """``job`` ends so."""
    status, images, error, timings = outcome.status, outcome.images, outcome.error, outcome.timings
    return _delivery(_ENDS[status], replace(job, status=status, images=images, error=error, timings=timings), now)


def _delivery(notice: Notice, job: Job, now: float) -> Delivery | None:
    webhook, model = job.request.webhook, str(job.request.generation.model)
    if webhook is None or notice not in webhook.events:
        return None
    told = JobNotice(
        type=f"job.{notice}",
        timestamp=datetime.fromtimestamp(now, UTC),
        data=ToldJob(
            job_id=job.id,
            status=job.status,
            model=model,
            attempt=job.attempt,
            metadata=job.request.metadata,
            images=[_image(job.id, image) for image in job.images],
            error=job.error and ToldError(code=job.error.code, message=job.error.message[:MAX_MESSAGE_CHARS]),
            timings=job.timings,
        ),
    )
    return Delivery(
        id=f"msg_{secrets.token_hex(16)}",
        model=model,
        job_id=job.id,
        url=webhook.url,
        host=httpx2.URL(webhook.url).host,
        body=json.dumps(told.model_dump(mode="json"), separators=(",", ":")),
        tries=0,
        due_at=now,
        created_at=now,
    )


def _image(job_id: str, image: ImageRef) -> ToldImage:
    return ToldImage(
        index=image.index,
        seed=image.seed,
        format=image.format,
        width=image.width,
        height=image.height,
        path=f"/v1/jobs/{job_id}/images/{image.index}",
    )
