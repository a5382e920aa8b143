"""The end of a job: decided once, committed, then told."""

import asyncio
import logging
from collections.abc import Callable

from deployments.engine.errors import JobNotFound
from serve_app.jobs.job import TERMINAL, Job
from serve_app.jobs.lanes import Lanes
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.outcome import Outcome, defect, interrupted, terminal_event
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks

logger = logging.getLogger(__name__)

MAX_RETRY_S = 5.0


class Ending:
    """Ends jobs. Completion, failure, cancel and shutdown all meet in :meth:`end`, and the first one wins."""

    def __init__(
        self,
        *,
        store: JobStore,
        lanes: Lanes,
        jobs: LiveJobs,
        tasks: Tasks,
        clock: Callable[[], float],
        retry_s: float = 0.2,
    ) -> None:
        """``retry_s``: the pause before a commit that failed is tried again; doubled each time, to 5 s at most."""
        self._store = store
        self._lanes = lanes
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock
        self._retry_s = retry_s

    async def end(self, live: LiveJob, outcome: Outcome) -> Job:
        """The job in the state that won: ``outcome``, or the one that came first. Raises nothing of its own.

        Whoever waits here may be cancelled; the end is committed and told all the same. A running attempt is closed
        at once.
        """
        if live.ending is None:
            self._lanes[live.model].queue.remove(live.id)
            live.ending = self._tasks.spawn(self._commit(live, outcome))
            if live.stream is not None:
                live.stream.cancel()
        return await asyncio.shield(live.ending)

    async def _commit(self, live: LiveJob, outcome: Outcome) -> Job:
        # Nothing is appended to the log once `ending` is set, so the id of the terminal event is known before it.
        last_seq, now = live.log.next_id.seq, self._clock()
        try:
            job = await self._committed(live, outcome, now, last_seq)
            if job.status not in TERMINAL:
                outcome = interrupted("another router has taken over this job")
        except JobNotFound as error:  # deleted behind our back; its followers must see an end all the same
            outcome = defect(live.id, error)
            job = live.job
        if job.status in TERMINAL:
            live.job = job
        else:  # the row keeps its last committed state; the next epoch fails it
            live.transition(status=outcome.status, finished_at=now, error=outcome.error)
        live.log.append(terminal_event(live.job))
        self._jobs.retire(live)
        return live.job

    async def _committed(self, live: LiveJob, outcome: Outcome, now: float, last_seq: int) -> Job:
        """Commit, as often as it takes: nothing is told that is not committed. Raises JobNotFound."""
        pause_s = self._retry_s
        while True:
            try:
                return await self._store.finish(live.id, live.job.attempt, outcome, now, last_seq)
            except JobNotFound:
                raise
            except Exception:
                logger.exception("job %s: its end could not be committed; tried again in %g s", live.id, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_RETRY_S)
