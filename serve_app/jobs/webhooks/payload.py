"""What a webhook says, as its receiver reads it."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from deployments.engine.request import Format
from serve_app.jobs.job import JobStatus

NoticeType = Literal["job.started", "job.restarted", "job.complete", "job.error", "job.cancelled"]


class Payload(BaseModel):
    """The habits that all parts share."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class ToldImage(Payload):
    """A finished image. ``path`` is below the address by which the receiver knows the service."""

    index: int
    seed: int
    format: Format
    width: int
    height: int
    path: str = Field(examples=["/v1/jobs/3f2b8a0c9d4e4f7fb1a6c5d2e8f90a1b/images/0"])


class ToldError(Payload):
    """Why the job failed: a stable code and a sentence."""

    code: str
    message: str


class ToldJob(Payload):
    """The job as it stood then."""

    job_id: str
    status: JobStatus
    model: str
    attempt: int = Field(description="From 1; of `job.restarted`, the one to come; 0 if it ended before it began.")
    metadata: dict[str, Any] = Field(description="The client's own, as submitted.")
    images: list[ToldImage] = Field(description="With `job.complete`.")
    error: ToldError | None = Field(description="With `job.error`.")
    timings: dict[str, float] | None = Field(description="With `job.complete`: seconds per stage.")


class JobNotice(Payload):
    """What became of a job. At least once, in any order: `webhook-id` tells repeats, `timestamp` what is newer."""

    type: NoticeType
    timestamp: AwareDatetime = Field(description="When it happened.")
    data: ToldJob
