"""A job as one row of its table, and back."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from serve_app.jobs.caller import Once
from serve_app.jobs.job import ImageRef, Job, JobError, JobRequest, JobStatus
from serve_app.jobs.paging import folded


def to_row(job: Job, epoch: int, once: Once | None) -> dict[str, Any]:
    """The values of a job that has just been admitted."""
    return {
        "id": job.id,
        "model": job.request.generation.model,
        "status": job.status.value,
        "epoch": epoch,
        "attempt": job.attempt,
        "request": job.request.model_dump_json(),
        "created_at": job.created_at,
        "images": "[]",
        "images_expired": False,
        "last_seq": 0,
        "client": job.client,
        "idempotency_key": once and once.key,
        "fingerprint": once and once.fingerprint,
        "losses": 0,
        "size": 0,
        "prompt_folded": folded(job.request.generation.prompt),
    }


def images_to_text(images: tuple[ImageRef, ...]) -> str:
    """The value of ``images``."""
    return json.dumps([asdict(image) for image in images])


def from_row(row: Row[Any]) -> Job:
    """The job that the row holds."""
    return Job(
        id=row.id,
        client=row.client,
        request=JobRequest.model_validate_json(row.request),
        status=JobStatus(row.status),
        attempt=row.attempt,
        losses=row.losses,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        images=tuple(ImageRef(**image) for image in json.loads(row.images)),
        images_expired=row.images_expired,
        error=None if row.error_code is None else JobError(row.error_code, row.error_message),
        timings=None if row.timings is None else json.loads(row.timings),
    )
