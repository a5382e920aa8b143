"""What the models do: figures of the last minutes, in which no client's jobs can be told apart."""

from typing import Literal, Self

from fastapi import APIRouter
from pydantic import Field

from serve_app.api.backend import Backend
from serve_app.api.openapi import refusals
from serve_app.api.views import View
from serve_app.jobs.activity import BUCKET_S, Bucket, Figures, ModelActivity


class FiguresView(View):
    """What happened within some time. Means and 95th percentiles are null where there is nothing to tell of."""

    submitted: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    images: int = Field(description="Of the jobs that succeeded.")
    wait_mean_s: float | None = Field(description="From submission to the first dispatch.")
    wait_p95_s: float | None = Field(description="At most 10 % too high.")
    run_mean_s: float | None = Field(description="From the first dispatch to success.")
    run_p95_s: float | None = Field(description="At most 10 % too high.")

    @classmethod
    def of(cls, figures: Figures) -> Self:
        return cls(
            submitted=figures.submitted,
            succeeded=figures.succeeded,
            failed=figures.failed,
            cancelled=figures.cancelled,
            expired=figures.expired,
            images=figures.images,
            wait_mean_s=_rounded(figures.wait_mean_s),
            wait_p95_s=_rounded(figures.wait_p95_s),
            run_mean_s=_rounded(figures.run_mean_s),
            run_p95_s=_rounded(figures.run_p95_s),
        )


class BucketView(View):
    """Some seconds, from ``start`` (since the epoch, UTC), and how the model stood at their end; null where nobody
    looked."""

    start: float
    figures: FiguresView
    queued: int | None
    running: int | None
    backlog_s: float | None = Field(description="Seconds of device work that wait or run.")
    replicas: int | None

    @classmethod
    def of(cls, bucket: Bucket) -> Self:
        return cls(
            start=bucket.start,
            figures=FiguresView.of(bucket.figures),
            queued=bucket.queued,
            running=bucket.running,
            backlog_s=_rounded(bucket.backlog_s),
            replicas=bucket.replicas,
        )


class ModelActivityView(View):
    """A model's last ten minutes, or those since its Router started."""

    model: str
    total: FiguresView
    buckets: list[BucketView] = Field(description="Oldest first, without gaps; the last one is being filled.")

    @classmethod
    def of(cls, one: ModelActivity) -> Self:
        return cls(
            model=one.model,
            total=FiguresView.of(one.total),
            buckets=[BucketView.of(bucket) for bucket in one.buckets],
        )


class ActivityList(View):
    """Every configured model, the default one first."""

    object: Literal["list"] = "list"
    bucket_s: float = Field(description="Seconds of a bucket; all models' begin at the same times.")
    data: list[ModelActivityView]


def activity_router(backend: Backend) -> APIRouter:
    """``/v1/activity``."""
    router = APIRouter(prefix="/v1/activity", tags=["models"])

    @router.get("", response_model=ActivityList, summary="Watch the models at work", responses=refusals())
    async def activity() -> ActivityList:
        """Throughput, waits and backlog of each model over the last ten minutes, of all clients together."""
        return ActivityList(bucket_s=BUCKET_S, data=[ModelActivityView.of(one) for one in await backend.activity()])

    return router


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
