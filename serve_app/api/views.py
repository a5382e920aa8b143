"""What clients get to see of jobs: bodies that the native routes answer with."""

from typing import Any, Self, cast

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from deployments.engine.request import PICTURE_FIELDS, Format, LoraRef, PictureField
from serve_app.api.errors import ErrorCode
from serve_app.jobs.job import ImageRef, Job, JobPage, JobRequest, JobStatus, OnDisconnect, Operation, Priority


class Links:
    """Absolute URLs as the client of one request reaches them."""

    def __init__(self, request: Request) -> None:
        self._jobs = f"{request.base_url}v1/jobs"

    def job(self, job_id: str) -> str:
        return f"{self._jobs}/{job_id}"

    def stream(self, job_id: str) -> str:
        return f"{self._jobs}/{job_id}/stream"

    def cancel(self, job_id: str) -> str:
        return f"{self._jobs}/{job_id}/cancel"

    def image(self, job_id: str, index: int) -> str:
        return f"{self._jobs}/{job_id}/images/{index}"

    def input(self, job_id: str, name: PictureField) -> str:
        return f"{self._jobs}/{job_id}/inputs/{name}"


class View(BaseModel):
    """A body that the service answers with."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())


class JobAccepted(View):
    """The job is committed: it runs whether or not this connection lasts, and its end is told whatever happens."""

    job_id: str = Field(examples=["3f2b8a0c9d4e4f7fb1a6c5d2e8f90a1b"])
    sse_url: str = Field(examples=["http://127.0.0.1:8000/v1/jobs/3f2b8a0c9d4e4f7fb1a6c5d2e8f90a1b/stream"])
    status: JobStatus
    status_url: str
    cancel_url: str

    @classmethod
    def of(cls, job: Job, links: Links) -> Self:
        return cls(
            job_id=job.id,
            sse_url=links.stream(job.id),
            status=job.status,
            status_url=links.job(job.id),
            cancel_url=links.cancel(job.id),
        )


class ImageView(View):
    """A finished image. ``size`` is in bytes."""

    index: int
    url: str
    seed: int
    format: Format
    width: int
    height: int
    size: int

    @classmethod
    def of(cls, job_id: str, image: ImageRef, links: Links) -> Self:
        return cls(
            index=image.index,
            url=links.image(job_id, image.index),
            seed=image.seed,
            format=image.format,
            width=image.width,
            height=image.height,
            size=image.size,
        )


class ProgressView(View):
    """Steps done of the image that is furthest."""

    step: int
    total: int


class JobErrorView(View):
    """Why the job failed: a stable code and a sentence."""

    code: ErrorCode
    message: str


class PictureView(TypedDict):
    """A picture that came with a request."""

    width: int
    height: int


class ParametersView(TypedDict, total=False):
    """What a job makes: the request with the model's defaults filled in and the seed drawn; of pictures, their sizes.

    What does not apply is absent.
    """

    model: str
    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int
    guidance: float
    seed: int
    n: int
    sampler: str
    image: PictureView
    mask: PictureView
    strength: float
    control_image: PictureView
    controlnet: str
    control_scale: float
    control_start: float
    control_end: float
    loras: list[LoraRef]
    preview_every: int
    format: Format
    quality: int


class JobView(View):
    """A job as it stands. Times are seconds since the epoch (UTC); ``request`` has every default filled in."""

    job_id: str
    status: JobStatus
    operation: Operation
    model: str | None
    position: int | None = Field(description="Jobs to be dispatched before this one; only while queued.")
    eta_s: float | None = Field(description="Estimated seconds until the images are there; only while active.")
    progress: ProgressView | None
    attempt: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    images: list[ImageView]
    images_expired: bool = Field(description="Of images and inputs the bytes are gone.")
    inputs: dict[PictureField, str] = Field(
        description="Where the pictures are that came with the job, by the fields that they came in."
    )
    timings: dict[str, float] | None = Field(description="Seconds per stage.")
    error: JobErrorView | None
    request: ParametersView
    on_disconnect: OnDisconnect
    priority: Priority
    deadline_s: float | None
    metadata: dict[str, Any]
    sse_url: str
    status_url: str
    cancel_url: str

    @classmethod
    def of(cls, job: Job, links: Links) -> Self:
        request = job.request
        progress = None if job.step is None or job.total is None else ProgressView(step=job.step, total=job.total)
        return cls(
            job_id=job.id,
            status=job.status,
            operation=request.operation,
            model=request.generation.model,
            position=job.position,
            eta_s=None if job.eta_s is None else round(job.eta_s, 1),
            progress=progress,
            attempt=job.attempt,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            images=[ImageView.of(job.id, image, links) for image in job.images],
            images_expired=job.images_expired,
            inputs={name: links.input(job.id, name) for name in job.inputs},
            timings=job.timings,
            error=JobErrorView(code=job.error.code, message=job.error.message) if job.error else None,
            request=_parameters(request),
            on_disconnect=request.on_disconnect,
            priority=request.priority,
            deadline_s=request.deadline_s,
            metadata=request.metadata,
            sse_url=links.stream(job.id),
            status_url=links.job(job.id),
            cancel_url=links.cancel(job.id),
        )


class JobList(View):
    """One page, newest first. ``next_cursor`` is null on the last one, and on no other."""

    jobs: list[JobView]
    next_cursor: str | None

    @classmethod
    def of(cls, page: JobPage, links: Links) -> Self:
        return cls(jobs=[JobView.of(job, links) for job in page.jobs], next_cursor=page.next_cursor)


def _parameters(request: JobRequest) -> ParametersView:
    """The generation without its id, and of pictures only their sizes."""
    generation = request.generation
    told = generation.model_dump(mode="json", exclude={"id", *PICTURE_FIELDS}, exclude_none=True)
    pictures = {name: getattr(generation, name) for name in PICTURE_FIELDS}
    sizes = {name: {"width": one.width, "height": one.height} for name, one in pictures.items() if one}
    return cast(ParametersView, told | sizes)
