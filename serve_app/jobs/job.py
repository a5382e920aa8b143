"""The words of the job system: a job, its request, its states. Plain data that every layer of the service reads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from deployments.engine.errors import Gone, JobNotFound
from deployments.engine.pictures import PictureRef
from deployments.engine.request import PICTURE_FIELDS, Format, GenerationRequest, PictureField

Operation = Literal["image_generation", "image_transform", "image_inpaint"]
OnDisconnect = Literal["cancel", "detach"]
Priority = Literal["high", "normal", "low"]
Notice = Literal["started", "restarted", "complete", "error", "cancelled"]

MAX_DEADLINE_S = 7 * 86400.0


def operation_on(image: bool, mask: bool) -> Operation:
    """What is done to these pictures."""
    if not (image or mask):
        return "image_generation"
    return "image_inpaint" if mask else "image_transform"


class JobStatus(StrEnum):
    """``queued → running → succeeded | failed | cancelled | expired``."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ACTIVE = frozenset({JobStatus.QUEUED, JobStatus.RUNNING})
TERMINAL = frozenset(JobStatus) - ACTIVE


class Webhook(BaseModel):
    """Where to tell what becomes of a job: a signed POST for each of ``events``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: str = Field(min_length=1, max_length=2000, description="http or https; no private address.")
    events: tuple[Notice, ...] = Field(
        default=("complete", "error", "cancelled"), min_length=1, strict=False, description="What to tell."
    )


class JobRequest(BaseModel):
    """What a client submitted, through whichever dialect: the generation, and how to treat it as a job.

    ``generation.id`` is the job's id. ``on_disconnect="cancel"`` cancels the job when the last stream that follows it
    is closed before its end; the synchronous routes set it, the job API leaves ``detach``. ``deadline_s`` counts from
    the submission: a job that has not begun by then expires, one that runs fails as ``deadline_exceeded``. ``trace`` is
    no client's field: the job's trace context (:mod:`deployments.telemetry.tracing`), set on the way in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    generation: GenerationRequest
    operation: Operation = "image_generation"
    on_disconnect: OnDisconnect = "detach"
    metadata: dict[str, Any] = Field(default_factory=dict)
    priority: Priority = "normal"
    deadline_s: float | None = Field(default=None, gt=0, le=MAX_DEADLINE_S, allow_inf_nan=False)
    webhook: Webhook | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A finished image: where its bytes are, and what a client needs to know of it. ``size`` is in bytes."""

    index: int
    key: str
    seed: int
    format: Format
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: a ``code`` of :mod:`deployments.engine.errors` and a sentence for the client."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one job. Times are seconds since the epoch (UTC).

    Attributes:
        id: the same as ``request.generation.id``.
        client: who submitted it (:attr:`serve_app.jobs.caller.Caller.client`).
        request: resolved: every default filled in, the seed drawn.
        attempt: 0 while queued, then the number of the newest dispatch, from 1.
        losses: attempts that ended with their replica; a restart of the service is none.
        images: set when the job has succeeded.
        images_expired: the images' bytes are gone (retention); their description stays.
        timings: seconds per stage; ``wait`` is the time in the Router's queue, the others are the engine's.
        position: jobs of the same model to be dispatched before this one; only while queued.
        eta_s: estimated seconds until the images are there; only while active.
        step, total: progress of the image that is furthest, only while running.
    """

    id: str
    request: JobRequest
    status: JobStatus
    attempt: int
    created_at: float
    client: str = "@unknown"
    losses: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    images: tuple[ImageRef, ...] = ()
    images_expired: bool = False
    error: JobError | None = None
    timings: dict[str, float] | None = None
    position: int | None = None
    eta_s: float | None = None
    step: int | None = None
    total: int | None = None

    @property
    def deadline(self) -> float | None:
        """When it is too late for this job, in seconds since the epoch."""
        return None if self.request.deadline_s is None else self.created_at + self.request.deadline_s

    def image_ref(self, index: int) -> ImageRef:
        """Image ``index`` of a finished job.

        Raises:
            JobNotFound: the job has no such image (yet).
            Gone: the image has expired.
        """
        for image in self.images:
            if image.index == index:
                if self.images_expired:
                    raise Gone(f"image {index} of job {self.id} has expired")
                return image
        raise JobNotFound(f"{self.id}/images/{index}")

    @property
    def inputs(self) -> dict[PictureField, PictureRef]:
        """The pictures that came with the job, by the fields that they came in; here also when they have expired."""
        given = {name: getattr(self.request.generation, name) for name in PICTURE_FIELDS}
        return {name: picture for name, picture in given.items() if isinstance(picture, PictureRef)}

    def input_ref(self, name: PictureField) -> PictureRef:
        """The picture that came as ``name``.

        Raises:
            JobNotFound: none did.
            Gone: it has expired.
        """
        if name not in self.inputs:
            raise JobNotFound(f"{self.id}/inputs/{name}")
        if self.images_expired:
            raise Gone(f"the {name} of job {self.id} has expired")
        return self.inputs[name]


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of jobs, newest first. ``next_cursor`` is ``None`` on the last page."""

    jobs: tuple[Job, ...]
    next_cursor: str | None
