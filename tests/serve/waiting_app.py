"""The application on an engine that only waits: what the tests of autoscaling deploy, on GPUs that do not exist."""

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from ray.serve import Application

from deployments.engine.events import Cancelled, Completed, Event, ImageReady, Progress, Started, Timings
from deployments.engine.request import GenerationRequest
from deployments.engine.stats import Memory, Work
from serve_app.app import compose
from serve_app.settings import AppArgs, ModelSettings

SECONDS_PER_ROW = 0.05
"""Seconds of one row of one step; a request with guidance has two rows."""


@dataclass(frozen=True)
class Load:
    running: int
    backlog_s: float
    max_batch: int
    batch: int = 1
    seconds_per_row: float | None = SECONDS_PER_ROW
    device: str = "cuda:0"
    overrides: dict[str, Any] = field(default_factory=dict)
    loras: tuple[str, ...] = ()
    work: Work = field(default_factory=Work)
    memory: Memory | None = None


class WaitingEngine:
    """Runs one request after the other; a step is a wait. Its pictures are black."""

    def __init__(self, max_batch: int) -> None:
        self._max_batch = max_batch
        self._inbox: queue.Queue[tuple[GenerationRequest, Callable[[list[Event]], None]] | None] = queue.Queue()
        self._cancelled: dict[str, threading.Event] = {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(
        self,
        request: GenerationRequest,
        on_events: Callable[[list[Event]], None],
        *,
        resume: Mapping[int, bytes] | None,
        checkpoint_every_s: float | None,
    ) -> GenerationRequest:
        self._cancelled[request.id] = threading.Event()
        self._inbox.put((request, on_events))
        return request

    def cancel(self, request_id: str) -> bool:
        cancelled = self._cancelled.get(request_id)
        if cancelled is not None:
            cancelled.set()
        return cancelled is not None

    def stats(self) -> Load:
        running = len(self._cancelled)
        return Load(running=running, backlog_s=0.0, max_batch=self._max_batch)

    def check(self) -> None:
        if not self._thread.is_alive():
            raise RuntimeError("the engine's thread has ended")

    def close(self) -> None:
        self._inbox.put(None)

    def _run(self) -> None:
        while (work := self._inbox.get()) is not None:
            request, on_events = work
            on_events(self._outcome(request, on_events))
            del self._cancelled[request.id]

    def _outcome(self, request: GenerationRequest, on_events: Callable[[list[Event]], None]) -> list[Event]:
        on_events([Started(request.id)])
        steps = request.steps or 1
        for step in range(1, steps + 1):
            if self._cancelled[request.id].wait(2 * SECONDS_PER_ROW):
                return [Cancelled(request.id)]
            on_events([Progress(request.id, step, steps, 0)])
        picture = Image.new("RGB", (request.width or 64, request.height or 64))
        return [
            ImageReady(request.id, picture, request.seed or 0, 0),
            Completed(request.id, Timings(queued=0, encode=0, denoise=1, decode=0, total=1)),
        ]


@dataclass(frozen=True)
class MakeWaitingEngine:
    max_batch: int

    def __call__(self) -> WaitingEngine:
        return WaitingEngine(self.max_batch)


def _engine(model: ModelSettings) -> MakeWaitingEngine:
    return MakeWaitingEngine(model.max_batch)


def build(args: AppArgs) -> Application:
    """What ``serve_app:build`` does, over waiting engines."""
    return compose(args, _engine)
