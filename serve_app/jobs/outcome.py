"""How a job ends: what is committed, and the terminal event that tells it."""

import logging
import secrets
from dataclasses import dataclass

from deployments.engine.errors import DeadlineExceeded, InternalError, Interrupted
from serve_app.jobs.events import Cancelled, Complete, Error, JobEvent
from serve_app.jobs.job import ImageRef, Job, JobError, JobStatus

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A terminal state with what belongs to it."""

    status: JobStatus
    images: tuple[ImageRef, ...] = ()
    timings: dict[str, float] | None = None
    error: JobError | None = None


CANCELLED = Outcome(JobStatus.CANCELLED)


def failed(code: str, message: str) -> Outcome:
    """The job has failed; ``message`` may be read by the client."""
    return Outcome(JobStatus.FAILED, error=JobError(code, message))


def interrupted(message: str) -> Outcome:
    """The service, not the request, is why the job did not finish."""
    return failed(Interrupted.code, message)


def late(status: JobStatus) -> Outcome:
    """The deadline has passed for a job in ``status``: one that waits expires, one that runs fails."""
    if status is JobStatus.QUEUED:
        return Outcome(JobStatus.EXPIRED, error=JobError(DeadlineExceeded.code, "the deadline passed before it began"))
    return failed(DeadlineExceeded.code, "the deadline passed while it ran")


def defect(job_id: str, error: BaseException) -> Outcome:
    """The job met a defect of the service: the traceback goes to the log under an id, the id to the client."""
    error_id = secrets.token_hex(6)
    logger.error("job %s: internal error %s", job_id, error_id, exc_info=error)
    return failed(InternalError.code, f"internal error {error_id}")


def terminal_event(job: Job) -> JobEvent:
    """The event that ends the stream of a job in a terminal state.

    Raises:
        ValueError: the job is still active.
    """
    match job.status:
        case JobStatus.SUCCEEDED:
            return Complete(job.images, job.timings or {})
        case JobStatus.CANCELLED:
            return Cancelled()
        case JobStatus.FAILED | JobStatus.EXPIRED if job.error is not None:
            return Error(job.error.code, job.error.message)
        case _:
            raise ValueError(f"job {job.id} is {job.status}: no terminal event tells that")
