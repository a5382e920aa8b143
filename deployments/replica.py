"""ModelReplica: what Ray Serve runs around one engine, on one GPU or on the CPU.

It takes attempts from the Router, turns the engine's events into replica events, and keeps image bytes out of the
Router's way by writing them to the blob store itself.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from deployments import inputs
from deployments.blobs import BlobStore
from deployments.checkpoints import SavedState
from deployments.developing import Developing, Lab
from deployments.engine.errors import DarkroomError, Gone, InternalError, Interrupted
from deployments.engine.events import Event, Failed
from deployments.engine.request import new_request_id
from deployments.messages import HELD_LORAS, Dropped, ReplicaEvent, ReplicaStats, RunAttempt
from deployments.outbox import pace_s
from deployments.served import ServedEngine
from deployments.telemetry.attempt_lines import log_attempt
from deployments.telemetry.attempt_spans import AttemptSpans
from deployments.telemetry.context import about
from deployments.telemetry.meters import NO_METERS, Meters
from deployments.telemetry.replica_metrics import ReplicaMetrics

logger = logging.getLogger(__name__)

MAX_DROPPED = 256
"""Cancelled attempts that wait to be told of in a heartbeat."""

CODEC_THREADS = 4
"""Pictures encoded at once. More would take the cores from the denoise thread of a CPU replica."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which replica this is, and where it runs."""

    replica_id: str
    node: str
    gpu: str | None

    @classmethod
    def of_this_process(cls) -> "Place":
        """Read from Ray; only inside a Serve replica."""
        import ray
        from ray import serve

        return cls(
            replica_id=serve.get_replica_context().replica_id.unique_id,
            node=ray.get_runtime_context().get_node_id(),
            gpu=os.environ.get("CUDA_VISIBLE_DEVICES") or None,
        )


class ModelReplica:
    """One replica of the deployment ``model-<id>``.

    It follows the newest epoch it has heard of: attempts of an older one end as ``interrupted``, because the Router
    that started them is gone. (Ray does not stop a replica's generator when its caller's process dies.)
    """

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self,
        model: str,
        blobs_url: str,
        engine_factory: Callable[[], ServedEngine],
        place: Callable[[], Place] = Place.of_this_process,
        *,
        checkpoint_every_s: float | None = None,
        telemetry: Callable[[], Meters] = lambda: NO_METERS,
    ) -> None:
        """Load the engine off the event loop; Serve sends requests once this returns.

        ``checkpoint_every_s``: seconds between two saved states of an image, at least; 0 saves after every step, None
        never. ``telemetry`` sets up how this process tells of itself (``deployments.telemetry.process.Telemetry``).
        """
        self._metrics = ReplicaMetrics(telemetry(), model)
        self._model = model
        self._checkpoint_every_s = checkpoint_every_s
        self._place = place()
        self._loop = asyncio.get_running_loop()
        self._lab = Lab(ThreadPoolExecutor(CODEC_THREADS, thread_name_prefix="codec"), BlobStore.open(blobs_url))
        self._engine = await asyncio.to_thread(engine_factory)
        self._epoch = 0
        self._running: dict[str, Developing] = {}
        self._dropped: deque[Developing] = deque(maxlen=MAX_DROPPED)

    async def run(self, attempt: RunAttempt) -> AsyncGenerator[list[ReplicaEvent], None]:
        """Run one attempt; yields all events that gathered since the last yield, to the terminal one.

        Cancelling the call cancels the request in the engine.
        """
        about(attempt.request.id, attempt.attempt)
        self._follow_epoch(attempt.epoch)
        try:
            attempt = replace(attempt, request=await inputs.fetch(attempt.request, self._lab.blobs))
            resume = await self._saved(attempt)
        except Gone as gone:
            yield [Failed(attempt.request.id, gone.code, gone.message)]
            return
        except Exception:  # the edge of an attempt: another replica may reach the store
            logger.exception("job %s: its pictures could not be read", attempt.request.id)
            yield [Failed(attempt.request.id, Interrupted.code, "the input pictures could not be read")]
            return
        spans = AttemptSpans(attempt, self._model)
        developing = Developing(
            attempt,
            self._lab,
            cancel=lambda: self._engine.cancel(attempt.request.id),
            saved=self._metrics.checkpoint_saved,
            there={index: state.step for index, state in resume.items()},
            pace=lambda: pace_s(len(self._running)),
            spans=spans,
        )
        last: ReplicaEvent | None = None
        try:
            if await self._take_over(developing):
                self._submit(developing, {index: state.data for index, state in resume.items()})
            async for events in developing.events():
                last = events[-1]
                yield events
        finally:
            # Not only on CancelledError: however the call ended, nothing may go on computing for it.
            developing.close()
            if self._running.get(attempt.request.id) is developing:
                self._engine.cancel(attempt.request.id)
                self._dropped.append(developing)
            spans.end(last)
            log_attempt(attempt, self._model, last)

    async def sync(self, epoch: int, superseded: Collection[tuple[str, int]]) -> ReplicaStats:
        """The Router's heartbeat: drop older epochs and the ``superseded`` (job, attempt) pairs; answer the stats."""
        self._engine.check()  # a dead engine must not look like an idle one
        self._follow_epoch(epoch)
        for job, number in superseded:
            developing = self._running.get(job)
            if developing is not None and developing.attempt.attempt == number:
                self._interrupt(developing, "another attempt has taken over")
        stats = self._engine.stats()
        self._metrics.tell(stats)
        return ReplicaStats(
            replica_id=self._place.replica_id,
            model=self._model,
            node=self._place.node,
            device=stats.device,
            gpu=self._place.gpu,
            running=stats.running,
            batch=stats.batch,
            max_batch=stats.max_batch,
            backlog_s=stats.backlog_s,
            seconds_per_row=stats.seconds_per_row,
            overrides=dict(stats.overrides),
            loras=stats.loras,
            dropped=tuple(self._gone()),
        )

    async def record_routing_stats(self) -> dict[str, list[str]]:
        """Serve's hook: what :class:`serve_app.handles.routing.LoraRequestRouter` chooses this replica by.

        In order of names, not of use: each answer that differs from the last is sent to all who call this deployment.
        """
        return {HELD_LORAS: sorted(self._engine.stats().loras)}

    async def check_health(self) -> None:
        """Serve's health check: raises when a thread of the engine has ended, so that Serve replaces this replica."""
        self._engine.check()

    def __del__(self) -> None:
        """Serve's destructor call, after draining: stops the engine's threads."""
        if (engine := getattr(self, "_engine", None)) is not None:  # absent when loading failed
            engine.close()
            self._lab.threads.shutdown(wait=False, cancel_futures=True)

    def _gone(self) -> Iterator[Dropped]:
        """The cancelled attempts that have left the engine since this was asked last."""
        for developing in list(self._dropped):
            if developing.left_at is not None:
                self._dropped.remove(developing)
                attempt, ago_s = developing.attempt, self._loop.time() - developing.left_at
                yield Dropped(attempt.request.id, attempt.attempt, ago_s)

    def _follow_epoch(self, epoch: int) -> None:
        if epoch <= self._epoch:
            return
        self._epoch = epoch
        for developing in list(self._running.values()):
            if developing.attempt.epoch < epoch:
                self._interrupt(developing, "the service restarted")

    def _interrupt(self, developing: Developing, why: str) -> None:
        developing.fail(Interrupted.code, why)
        self._engine.cancel(developing.attempt.request.id)

    async def _take_over(self, developing: Developing) -> bool:
        """Make ``developing`` the job's attempt here, once any earlier one has left the engine; False if stale."""
        job = developing.attempt.request.id
        while (earlier := self._running.get(job)) is not None:
            self._interrupt(earlier, "another attempt has taken over")
            await earlier.left_engine.wait()
        if developing.attempt.epoch < self._epoch:
            developing.fail(Interrupted.code, "the service restarted")
            return False
        self._running[job] = developing
        return True

    async def _saved(self, attempt: RunAttempt) -> dict[int, SavedState]:
        """The states from which ``attempt`` can go on; none for the first."""
        if attempt.attempt == 1:
            return {}
        try:
            return await self._lab.checkpoints.load(attempt.request.id)
        except Exception:  # the edge of a convenience: it begins anew instead
            logger.exception("job %s: its saved state could not be read", attempt.request.id)
            return {}

    def _submit(self, developing: Developing, resume: Mapping[int, bytes]) -> None:
        """Hand the request to the engine; a refusal becomes the attempt's ``Failed``."""
        request = developing.attempt.request

        def receive(events: list[Event]) -> None:
            developing.receive(events)
            if developing.left_engine.is_set():
                self._running.pop(request.id, None)

        def on_events(events: list[Event]) -> None:  # called on a thread of the engine's
            self._loop.call_soon_threadsafe(receive, events)

        developing.spans.submitted()
        try:
            self._engine.submit(request, on_events, resume=resume, checkpoint_every_s=self._checkpoint_every_s)
        except DarkroomError as error:
            developing.fail(error.code, error.message)
        except Exception:  # the edge of an attempt: it ends as failed, and the log says why
            error_id = new_request_id()
            logger.exception("job %s: the engine could not take it (%s)", request.id, error_id)
            developing.fail(InternalError.code, f"the engine could not take the request (error {error_id})")
        else:
            return
        developing.left_engine.set()
        self._running.pop(request.id, None)
