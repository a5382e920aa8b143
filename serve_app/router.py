"""Router: the one deployment that owns the jobs. It keeps the model replicas in step and reports the backlog."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.blobs import BlobStore
from deployments.messages import ReplicaStats
from deployments.telemetry.meters import Meters
from serve_app.autoscaling import BACKLOG_PREFIX
from serve_app.handles.calls import refusing
from serve_app.handles.runner import ServeRunner
from serve_app.jobs.activity import Activity, ModelActivity
from serve_app.jobs.assembly import assemble
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.fleet import Fleet, ModelStatus, WorkerStatus
from serve_app.jobs.following import LEASE_S, Following, News, Subscription
from serve_app.jobs.job import Job, JobPage, JobRequest, JobStatus
from serve_app.jobs.observer import observed_by
from serve_app.jobs.store import Database, JobStore, KeyStore
from serve_app.settings import AppArgs
from serve_app.telemetry.job_lines import log_job
from serve_app.telemetry.job_metrics import JobMetrics
from serve_app.telemetry.job_spans import JobSpans

logger = logging.getLogger(__name__)

SYNC_EVERY_S = 1.0
"""Seconds between two heartbeats of a model."""

SYNC_TIMEOUT_S = 5.0
"""A replica that has not answered by then is silent; Serve's health check decides whether it lives."""


class Router:
    """The :class:`~serve_app.jobs.service.JobService` of one shard as a Serve deployment of one replica.

    Its methods are those of :class:`~serve_app.api.backend.Backend`, except that typed errors are answered, not raised:
    call them through ``RouterBackend``.
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, args: AppArgs, shard: int, models: Mapping[str, DeploymentHandle], telemetry: Callable[[], Meters]
    ) -> None:
        """Opens the database, takes over the models' jobs, starts dispatch.

        Args:
            shard: which of ``args.shards`` this is. The first one also looks after what belongs to no Router.
            models: a handle per id of the shard's models.
            telemetry: sets up how this process tells of itself.

        The tasks that live on are started here: a task started while a request is handled is a child of that request,
        and Serve cancels the calls it makes when the request is cancelled.
        """
        meters = telemetry()
        self._database = Database(args.database_url)
        await self._database.open()
        self._store = JobStore(self._database)
        self._keys = KeyStore(self._database)
        self._runner = ServeRunner(models)
        self._activity = Activity(tuple(models))
        self._service = assemble(
            store=self._store,
            blobs=BlobStore.open(args.blobs_url),
            fleet=Fleet(args.shards[shard], created=time.time()),
            runner=self._runner,
            settings=args.jobs,
            elsewhere=[model.id for model in args.models if model.id not in models],
            is_first=shard == 0,
            webhooks=args.webhooks,
            observe=observed_by(JobMetrics(meters), log_job, JobSpans(), self._activity),
        )
        await self._service.start()
        self._following = Following(self._service.follow, time.monotonic)
        self._beats = [
            asyncio.create_task(self._heartbeat(model, handle), name=f"heartbeat {model}")
            for model, handle in models.items()
        ]
        self._beats.append(asyncio.create_task(self._lapse(), name="streams that have fallen silent"))

    @refusing
    async def identify(self, token: str | None) -> Caller | None:
        return await self._keys.identify(token, time.time())

    @refusing
    async def submit(self, request: JobRequest, caller: Caller, once: Once | None = None) -> Job:
        return await self._service.submit(request, caller, once)

    @refusing
    async def subscribe(self, process: str, wanted: Sequence[Subscription], anew: bool) -> None:
        self._following.subscribe(process, wanted, anew=anew)

    @refusing
    async def unsubscribe(self, process: str, numbers: Sequence[int]) -> None:
        self._following.unsubscribe(process, numbers)

    @refusing
    async def poll(self, process: str) -> list[News] | None:
        return await self._following.poll(process)

    @refusing
    async def get(self, job_id: str, caller: Caller) -> Job:
        return await self._service.get(job_id, caller)

    @refusing
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
        return await self._service.jobs(caller, status=status, model=model, text=text, limit=limit, cursor=cursor)

    @refusing
    async def cancel(self, job_id: str, caller: Caller) -> Job:
        return await self._service.cancel(job_id, caller)

    @refusing
    async def delete(self, job_id: str, caller: Caller) -> None:
        await self._service.delete(job_id, caller)

    @refusing
    async def models(self) -> list[ModelStatus]:
        return await self._service.models()

    @refusing
    async def workers(self) -> list[WorkerStatus]:
        return await self._service.workers()

    @refusing
    async def activity(self) -> list[ModelActivity]:
        return self._activity.told()

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Serve's hook, once a second: the figures that :class:`~serve_app.autoscaling.BacklogPolicy` reads.

        A coroutine, because Serve runs plain methods on a thread, beside the event loop that owns the jobs.
        """
        return {f"{BACKLOG_PREFIX}{model}": backlog_s for model, backlog_s in self._service.backlog_s().items()}

    async def check_health(self) -> None:
        """Serve's health check: raises when a task that must live on has ended, so that Serve replaces this Router."""
        for task in self._beats:
            if task.done():
                raise RuntimeError(f"the task {task.get_name()!r} has ended")

    async def __del__(self) -> None:
        """Serve's destructor call, after draining."""
        for task in getattr(self, "_beats", ()):  # absent when the constructor failed
            task.cancel()
        if hasattr(self, "_following"):
            await self._service.close()
            await self._following.close()
        if hasattr(self, "_database"):
            await self._database.close()

    async def _lapse(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 4)
            self._following.lapse()

    async def _heartbeat(self, model: str, handle: DeploymentHandle) -> None:
        """About once a second, for one model only, so that a slow or broken one holds up no other."""
        while True:
            try:
                self._service.heartbeat(model, await self._sync(model, handle))
            except TimeoutError:
                logger.warning("model %s: its replicas did not all answer within %g s", model, SYNC_TIMEOUT_S)
                self._service.heartbeat_missed(model)
            except Exception:  # the edge of the loop: the next beat tries again, the log says why
                logger.exception("model %s: the heartbeat failed", model)
            await asyncio.sleep(SYNC_EVERY_S)

    async def _sync(self, model: str, handle: DeploymentHandle) -> list[ReplicaStats]:
        """Tell the model's replicas the epoch and what is superseded; the stats of those that answered."""
        try:
            call = handle.broadcast("sync", self._store.epoch, self._runner.superseded(model))
            answers = await call.results_async(timeout_s=SYNC_TIMEOUT_S, return_exceptions=True)
        except DeploymentUnavailableError:  # no replica is running
            return []
        for failure in (one for one in answers if isinstance(one, BaseException)):
            logger.warning("model %s: a replica failed to answer", model, exc_info=failure)
        return [one for one in answers if isinstance(one, ReplicaStats)]
