"""How a job gets in: resolved, checked, committed, queued; and once only, where its client names it."""

import asyncio
from collections.abc import Callable

from deployments.catalog import ModelCard
from deployments.engine.errors import Conflict
from deployments.telemetry.context import about
from serve_app.jobs.admission import Admitted, admit
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.deadlines import Deadlines
from serve_app.jobs.dispatch import Dispatcher
from serve_app.jobs.job import Job, JobRequest, JobStatus
from serve_app.jobs.lanes import Lane, Lanes, waiting
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.log import EventLog, HandedOver
from serve_app.jobs.observer import Observe, Submitted
from serve_app.jobs.store import JobStore, Superseded
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.watch import tell


class Entry:
    """Lets jobs in."""

    def __init__(
        self,
        *,
        store: JobStore,
        lanes: Lanes,
        jobs: LiveJobs,
        dispatcher: Dispatcher,
        deadlines: Deadlines,
        tenure: Tenure,
        observe: Observe,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._jobs = jobs
        self._dispatcher = dispatcher
        self._deadlines = deadlines
        self._tenure = tenure
        self._observe = observe
        self._clock = clock
        self._entering: dict[tuple[str, str], asyncio.Event] = {}

    async def submit(self, request: JobRequest, card: ModelCard, caller: Caller, once: Once | None) -> Job:
        """The new job; or the one that ``caller`` has under the name of ``once`` already.

        To be called in a task of its own, which nobody cancels: what is committed must also be queued.

        Raises:
            InvalidRequest, UnsupportedByModel: see :func:`~serve_app.jobs.admission.admit`.
            QueueFull: the model's queue is at one of its bounds.
            Conflict: the name, or the id, is taken by something else.
            HandedOver: another Router has the model's jobs.
        """
        about(request.generation.id)
        if once is None:
            return await self._enter(request, card, caller, None)
        name = (caller.client, once.key)
        while (earlier := self._entering.get(name)) is not None:
            await earlier.wait()
        self._entering[name] = done = asyncio.Event()
        try:
            return await self._enter_once(request, card, caller, once)
        finally:
            del self._entering[name]
            done.set()

    async def _enter_once(self, request: JobRequest, card: ModelCard, caller: Caller, once: Once) -> Job:
        if (known := await self._store.repeated(caller.client, once)) is not None:
            return known
        try:
            return await self._enter(request, card, caller, once)
        except Conflict:  # another Router's, which came between
            if (known := await self._store.repeated(caller.client, once)) is not None:
                return known
            raise

    async def _enter(self, request: JobRequest, card: ModelCard, caller: Caller, once: Once | None) -> Job:
        admitted = await asyncio.to_thread(admit, request, card)
        lane = self._lanes.hold(card.id, caller.client)
        live = self._alive(lane, admitted, caller)
        try:
            self._jobs.add(live)
        except BaseException:
            lane.queue.release(caller.client)
            raise
        try:
            await self._store.insert(live.job, once)
        except BaseException as error:
            lane.queue.release(caller.client)
            self._jobs.forget(live.id)
            if isinstance(error, Superseded):
                self._tenure.end()
                raise HandedOver from None
            raise
        self._observe(Submitted(live.job))
        if live.ending is not None:  # somebody found it in the list and cancelled it
            lane.queue.release(caller.client)
            return await asyncio.shield(live.ending) or live.job
        lane.queue.add(waiting(live))
        self._deadlines.watch(live)
        tell(live, self._lanes.place(live))
        submitted = self._lanes.snapshot(live)
        self._dispatcher.dispatch(lane.model)
        return submitted

    def _alive(self, lane: Lane, admitted: Admitted, caller: Caller) -> LiveJob:
        now = self._clock()
        job = Job(
            id=admitted.request.generation.id,
            client=caller.client,
            request=admitted.request,
            status=JobStatus.QUEUED,
            attempt=0,
            created_at=now,
        )
        return LiveJob(job, lane.model, EventLog(self._store.epoch), admitted.cost, unfollowed_since=now)
