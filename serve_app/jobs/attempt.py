"""One attempt: what a replica tells of it, put into the job's log, until it is known how the attempt ended."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict

from deployments.engine import events as engine
from deployments.engine.errors import Interrupted
from deployments.messages import EncodedPreview, ImageStored, ReplicaEvent
from deployments.telemetry.context import about
from serve_app.jobs.events import ImageDone, Preview, Progress, Started
from serve_app.jobs.job import ImageRef, JobStatus
from serve_app.jobs.live import LiveJob
from serve_app.jobs.observer import FirstPreview, Observe
from serve_app.jobs.outcome import Outcome, failed
from serve_app.jobs.runner import ReplicaLost


class Attempt:
    """The newest attempt of a job, as its events come in."""

    def __init__(self, live: LiveJob, observe: Observe, clock: Callable[[], float]) -> None:
        self._live = live
        self._observe = observe
        self._clock = clock
        self._images: dict[int, ImageRef] = {}
        live.steps_done.clear()

    async def follow(self, stream: AsyncGenerator[list[ReplicaEvent], None]) -> Outcome:
        """Log all of ``stream``, which is closed at the end, and tell how the attempt ended.

        Raises:
            ReplicaLost: it ended without an outcome of its own: the job may run again.
            RuntimeError: the replica broke the contract.
        """
        about(self._live.id, self._live.job.attempt)
        async with aclosing(stream):
            async for batch in stream:
                if self._live.ending is not None:
                    break  # ended from outside: nothing may be logged any more
                for event in batch:
                    if (outcome := self._take(event)) is not None:
                        return outcome
        raise ReplicaLost("the replica's stream ended early")

    def _take(self, event: ReplicaEvent) -> Outcome | None:
        log, attempt = self._live.log, self._live.job.attempt
        match event:
            case engine.Started():
                log.append(Started(attempt))
            case engine.Progress():
                self._live.steps_done[event.index] = event.step
                self._live.total = event.total  # fewer than were asked for, from a picture on
                log.append(Progress(event.step, event.total, event.index))
            case EncodedPreview():
                log.append(Preview(event.step, event.total, event.format, event.image, event.index))
                if not self._live.previewed:
                    self._live.previewed = True
                    self._observe(FirstPreview(self._live.job, self._clock() - self._live.job.created_at))
            case ImageStored():
                self._images[event.index] = image = ImageRef(
                    event.index, event.key, event.seed, event.format, event.width, event.height, event.size
                )
                log.append(ImageDone(image))
            case engine.Completed():
                return self._completed(event.timings)
            case engine.Failed(code=Interrupted.code, message=message):
                raise ReplicaLost(message)  # the engine was closed under it: a drained replica
            case engine.Failed():
                return failed(event.code, event.message)
            case engine.Cancelled():
                raise ReplicaLost("the replica gave the attempt up")  # nobody here asked for that: see Ending.end
        return None

    def _completed(self, timings: engine.Timings) -> Outcome:
        job, images = self._live.job, tuple(self._images[index] for index in sorted(self._images))
        if len(images) != self._live.generation.n:
            raise RuntimeError(f"the replica completed with {len(images)} of {self._live.generation.n} images stored")
        waited = max(0.0, (job.started_at or job.created_at) - job.created_at)
        return Outcome(JobStatus.SUCCEEDED, images, {"wait": waited} | asdict(timings))
