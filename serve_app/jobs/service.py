"""The use-cases: submit, follow, look at, cancel and delete jobs. No Ray, no HTTP.

It lives on one event loop, in one process: the Router's. What a caller may rely on is written at
:class:`serve_app.api.backend.Backend`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from deployments.blobs import BlobStore
from deployments.engine.errors import InvalidRequest, JobNotFound, ModelUnavailable
from deployments.messages import ReplicaStats
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.dispatch import Dispatcher
from serve_app.jobs.ending import Ending
from serve_app.jobs.entry import Entry
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import Fleet, ModelStatus, WorkerStatus
from serve_app.jobs.history import history
from serve_app.jobs.job import ACTIVE, Job, JobPage, JobRequest, JobStatus
from serve_app.jobs.lanes import Lanes
from serve_app.jobs.lifecycle import Lifecycle
from serve_app.jobs.live import LiveJobs
from serve_app.jobs.log import HandedOver
from serve_app.jobs.observer import Observe, Standing
from serve_app.jobs.outcome import CANCELLED
from serve_app.jobs.paging import MAX_PAGE, MAX_TEXT_CHARS
from serve_app.jobs.store import JobStore, Models
from serve_app.jobs.sweep import blob_folder
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.watch import is_unwanted, no_replica
from serve_app.jobs.webhooks.acceptance import check_webhook
from serve_app.settings import WebhookSettings


class JobService:
    """Every job of some models, from its submission to its end; whatever ends the service, no job is lost.

    A caller who may not see a job is told that there is none. Any method that touches jobs raises
    :class:`~serve_app.jobs.log.HandedOver` once another Router has them. :func:`serve_app.jobs.assembly.assemble` puts
    one together.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        fleet: Fleet,
        lanes: Lanes,
        jobs: LiveJobs,
        entry: Entry,
        ending: Ending,
        dispatcher: Dispatcher,
        lifecycle: Lifecycle,
        tenure: Tenure,
        tasks: Tasks,
        deserted: Callable[[str], bool],
        listed: Models,
        webhooks: WebhookSettings,
        observe: Observe,
        clock: Callable[[], float],
    ) -> None:
        """``deserted``: whether a model has been without any replica for too long. ``listed``: the models whose jobs a
        list shows that names none."""
        self._store = store
        self._blobs = blobs
        self._fleet = fleet
        self._lanes = lanes
        self._jobs = jobs
        self._entry = entry
        self._ending = ending
        self._dispatcher = dispatcher
        self._lifecycle = lifecycle
        self._tenure = tenure
        self._tasks = tasks
        self._deserted = deserted
        self._listed = listed
        self._webhooks = webhooks
        self._observe = observe
        self._clock = clock

    async def start(self) -> None:
        """Take the models' jobs from whoever had them, and go on with what is unfinished."""
        await self._lifecycle.start()

    async def close(self) -> None:
        """Stop. What is unfinished stays so in the store, for the next service."""
        await self._lifecycle.close()

    async def submit(self, request: JobRequest, caller: Caller, once: Once | None = None) -> Job:
        """A new job of ``caller``; or, for a repeated ``once``, that one. See :meth:`Entry.submit`, `check_webhook`."""
        self._tenure.require()
        if request.webhook is not None:
            check_webhook(request.webhook, self._webhooks)
        card = self._fleet.card(request.generation.model)
        if self._deserted(card.id):
            raise ModelUnavailable(no_replica(card.id), retry_after_s=30)
        entering = self._tasks.spawn(self._entry.submit(request, card, caller, once))
        try:
            job = await asyncio.shield(entering)
        except asyncio.CancelledError:
            if request.on_disconnect == "cancel":  # the caller is gone: nobody will ever follow it
                self._tasks.spawn(self._withdraw(entering, caller))
            raise
        live = self._jobs.active(job.id)
        return job if live is None else self._lanes.snapshot(live)

    async def _withdraw(self, entering: asyncio.Task[Job], caller: Caller) -> None:
        await self.cancel((await entering).id, caller)

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        """The job's events after ``after``, as they come; see the Backend's contract."""
        live = self._jobs.logged(job_id)
        if live is None:
            record = await self._store.get(job_id)
            _check_sight(record.job, caller)
            if record.last is None:
                raise HandedOver
            if told := history(record, after):
                yield told
            return
        _check_sight(live.job, caller)
        live.followers += 1
        try:
            while fresh := await live.log.news(after):
                yield fresh
                after = fresh[-1].id
        finally:
            live.followers -= 1
            live.unfollowed_since = self._clock()
            if self._tenure.held and is_unwanted(live):
                self._tasks.spawn(self._ending.end(live, CANCELLED))

    async def get(self, job_id: str, caller: Caller) -> Job:
        """The job as it stands; as committed, where another Router has it."""
        if (live := self._jobs.active(job_id)) is not None:
            _check_sight(live.job, caller)
            return self._lanes.snapshot(live)
        job = (await self._store.get(job_id)).job
        _check_sight(job, caller)
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
        """Newest first, as committed; those under way with their position, progress and ETA. Without ``model``, the
        jobs of this service's models; the first one's list also has those of models that nobody serves any more."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequest("limit", limit, f"1 to {MAX_PAGE}")
        if text is not None and not 1 <= len(text) <= MAX_TEXT_CHARS:
            raise InvalidRequest("text", text, f"1 to {MAX_TEXT_CHARS} characters")
        wanted = self._listed if model is None else Models.only(self._fleet.card(model).id)
        page = await self._store.page(caller, status=status, models=wanted, text=text, limit=limit, cursor=cursor)
        return JobPage(tuple(self._as_it_stands(job) for job in page.jobs), page.next_cursor)

    def _as_it_stands(self, job: Job) -> Job:
        live = self._jobs.active(job.id)
        if live is None or job.status not in ACTIVE or live.job.status is not job.status:
            return job  # it has moved on since the page was read; the page keeps to what it was asked for
        return self._lanes.snapshot(live)

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        """End the job as cancelled, unless it has ended before; the state that won."""
        if (live := self._jobs.active(job_id)) is not None:
            _check_sight(live.job, caller)
            self._tenure.require()
            return await self._ending.end(live, CANCELLED)
        job = (await self._store.get(job_id)).job
        _check_sight(job, caller)
        if job.status in ACTIVE:
            raise HandedOver
        return job

    async def delete(self, job_id: str, caller: Caller) -> None:
        """Cancel the job if it is active; then its images go, and then what is known of it."""
        await self.cancel(job_id, caller)
        await self._blobs.delete_prefix(blob_folder(job_id))
        await self._store.delete(job_id)
        self._jobs.forget(job_id)

    async def models(self) -> list[ModelStatus]:
        """Every configured model, in the order of the settings."""
        return [self._lanes.status(model) for model in self._fleet.models]

    async def workers(self) -> list[WorkerStatus]:
        """Every known replica."""
        return self._fleet.workers(self._clock())

    def heartbeat(self, model: str, stats: Sequence[ReplicaStats]) -> None:
        """What all replicas of ``model`` that answered the newest sync told; an empty list when none did.

        To be called about once a second for each model: dispatch goes by it, also after a replica was lost.
        """
        self._fleet.heartbeat(stats, model, self._clock())
        self._lanes[model].paused = False
        self._dispatcher.dispatch(model)
        self._observe(Standing(self._lanes.status(model), stats))

    def heartbeat_missed(self, model: str) -> None:
        """Not all replicas of ``model`` answered in time: dispatch goes on with those last known."""
        self._lanes[model].paused = False
        self._dispatcher.dispatch(model)
        self._observe(Standing(self._lanes.status(model)))

    def backlog_s(self) -> dict[str, float]:
        """By model: GPU-seconds that wait, and that remain of what runs."""
        return {model: self._lanes.backlog_s(model) for model in self._fleet.models}


def _check_sight(job: Job, caller: Caller) -> None:
    """Raises JobNotFound for a job that ``caller`` may not see: whether there is one is nobody else's business."""
    if not caller.may_see(job.client):
        raise JobNotFound(job.id)
