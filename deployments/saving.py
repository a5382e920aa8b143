"""Saves an attempt's states as they come, beside everything else: the newest of each image, one at a time."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from deployments.checkpoints import Checkpoints
from deployments.engine.events import Checkpoint

logger = logging.getLogger(__name__)


class Saving:
    """One attempt's. For one event loop.

    A state that a newer one of the same image overtakes before it was written is left out, so at most ``n`` wait. What
    can't be written is logged and given up: an attempt does not fail because it could not be resumed.
    """

    def __init__(
        self, job: str, checkpoints: Checkpoints, saved: Callable[[], object], there: Mapping[int, int]
    ) -> None:
        """``saved`` is called for each state that was written. ``there``: by image, the step of the state that an
        earlier attempt left; the first one written takes its place."""
        self._job = job
        self._checkpoints = checkpoints
        self._saved = saved
        self._there = dict(there)
        self._waiting: dict[int, Checkpoint] = {}
        self._task: asyncio.Task[None] | None = None

    def put(self, checkpoint: Checkpoint) -> None:
        """Save ``checkpoint`` soon."""
        self._waiting[checkpoint.index] = checkpoint
        if self._task is None:
            self._task = asyncio.create_task(self._save())

    def stop(self) -> None:
        """Save nothing more."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    async def _save(self) -> None:
        try:
            while self._waiting:
                _, one = self._waiting.popitem()
                await self._checkpoints.save(
                    self._job, one.index, one.step, one.data, instead_of=self._there.get(one.index)
                )
                self._there[one.index] = one.step
                self._saved()
        except Exception:  # the edge of the task: the attempt goes on, the log says why there is no state
            logger.exception("job %s: its state could not be saved", self._job)
        finally:
            self._task = None
