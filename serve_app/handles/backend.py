"""The API's :class:`~serve_app.api.backend.Backend` over handles to the Routers; image bytes from the blob store."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from opentelemetry.trace import Tracer
from ray.serve.handle import DeploymentHandle

from deployments import inputs
from deployments.blobs import BlobStore
from deployments.catalog import find_card
from deployments.engine.errors import DarkroomError, ModelNotFound, ModelUnavailable
from deployments.engine.pictures import PictureRef
from deployments.engine.request import PICTURE_FIELDS, PictureField
from deployments.telemetry.context import about
from deployments.telemetry.tracing import TRACER, submission
from serve_app.handles.calls import CalleeLost, answer, unreachable
from serve_app.handles.hub import Hub
from serve_app.handles.identities import Identities
from serve_app.jobs.activity import ModelActivity
from serve_app.jobs.caller import Caller, Once, fingerprint
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import ModelStatus, WorkerStatus
from serve_app.jobs.following import News, Subscription
from serve_app.jobs.job import Job, JobPage, JobRequest, JobStatus
from serve_app.jobs.paging import merged

ANSWER_TIMEOUT_S = 30.0
"""A Router that is restarting is back within this time; calls wait for it, and are made again."""

PAUSE_S = 0.2

HOMES_KEPT = 100_000
"""Jobs whose Router is remembered, where there are several."""


class RouterBackend:
    """See the Backend. Raises a Router's typed errors, and ``ModelUnavailable`` when there is none to ask.

    A Router may die in the middle of any call. Calls are made again at its successor: each of them does the same when
    it is done twice, submissions because they are named (:class:`~serve_app.jobs.caller.Once`).

    Args:
        routers: a handle for each shard.
        shards: by model, in the order of the settings, which of ``routers`` has its jobs; the first is the default.
        blobs: where the images are.
        answer_timeout_s: how long a call waits for a Router in all.
    """

    def __init__(
        self,
        routers: Sequence[DeploymentHandle],
        shards: Mapping[str, int],
        blobs: BlobStore,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        tracer: Tracer = TRACER,
    ) -> None:
        self._routers = routers
        self._shards = shards
        self._blobs = blobs
        self._answer_timeout_s = answer_timeout_s
        self._tracer = tracer
        self._hubs = [Hub(_Streams(router)) for router in routers]
        self._homes: OrderedDict[str, int] = OrderedDict()
        self._identities = Identities(lambda token: self._ask(0, "identify", token))

    async def identify(self, token: str | None) -> Caller | None:
        return await self._identities.of(token)

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        """Pictures go to the blob store: the Router gets their keys."""
        shard = self._shard(request.generation.model)
        if key is None:
            once = Once(secrets.token_hex(16), "")
        else:
            once = Once(key, await asyncio.to_thread(fingerprint, request))
        generation, keys = await inputs.keep(request.generation, self._blobs)
        try:
            with submission(self._tracer) as trace:
                kept = request.model_copy(update={"generation": generation, "trace": trace})
                job: Job = await self._ask(shard, "submit", kept, caller, once)
        except ModelUnavailable:  # it may have been committed: its pictures stay, to be swept if it was not
            raise
        except DarkroomError:
            await self._blobs.delete(keys)
            raise
        about(job.id)
        if not _names(job.request, keys):  # there was such a job, with pictures of its own
            await self._blobs.delete(keys)
        self._remember(job)
        return job

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        hub = self._hubs[await self._home(job_id, caller)]
        async with aclosing(hub.follow(job_id, caller, after)) as batches:
            async for batch in batches:
                yield batch

    async def get(self, job_id: str, caller: Caller) -> Job:
        about(job_id)
        job: Job = await self._ask(await self._home(job_id, caller), "get", job_id, caller)
        return job

    async def jobs(
        self,
        caller: Caller,
        *,
        status: JobStatus | None = None,
        model: str | None = None,
        text: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> JobPage:
        """Of several shards, their pages joined."""
        shards = range(len(self._routers)) if model is None else [self._shard(model)]
        wanted: dict[str, Any] = {"status": status, "model": model, "text": text, "limit": limit, "cursor": cursor}
        pages: list[JobPage] = await asyncio.gather(*(self._ask(shard, "jobs", caller, **wanted) for shard in shards))
        return merged(pages, limit)

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        about(job_id)
        job: Job = await self._ask(await self._home(job_id, caller), "cancel", job_id, caller)
        return job

    async def delete(self, job_id: str, caller: Caller) -> None:
        about(job_id)
        await self._ask(await self._home(job_id, caller), "delete", job_id, caller)

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        job = await self.get(job_id, caller)
        return job, await self._blobs.get(job.image_ref(index).key)

    async def input(self, job_id: str, name: PictureField, caller: Caller) -> tuple[Job, bytes]:
        job = await self.get(job_id, caller)
        return job, await self._blobs.get(job.input_ref(name).key)

    async def models(self) -> list[ModelStatus]:
        by_id: dict[str, ModelStatus] = {status.card.id: status for status in await self._ask_all("models")}
        return [by_id[model] for model in self._shards if model in by_id]

    async def workers(self) -> list[WorkerStatus]:
        return await self._ask_all("workers")

    async def activity(self) -> list[ModelActivity]:
        by_id: dict[str, ModelActivity] = {one.model: one for one in await self._ask_all("activity")}
        return [by_id[model] for model in self._shards if model in by_id]

    async def close(self) -> None:
        """End all streams."""
        for hub in self._hubs:
            await hub.close()
        await self._identities.close()

    def _shard(self, name: str | None) -> int:
        """Which Router has the jobs of the model that a client calls ``name``.

        Raises:
            ModelNotFound: none has.
        """
        if name is None:
            return 0
        card = find_card(name)
        if card is None or card.id not in self._shards:
            raise ModelNotFound(name, list(self._shards))
        return self._shards[card.id]

    async def _home(self, job_id: str, caller: Caller) -> int:
        """Which Router has this job. All of them read one database, so the first can tell."""
        if len(self._routers) == 1:
            return 0
        if job_id not in self._homes:
            job: Job = await self._ask(0, "get", job_id, caller)
            self._remember(job)
        return self._homes.get(job_id, 0)

    def _remember(self, job: Job) -> None:
        if len(self._routers) == 1:
            return
        self._homes[job.id] = self._shards.get(str(job.request.generation.model), 0)
        while len(self._homes) > HOMES_KEPT:
            self._homes.popitem(last=False)

    async def _ask_all(self, method: str) -> list[Any]:
        """The answers of all Routers, which are lists, joined."""
        told = await asyncio.gather(*(self._ask(shard, method) for shard in range(len(self._routers))))
        return [one for answered in told for one in answered]

    async def _ask(self, shard: int, method: str, *args: Any, **kwargs: Any) -> Any:
        call: DeploymentHandle = getattr(self._routers[shard], method)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._answer_timeout_s
        while True:
            try:
                return await answer(call.remote(*args, **kwargs), max(0.0, deadline - loop.time()))
            except CalleeLost as lost:
                if loop.time() >= deadline:
                    raise unreachable(lost.reason) from lost
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
