"""Deadlines: a job that is too late ends, whether it waits or runs."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from serve_app.jobs.ending import Ending
from serve_app.jobs.live import LiveJob
from serve_app.jobs.log import HandedOver
from serve_app.jobs.outcome import late
from serve_app.jobs.tasks import Tasks


class Deadlines:
    """Ends each job at its deadline, if it has not ended before."""

    def __init__(self, *, ending: Ending, tasks: Tasks, clock: Callable[[], float]) -> None:
        self._ending = ending
        self._tasks = tasks
        self._clock = clock

    def watch(self, live: LiveJob) -> None:
        """Look after ``live``, if it has a deadline."""
        if (deadline := live.job.deadline) is not None:
            left = max(0.0, deadline - self._clock())
            live.timer = asyncio.get_running_loop().call_later(left, lambda: self._tasks.spawn(self._end(live)))

    async def _end(self, live: LiveJob) -> None:
        with suppress(HandedOver):
            await self._ending.end(live, late(live.job.status))
