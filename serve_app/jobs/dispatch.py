"""Dispatch: which waiting job runs next, and what follows when its attempt is over."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from deployments.checkpoints import Checkpoints
from deployments.messages import RunAttempt
from deployments.telemetry.context import about
from serve_app.jobs.attempt import Attempt
from serve_app.jobs.ending import Ending
from serve_app.jobs.events import Restarted
from serve_app.jobs.job import JobStatus
from serve_app.jobs.lanes import Lane, Lanes, waiting
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.log import HandedOver
from serve_app.jobs.observer import AttemptLost, Begun, Observe
from serve_app.jobs.outcome import Outcome, defect, interrupted
from serve_app.jobs.runner import ReplicaLost, Runner
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.webhooks import notices


class Dispatcher:
    """Runs waiting jobs while their model has free slots.

    There is no loop that could die: :meth:`dispatch` is called whenever a job comes, an attempt ends or a heartbeat
    arrives, and each attempt is a task of its own that turns every exception into the end of its job.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        runner: Runner,
        checkpoints: Checkpoints,
        lanes: Lanes,
        jobs: LiveJobs,
        ending: Ending,
        tasks: Tasks,
        tenure: Tenure,
        observe: Observe,
        max_attempts: int,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._runner = runner
        self._checkpoints = checkpoints
        self._lanes = lanes
        self._jobs = jobs
        self._ending = ending
        self._tasks = tasks
        self._tenure = tenure
        self._observe = observe
        self._max_attempts = max_attempts
        self._clock = clock

    def dispatch(self, model: str) -> None:
        """Start what fits into the free slots of ``model``."""
        lane = self._lanes[model]
        while self._tenure.held and self._lanes.free(lane):
            live = self._jobs.active(lane.queue.pop())
            if live is None or live.ending is not None:
                continue
            lane.running[live.id] = live
            self._tasks.spawn(self._carry_out(lane, live))

    async def _carry_out(self, lane: Lane, live: LiveJob) -> None:
        about(live.id, live.job.attempt + 1)
        try:
            outcome = await self._run(lane, live)
        except Exception as error:  # noqa: BLE001  the edge of a job's processing: it ends as failed, and is logged
            outcome = defect(live.id, error)
        finally:
            lane.running.pop(live.id, None)
        if outcome is not None:
            with suppress(HandedOver):
                await self._ending.end(live, outcome)
        self.dispatch(lane.model)

    async def _run(self, lane: Lane, live: LiveJob) -> Outcome | None:
        """Make one attempt; the outcome, or ``None`` when the job waits again, or was ended or taken from outside."""
        try:
            return await self._attempt(live, live.job.attempt + 1)
        except ReplicaLost as lost:
            if live.ending is not None or not self._tenure.held:
                return None
            lane.paused = True
            self._observe(AttemptLost(live.job, lost.reason))
            losses = live.job.losses + 1
            if losses >= self._max_attempts:
                return interrupted(f"its replica was lost in {losses} attempts, the last time: {lost.reason}")
            await self._requeue(lane, live, lost.reason)
            return None

    async def _attempt(self, live: LiveJob, attempt: int) -> Outcome | None:
        """Commit ``attempt`` and follow it to its outcome; ``None`` when the job was ended from outside.

        Raises:
            ReplicaLost: the attempt came to no end of its own.
        """
        now = self._clock()
        live.transition(attempt=attempt)  # before the commit, so that a cancel which overtakes it covers this attempt
        news = notices.started(live.job, attempt, now)
        started = await self._store.start(live.id, attempt, now, delivery=news)
        if live.ending is not None:
            return None
        if not started:
            self._tenure.end()
            return None
        live.transition(status=JobStatus.RUNNING, started_at=live.job.started_at or now)
        self._observe(Begun(live.job, live.lost_at or live.job.created_at, now))
        run = RunAttempt(live.generation, self._store.epoch, attempt, live.job.request.trace)
        live.stream = stream = self._tasks.spawn(
            Attempt(live, self._observe, self._clock).follow(self._runner.run(live.model, run))
        )
        try:
            await asyncio.wait({stream})  # a task of its own, so that `end` cancels the stream and never a commit
        finally:
            live.stream = None
        if stream.cancelled():
            raise ReplicaLost("the attempt was cancelled on its replica")
        return stream.result()

    async def _requeue(self, lane: Lane, live: LiveJob, reason: str) -> None:
        """Put a lost job back at the head of the queue, with the same seed."""
        attempt = live.job.attempt
        news = notices.restarted(live.job, self._clock())
        kept = await self._store.requeue(live.id, attempt, delivery=news)
        if live.ending is not None:
            return
        if not kept:
            self._tenure.end()
            return
        step = await self._checkpoints.resumes_at(live.id, live.generation.n)
        if live.ending is not None or not self._tenure.held:
            return
        live.transition(status=JobStatus.QUEUED, losses=live.job.losses + 1)
        live.steps_done.clear()
        live.told, live.lost_at = None, self._clock()
        live.log.append(Restarted(attempt + 1, reason, step))
        lane.running.pop(live.id, None)
        lane.queue.requeue(waiting(live))
