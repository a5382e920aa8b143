"""What an earlier Router left: its unfinished jobs run on here, with the same seeds."""

import asyncio
import logging
from collections.abc import Callable, Collection

from deployments.checkpoints import Checkpoints
from deployments.engine.errors import ModelUnavailable
from serve_app.jobs import cost
from serve_app.jobs.deadlines import Deadlines
from serve_app.jobs.events import Restarted
from serve_app.jobs.fleet import Fleet
from serve_app.jobs.job import Job
from serve_app.jobs.lanes import Lanes, waiting
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.log import EventLog
from serve_app.jobs.outcome import failed
from serve_app.jobs.store import JobStore
from serve_app.jobs.watch import tell
from serve_app.jobs.webhooks import notices

logger = logging.getLogger(__name__)

REASON = "the service restarted"

LISTED_AT_ONCE = 16
"""Jobs whose saved states are looked for at once."""


class Recovery:
    """Takes over the jobs that the store has, once, before anything is dispatched."""

    def __init__(
        self,
        *,
        store: JobStore,
        checkpoints: Checkpoints,
        fleet: Fleet,
        lanes: Lanes,
        jobs: LiveJobs,
        deadlines: Deadlines,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._fleet = fleet
        self._lanes = lanes
        self._jobs = jobs
        self._deadlines = deadlines
        self._clock = clock

    async def recover(self) -> None:
        """All that is unfinished waits again: what had begun at the head, in its old order."""
        now = self._clock()
        left = await self._store.adopt(self._fleet.models, lambda job: notices.restarted(job, now))
        if left:
            logger.warning("epoch %d: %d unfinished jobs of an earlier one go on", self._store.epoch, len(left))
        begun = [job for job in left if job.attempt]
        steps = await self._resume_steps(begun)
        for job in [*reversed(begun), *(job for job in left if not job.attempt)]:
            self._readmit(job, steps.get(job.id, 0))
        for live, place in self._lanes.places(live for live in self._jobs if not live.job.attempt):
            tell(live, place)

    async def abandon(self, served: Collection[str]) -> None:
        """End what is left of models that are not among ``served`` any more."""
        unserved = failed(ModelUnavailable.code, "the model is not served here any more")
        if ended := await self._store.abandon(served, unserved, self._clock()):
            logger.warning("epoch %d: %d jobs of models that are not served any more failed", self._store.epoch, ended)

    async def _resume_steps(self, begun: list[Job]) -> dict[str, int]:
        few = asyncio.Semaphore(LISTED_AT_ONCE)

        async def resumes_at(job: Job) -> int:
            async with few:
                return await self._checkpoints.resumes_at(job.id, job.request.generation.n)

        found = await asyncio.gather(*(resumes_at(job) for job in begun))
        return {job.id: step for job, step in zip(begun, found, strict=True)}

    def _readmit(self, job: Job, step: int) -> None:
        generation = job.request.generation
        model = str(generation.model)
        price = cost.rows(generation, self._fleet.card(model))
        live = LiveJob(job, model, EventLog(self._store.epoch), price, unfollowed_since=self._clock())
        live.lost_at, live.previewed = (self._clock(), True) if job.attempt else (None, False)
        self._jobs.add(live)
        queue = self._lanes[model].queue
        if job.attempt:
            live.log.append(Restarted(job.attempt + 1, REASON, step))
            queue.requeue(waiting(live))
        else:
            queue.readmit(waiting(live))
        self._deadlines.watch(live)
