"""The tables of the job store, and a job as one of their rows. Only what every SQL dialect has."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, MetaData, Row, String, Table, Text

from serve_app.jobs.job import ImageRef, Job, JobError, JobRequest, JobStatus

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("model", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False, comment="the Router's start whose writes are accepted"),
    Column("attempt", Integer, nullable=False),
    Column("request", Text, nullable=False, comment="JobRequest, resolved, as JSON"),
    Column("created_at", Double, nullable=False, comment="seconds since 1970, UTC, as all times"),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("images", Text, nullable=False, comment="a JSON list of ImageRef"),
    Column("images_expired", Boolean, nullable=False, comment="nothing of the job is in the blob store any more"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("timings", Text, comment="a JSON object of seconds"),
    Column("last_seq", BigInteger, nullable=False, comment="seq of the terminal event, 0 before"),
    Index("jobs_by_age", "created_at", "id"),
    Index("jobs_by_model", "model", "created_at", "id"),
    Index("jobs_by_status", "status", "created_at", "id"),
    Index("jobs_by_end", "images_expired", "finished_at"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

EPOCH = "epoch"
"""The row of ``counters`` that counts the Router's starts."""


def to_row(job: Job, epoch: int) -> dict[str, Any]:
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
    }


def images_to_text(images: tuple[ImageRef, ...]) -> str:
    """The value of ``images``."""
    return json.dumps([asdict(image) for image in images])


def from_row(row: Row[Any]) -> Job:
    """The job that the row holds."""
    return Job(
        id=row.id,
        request=JobRequest.model_validate_json(row.request),
        status=JobStatus(row.status),
        attempt=row.attempt,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        images=tuple(ImageRef(**image) for image in json.loads(row.images)),
        images_expired=row.images_expired,
        error=None if row.error_code is None else JobError(row.error_code, row.error_message),
        timings=None if row.timings is None else json.loads(row.timings),
    )
