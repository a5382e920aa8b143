"""When an image is saved on its way, and that no more than its newest save waits to be written down."""

import logging
import time
from collections.abc import Callable

from deployments.engine.checkpoint import Snapshot
from deployments.engine.events import Checkpoint
from deployments.engine.families.base import DenoiseState
from deployments.engine.samplers import UnsavableState
from deployments.engine.ticket import Raw

logger = logging.getLogger(__name__)


class RawCheckpoint(Raw):
    """A snapshot that is still to be written down; dropped, it is nothing."""

    __slots__ = ("_index", "_snapshot", "_step")

    def __init__(self, snapshot: Snapshot, step: int, index: int) -> None:
        self._snapshot: Snapshot | None = snapshot
        self._step = step
        self._index = index

    def drop(self) -> None:
        """Nobody needs it any more. From any thread; without effect once it is being written down."""
        self._snapshot = None

    def event(self, request_id: str) -> Checkpoint | None:
        snapshot, self._snapshot = self._snapshot, None
        return None if snapshot is None else Checkpoint(request_id, snapshot.data(), self._step, self._index)


class Saver:
    """Saves one image. Used by the denoise thread, once it is made.

    Args:
        every_s: seconds between two saves at least, and before the first; 0 saves after every step.
        fingerprint: the image's.
        clock: seconds, of any beginning, that never go back.
    """

    def __init__(self, every_s: float, fingerprint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._fingerprint = fingerprint
        self._clock = clock
        self._since = clock()
        self._newest: RawCheckpoint | None = None

    def save(self, state: DenoiseState) -> RawCheckpoint | None:
        """A step was done: what there is to tell of it, if anything.

        The save before it is dropped, unless it has been written down, and so it is after the last step. An image whose
        sampler can't be saved never is; the log says why.
        """
        sampler, item, now = state.sampler, state.item, self._clock()
        if not sampler.done and now - self._since < self._every_s:
            return None
        if self._newest is not None:
            self._newest.drop()
        if sampler.done:
            return None
        try:
            snapshot = Snapshot(state, self._fingerprint)
        except UnsavableState as error:
            logger.warning("request %s can't be saved on its way: %s", item.request.id, error)
            self._every_s = float("inf")
            return None
        self._since = now
        self._newest = RawCheckpoint(snapshot, sampler.steps_done, item.index)
        return self._newest
