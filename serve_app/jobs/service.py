"""The use-cases: submit, follow, look at, cancel and delete jobs. No Ray, no HTTP.

It lives on one event loop, in one process: the Router's. What a caller may rely on is written at
:class:`serve_app.api.backend.Backend`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from deployments.blobs import BlobStore
from deployments.engine.errors import InvalidRequest, ModelUnavailable
from deployments.messages import ReplicaStats
from serve_app.jobs.admission import Admitted, admit
from serve_app.jobs.dispatch import Dispatcher
from serve_app.jobs.ending import Ending
from serve_app.jobs.events import EventId, LoggedEvent
from serve_app.jobs.fleet import Fleet, ModelStatus, WorkerStatus
from serve_app.jobs.history import history
from serve_app.jobs.job import ACTIVE, Job, JobPage, JobRequest, JobStatus
from serve_app.jobs.lanes import Lane, Lanes
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.log import EventLog
from serve_app.jobs.outcome import CANCELLED, interrupted
from serve_app.jobs.runner import Runner
from serve_app.jobs.store import JobStore, Superseded
from serve_app.jobs.sweep import Sweeper, blob_folder
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.watch import Watch, is_unwanted, no_replica, tell
from serve_app.settings import JobSettings

logger = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0
"""Seconds for committing the ends of what is under way at a shutdown; the next epoch ends what is left."""

MAX_PAGE = 200
"""Jobs on one page of the list at most."""


class JobService:
    """Every job of the application, from its submission to its end.

    Args:
        store: the jobs in SQL; this service opens and closes it.
        blobs: where the replicas put the images; here they are only deleted.
        fleet: the configured models; :meth:`heartbeat` feeds it.
        runner: runs attempts on replicas.
        settings: how jobs are kept.
        clock: seconds since the epoch (UTC).
        watch_every_s: seconds between looks at positions and orphans.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        fleet: Fleet,
        runner: Runner,
        settings: JobSettings,
        clock: Callable[[], float] = time.time,
        watch_every_s: float = 1.0,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._fleet = fleet
        self._clock = clock
        self._tasks = Tasks()
        self._jobs = LiveJobs(settings.finished_logs)
        self._lanes = lanes = Lanes(fleet)
        self._ending = ending = Ending(store=store, lanes=lanes, jobs=self._jobs, tasks=self._tasks, clock=clock)
        self._dispatcher = Dispatcher(
            store=store,
            runner=runner,
            lanes=lanes,
            jobs=self._jobs,
            ending=ending,
            tasks=self._tasks,
            max_attempts=settings.max_attempts,
            clock=clock,
        )
        watch = Watch(
            jobs=self._jobs,
            lanes=lanes,
            ending=ending,
            deserted=self._is_deserted,
            follow_within_s=settings.follow_within_s,
            clock=clock,
        )
        sweeper = Sweeper(store=store, blobs=blobs, ttl_s=settings.image_ttl_s, clock=clock)
        self._rounds = ((watch.look, watch_every_s), (sweeper.sweep, settings.sweep_every_s))
        self._unavailable_after_s = settings.unavailable_after_s
        self._serving = False

    async def start(self) -> None:
        """Open the store, take the next epoch, end what an earlier one left unfinished, and begin to serve."""
        await self._store.open()
        left = await self._store.fail_unfinished(self._clock(), "the service was restarted before the job had finished")
        if left:
            logger.warning("epoch %d: %d unfinished jobs of an earlier one failed", self._store.epoch, left)
        for work, every_s in self._rounds:
            self._tasks.spawn(_repeat(work, every_s))
        self._serving = True

    async def close(self) -> None:
        """End what is under way as ``interrupted``, which its followers are told, then stop and close the store."""
        self._serving = False
        self._dispatcher.stop()
        stopped = interrupted("the service was stopped before the job had finished")
        ends = [asyncio.ensure_future(self._ending.end(live, stopped)) for live in self._jobs]
        if ends:
            await asyncio.wait(ends, timeout=CLOSE_WITHIN_S)  # a database that is gone must not hold up the end
        await self._tasks.close()
        await self._store.close()

    async def submit(self, request: JobRequest) -> Job:
        """Resolve, check, commit and queue. Once begun, the commit is carried to its end even if the caller goes."""
        if not self._serving:
            raise ModelUnavailable("the service is starting or stopping", retry_after_s=2)
        card = self._fleet.card(request.generation.model)
        if self._is_deserted(card.id):
            raise ModelUnavailable(no_replica(card.id), retry_after_s=30)
        admitted = await asyncio.to_thread(admit, request, card)
        lane = self._lanes.hold(card.id)
        entering = self._tasks.spawn(self._enter(lane, admitted))
        try:
            return await asyncio.shield(entering)
        except asyncio.CancelledError:
            if request.on_disconnect == "cancel":  # the caller is gone: nobody will ever follow it
                self._tasks.spawn(self._withdraw(entering))
            raise

    async def _withdraw(self, entering: asyncio.Task[Job]) -> None:
        await self.cancel((await entering).id)

    def _is_deserted(self, model: str) -> bool:
        return self._fleet.deserted_s(model, self._clock()) > self._unavailable_after_s

    async def _enter(self, lane: Lane, admitted: Admitted) -> Job:
        """Commit a new job and put it where a place is held for it."""
        job = Job(
            id=admitted.request.generation.id,
            request=admitted.request,
            status=JobStatus.QUEUED,
            attempt=0,
            created_at=self._clock(),
        )
        live = LiveJob(job, lane.model, EventLog(self._store.epoch), admitted.cost)
        try:
            self._jobs.add(live)
        except BaseException:
            lane.queue.release()
            raise
        try:
            await self._store.insert(job)
        except BaseException as error:
            lane.queue.release()
            self._jobs.forget(live.id)
            if isinstance(error, Superseded):
                raise ModelUnavailable("another router has taken over", retry_after_s=1) from None
            raise
        if live.ending is not None:  # somebody found it in the list and cancelled it
            lane.queue.release()
            return await asyncio.shield(live.ending)
        lane.queue.add(live.id, live.cost)
        tell(live, self._lanes.last_place(live))
        submitted = self._lanes.snapshot(live)
        self._dispatcher.dispatch(lane.model)
        return submitted

    async def follow(self, job_id: str, after: EventId | None = None) -> AsyncGenerator[list[LoggedEvent], None]:
        """The job's events after ``after``, as they come; see the Backend's contract."""
        live = self._jobs.logged(job_id)
        if live is None:
            record = await self._store.get(job_id)
            if record.last is None:
                raise _in_other_care(job_id)
            if told := history(record, after):
                yield told
            return
        live.followers += 1
        try:
            while fresh := await live.log.news(after):
                yield fresh
                after = fresh[-1].id
        finally:
            live.followers -= 1
            if is_unwanted(live):
                self._tasks.spawn(self._ending.end(live, CANCELLED))

    async def get(self, job_id: str) -> Job:
        """The job as it stands."""
        if (live := self._jobs.active(job_id)) is not None:
            return self._lanes.snapshot(live)
        return (await self._store.get(job_id)).job

    async def jobs(
        self, *, status: JobStatus | None = None, model: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> JobPage:
        """Newest first, as committed; those under way with their position, progress and ETA."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequest("limit", limit, f"1 to {MAX_PAGE}")
        wanted = None if model is None else self._fleet.card(model).id
        page = await self._store.page(status=status, model=wanted, limit=limit, cursor=cursor)
        return JobPage(tuple(self._as_it_stands(job) for job in page.jobs), page.next_cursor)

    def _as_it_stands(self, job: Job) -> Job:
        live = self._jobs.active(job.id)
        if live is None or job.status not in ACTIVE or live.job.status is not job.status:
            return job  # it has moved on since the page was read; the page keeps to what it was asked for
        return self._lanes.snapshot(live)

    async def cancel(self, job_id: str) -> Job:
        """End the job as cancelled, unless it has ended before; the state that won."""
        if (live := self._jobs.active(job_id)) is not None:
            return await self._ending.end(live, CANCELLED)
        job = (await self._store.get(job_id)).job
        if job.status in ACTIVE:
            raise _in_other_care(job_id)
        return job

    async def delete(self, job_id: str) -> None:
        """Cancel the job if it is active; then its images go, and then what is known of it."""
        await self.cancel(job_id)
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

    def heartbeat_missed(self, model: str) -> None:
        """Not all replicas of ``model`` answered in time: dispatch goes on with those last known."""
        self._lanes[model].paused = False
        self._dispatcher.dispatch(model)

    def backlog_s(self) -> dict[str, float]:
        """By model: GPU-seconds that wait, and that remain of what runs."""
        return {model: self._lanes.backlog_s(model) for model in self._fleet.models}


async def _repeat(work: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        try:
            await work()
        except Exception:  # the edge of the loop: the next round tries again, the log says why
            logger.exception("a round of the job service failed; it is tried again in %g s", every_s)
        await asyncio.sleep(every_s)


def _in_other_care(job_id: str) -> ModelUnavailable:
    return ModelUnavailable(f"job {job_id} is in the care of another router", retry_after_s=1)
