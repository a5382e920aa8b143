"""The API's :class:`~serve_app.api.backend.Backend` over a handle to the Router; image bytes from the blob store."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, TypeVar

from ray.serve.handle import DeploymentHandle, DeploymentResponse

from deployments import inputs
from deployments.blobs import BlobStore
from deployments.engine.errors import DarkroomError, ModelUnavailable
from deployments.engine.pictures import PictureRef
from deployments.engine.request import PICTURE_FIELDS
from serve_app.handles.calls import CalleeLost, answer
from serve_app.handles.hub import Hub
from serve_app.jobs.caller import Caller, Once, fingerprint
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import ModelStatus, WorkerStatus
from serve_app.jobs.following import News, Subscription
from serve_app.jobs.job import Job, JobPage, JobRequest, JobStatus

T = TypeVar("T")

ANSWER_TIMEOUT_S = 30.0
"""A Router that is restarting is back within this time; calls wait for it, and are made again."""

PAUSE_S = 0.2

RETRY_AFTER_S = 5.0


class RouterBackend:
    """See the Backend. Raises the Router's typed errors, and ``ModelUnavailable`` when there is no Router to ask.

    A Router may die in the middle of any call. Calls are made again at its successor: each of them does the same when
    it is done twice, submissions because they are named (:class:`~serve_app.jobs.caller.Once`).
    """

    def __init__(
        self, router: DeploymentHandle, blobs: BlobStore, *, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self._router = router
        self._blobs = blobs
        self._answer_timeout_s = answer_timeout_s
        self._hub = Hub(_Streams(router))

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        """Pictures go to the blob store: the Router gets their keys."""
        if key is None:
            once = Once(secrets.token_hex(16), "")
        else:
            once = Once(key, await asyncio.to_thread(fingerprint, request))
        generation, keys = await inputs.keep(request.generation, self._blobs)
        kept = request.model_copy(update={"generation": generation})
        try:
            job: Job = await self._ask(lambda: self._router.submit.remote(kept, caller, once))
        except ModelUnavailable:  # it may have been committed: its pictures stay, to be swept if it was not
            raise
        except DarkroomError:
            await self._blobs.delete(keys)
            raise
        if not _names(job.request, keys):  # there was such a job, with pictures of its own
            await self._blobs.delete(keys)
        return job

    def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        return self._hub.follow(job_id, caller, after)

    async def get(self, job_id: str, caller: Caller) -> Job:
        return await self._ask(lambda: self._router.get.remote(job_id, caller))

    async def jobs(
        self,
        caller: Caller,
        *,
        status: JobStatus | None = None,
        model: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> JobPage:
        wanted: dict[str, Any] = {"status": status, "model": model, "limit": limit, "cursor": cursor}
        return await self._ask(lambda: self._router.jobs.remote(caller, **wanted))

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        return await self._ask(lambda: self._router.cancel.remote(job_id, caller))

    async def delete(self, job_id: str, caller: Caller) -> None:
        await self._ask(lambda: self._router.delete.remote(job_id, caller))

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        job = await self.get(job_id, caller)
        return job, await self._blobs.get(job.image_ref(index).key)

    async def models(self) -> list[ModelStatus]:
        return await self._ask(self._router.models.remote)

    async def workers(self) -> list[WorkerStatus]:
        return await self._ask(self._router.workers.remote)

    async def close(self) -> None:
        """End all streams."""
        await self._hub.close()

    async def _ask(self, call: Callable[[], DeploymentResponse[T]]) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._answer_timeout_s
        while True:
            try:
                return await answer(call(), max(0.0, deadline - loop.time()))
            except CalleeLost as lost:
                if loop.time() >= deadline:
                    message = f"the job service can't be reached: {lost.reason}"
                    raise ModelUnavailable(message, RETRY_AFTER_S) from lost
            await asyncio.sleep(PAUSE_S)


class _Streams:
    """:class:`~serve_app.handles.hub.RouterStreams` over the handle."""

    def __init__(self, router: DeploymentHandle) -> None:
        self._router = router

    async def subscribe(self, process: str, wanted: Sequence[Subscription], anew: bool) -> None:
        await answer(self._router.subscribe.remote(process, wanted, anew), ANSWER_TIMEOUT_S)

    async def unsubscribe(self, process: str, numbers: Sequence[int]) -> None:
        await answer(self._router.unsubscribe.remote(process, numbers), ANSWER_TIMEOUT_S)

    async def poll(self, process: str) -> list[News] | None:
        return await answer(self._router.poll.remote(process), ANSWER_TIMEOUT_S)


def _names(request: JobRequest, keys: Sequence[str]) -> bool:
    """Whether ``request`` has its pictures under ``keys``."""
    pictures = [getattr(request.generation, name) for name in PICTURE_FIELDS]
    return {picture.key for picture in pictures if isinstance(picture, PictureRef)} == set(keys)
