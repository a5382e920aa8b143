"""The end of a job: decided once, committed, then told."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from deployments.checkpoints import Checkpoints
from deployments.engine.errors import JobNotFound
from deployments.telemetry.context import about
from serve_app.jobs.job import TERMINAL, Job
from serve_app.jobs.lanes import Lanes
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.log import HandedOver
from serve_app.jobs.observer import Ended, Observe, Stopping
from serve_app.jobs.outcome import Outcome, defect, terminal_event
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks
from serve_app.jobs.tenure import Tenure
from serve_app.jobs.webhooks import notices

logger = logging.getLogger(__name__)

MAX_RETRY_S = 5.0


class Ending:
    """Ends jobs. Completion, failure, cancel and shutdown all meet in :meth:`end`, and the first one wins."""

    def __init__(
        self,
        *,
        store: JobStore,
        checkpoints: Checkpoints,
        lanes: Lanes,
        jobs: LiveJobs,
        tasks: Tasks,
        tenure: Tenure,
        observe: Observe,
        clock: Callable[[], float],
        retry_s: float = 0.2,
    ) -> None:
        """``retry_s``: the pause before a commit that failed is tried again; doubled each time, to 5 s at most."""
        self._store = store
        self._checkpoints = checkpoints
        self._lanes = lanes
        self._jobs = jobs
        self._tasks = tasks
        self._tenure = tenure
        self._observe = observe
        self._clock = clock
        self._retry_s = retry_s

    async def end(self, live: LiveJob, outcome: Outcome) -> Job:
        """The job in the state that won: ``outcome``, or the one that came first.

        Whoever waits here may be cancelled; the end is committed and told all the same. A running attempt is closed
        at once.

        Raises:
            HandedOver: it is another Router's by now.
        """
        if live.ending is None:
            self._lanes[live.model].queue.remove(live.id)
            live.ending = self._tasks.spawn(self._commit(live, outcome))
            if live.stream is not None:
                live.stream.cancel()
                self._observe(Stopping(live.job))
            if live.timer is not None:
                live.timer.cancel()
        ended = await asyncio.shield(live.ending)
        if ended is None:
            raise HandedOver
        return ended

    async def _commit(self, live: LiveJob, outcome: Outcome) -> Job | None:
        about(live.id, live.job.attempt or None)
        # Nothing is appended to the log once `ending` is set, so the id of the terminal event is known before it.
        last_seq, now = live.log.next_id.seq, self._clock()
        try:
            job = await self._committed(live, outcome, now, last_seq)
        except JobNotFound as error:  # deleted behind our back; its followers must see an end all the same
            lost = defect(live.id, error)
            job = replace(live.job, status=lost.status, finished_at=now, error=lost.error)
        if job.status not in TERMINAL:
            self._tenure.end()
            return None
        live.job = job
        live.log.append(terminal_event(job))
        self._jobs.retire(live)
        self._observe(Ended(job))
        if job.attempt:
            self._tasks.spawn(self._clear(job.id))
        return job

    async def _clear(self, job_id: str) -> None:
        """Nothing will resume it."""
        about(job_id)
        try:
            await self._checkpoints.clear(job_id)
        except Exception:  # the edge of a task: they go with the job's images in the end
            logger.exception("job %s: its saved states could not be deleted", job_id)

    async def _committed(self, live: LiveJob, outcome: Outcome, now: float, last_seq: int) -> Job:
        """Commit, as often as it takes: nothing is told that is not committed. Raises JobNotFound."""
        pause_s = self._retry_s
        news = notices.ended(live.job, outcome, now)
        while True:
            try:
                return await self._store.finish(live.id, live.job.attempt, outcome, now, last_seq, delivery=news)
            except JobNotFound:
                raise
            except Exception:
                logger.exception("job %s: its end could not be committed; tried again in %g s", live.id, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_RETRY_S)
