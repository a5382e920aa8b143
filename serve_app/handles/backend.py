"""The API's :class:`~serve_app.api.backend.Backend` over a handle to the Router; image bytes from the blob store."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from ray.serve.handle import DeploymentHandle, DeploymentResponse

from deployments import inputs
from deployments.blobs import BlobStore
from deployments.engine.errors import DarkroomError, ModelUnavailable
from serve_app.handles.calls import CalleeLost, answer, stream
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import ModelStatus, WorkerStatus
from serve_app.jobs.job import Job, JobPage, JobRequest, JobStatus

T = TypeVar("T")

ANSWER_TIMEOUT_S = 30.0
"""A Router that is restarting is back within this time; calls wait for it."""

RETRY_AFTER_S = 5.0

RESUBSCRIBE = 3
"""Times that a stream is taken up again after the Router was lost, without an event in between."""


class RouterBackend:
    """See the Backend. Raises the Router's typed errors, and ``ModelUnavailable`` when there is no Router to ask."""

    def __init__(self, router: DeploymentHandle, blobs: BlobStore) -> None:
        self._router = router
        self._follow = router.options(method_name="follow", stream=True)
        self._blobs = blobs

    async def submit(self, request: JobRequest) -> Job:
        """Pictures go to the blob store: the Router gets their keys."""
        generation, keys = await inputs.keep(request.generation, self._blobs)
        submitting = self._router.submit.remote(request.model_copy(update={"generation": generation}))
        try:
            return await answer(submitting, ANSWER_TIMEOUT_S)
        except CalleeLost as lost:  # it may have been committed: its pictures stay
            raise _unavailable(lost) from lost
        except DarkroomError:
            await self._blobs.delete(keys)
            raise

    async def follow(self, job_id: str, after: EventId | None = None) -> AsyncGenerator[list[LoggedEvent], None]:
        """As in the Backend. Outlives a Router: the next one goes on after the last event that arrived here."""
        losses = 0
        while True:
            try:
                following: AsyncGenerator[list[LoggedEvent], None] = stream(self._follow.remote(job_id, after))
                async with aclosing(following) as batches:
                    async for batch in batches:
                        losses, after = 0, batch[-1].id
                        yield batch
                return
            except CalleeLost as lost:
                losses += 1
                if losses > RESUBSCRIBE:
                    raise _unavailable(lost) from lost

    async def get(self, job_id: str) -> Job:
        return await self._ask(self._router.get.remote(job_id))

    async def jobs(
        self, *, status: JobStatus | None = None, model: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> JobPage:
        return await self._ask(self._router.jobs.remote(status=status, model=model, limit=limit, cursor=cursor))

    async def cancel(self, job_id: str) -> Job:
        return await self._ask(self._router.cancel.remote(job_id))

    async def delete(self, job_id: str) -> None:
        await self._ask(self._router.delete.remote(job_id))

    async def image(self, job_id: str, index: int) -> tuple[Job, bytes]:
        job = await self.get(job_id)
        return job, await self._blobs.get(job.image_ref(index).key)

    async def models(self) -> list[ModelStatus]:
        return await self._ask(self._router.models.remote())

    async def workers(self) -> list[WorkerStatus]:
        return await self._ask(self._router.workers.remote())

    async def _ask(self, response: DeploymentResponse[T]) -> T:
        try:
            return await answer(response, ANSWER_TIMEOUT_S)
        except CalleeLost as lost:
            raise _unavailable(lost) from lost


def _unavailable(lost: CalleeLost) -> ModelUnavailable:
    return ModelUnavailable(f"the job service can't be reached: {lost.reason}", RETRY_AFTER_S)
