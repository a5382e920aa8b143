"""The facts of the job service as log lines: a few for each job."""

import logging
from typing import Any

from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.observer import AttemptLost, Ended, Fact, Submitted

logger = logging.getLogger(__name__)


def log_job(fact: Fact) -> None:
    """An observer of the job service that logs how jobs come, are lost and end."""
    match fact:
        case Submitted(job):
            logger.info("job %s: accepted", job.id, extra=_fields(job))
        case AttemptLost(job, reason):
            logger.warning("job %s: attempt %d was lost: %s", job.id, job.attempt, reason, extra=_fields(job))
        case Ended(job):
            seconds = round((job.finished_at or job.created_at) - job.created_at, 3)
            why = f" ({job.error.code})" if job.error else ""
            level = logging.WARNING if job.status is JobStatus.FAILED else logging.INFO
            told = _fields(job) | {"seconds": seconds, "code": job.error.code if job.error else None}
            logger.log(level, "job %s: %s after %g s%s", job.id, job.status, seconds, why, extra=told)


def _fields(job: Job) -> dict[str, Any]:
    model = str(job.request.generation.model)
    return {"job": job.id, "attempt": job.attempt or None, "model": model, "status": str(job.status)}
