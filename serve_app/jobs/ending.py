"""The end of a job: decided once, committed, then told."""

import asyncio
from collections.abc import Callable

from serve_app.jobs.job import TERMINAL, Job
from serve_app.jobs.lanes import Lanes
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.outcome import Outcome, defect, interrupted, terminal_event
from serve_app.jobs.store import JobStore
from serve_app.jobs.tasks import Tasks


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
    ) -> None:
        self._store = store
        self._lanes = lanes
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock

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
            job = await self._store.finish(live.id, live.job.attempt, outcome, now, last_seq)
            if job.status not in TERMINAL:
                outcome = interrupted("another router has taken over this job")
        except Exception as error:  # noqa: BLE001  the job must end for its followers even when the database fails
            outcome = defect(live.id, error)
            job = live.job
        if job.status in TERMINAL:
            live.job = job
        else:  # the row keeps its last committed state; the next epoch fails it
            live.transition(status=outcome.status, finished_at=now, error=outcome.error)
        live.log.append(terminal_event(live.job))
        self._jobs.retire(live)
        return live.job
