"""A small honest Backend in memory: it resolves, logs and cancels as the service does, and paints flat pictures.

Jobs run to their end as soon as they are submitted, unless the backend holds them at a step, or paces them: then each
step waits until a follower has taken the one before.
"""

import asyncio
import io
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from random import Random

from PIL import Image

from deployments.catalog import DEMO_WEIGHTS, ModelCard, card_for
from deployments.engine.errors import DarkroomError, JobNotFound, ModelNotFound, Unauthorized
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import PICTURE_FIELDS, PictureField
from deployments.engine.resolve import resolve
from deployments.messages import ReplicaStats
from serve_app.api.backend import ModelStatus, WorkerStatus
from serve_app.jobs.activity import Activity, ModelActivity
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import (
    Cancelled,
    Complete,
    Error,
    EventId,
    ImageDone,
    LoggedEvent,
    Preview,
    Progress,
    Queued,
    Started,
)
from serve_app.jobs.job import TERMINAL, ImageRef, Job, JobError, JobPage, JobRequest, JobStatus
from serve_app.jobs.log import EventLog
from serve_app.jobs.paging import folded

Fault = Callable[[str], None]


def picture(width: int, height: int, format_: str, seed: int, *, noisy: bool = False) -> bytes:
    """A flat picture whose colour tells the seed; or a noisy one, which no format makes small."""
    buffer = io.BytesIO()
    image = Image.new("RGB", (width, height), (seed % 256, seed // 256 % 256, 77))
    if noisy:
        image = Image.frombytes("RGB", (width, height), Random(seed).randbytes(3 * width * height))
    image.save(buffer, format_)
    return buffer.getvalue()


class ScriptedBackend:
    """See the module. ``fault`` is called with each method's name, and may raise what that method shall raise."""

    def __init__(
        self,
        *,
        hold_at: int | None = None,
        fault: Fault | None = None,
        fail_with: Error | None = None,
        noisy: bool = False,
        cancel_when_followed: bool = False,
        any_size: bool = False,
        paced: bool = False,
        keys: Mapping[str, Caller] | None = None,
    ) -> None:
        models = ("sd15", "sdxl", "flux-dev") if any_size else ("sd15", "flux-schnell")
        self.cards: list[ModelCard] = [card_for(name, None if any_size else DEMO_WEIGHTS) for name in models]
        self.state = "ready"
        self.worked = Activity([card.id for card in self.cards])
        self.calls: list[str] = []
        self.submitted: list[JobRequest] = []
        self.followers = 0
        self.cancelled = asyncio.Event()
        self.followed = asyncio.Event()
        self.abandoned = asyncio.Event()
        self._hold_at = hold_at
        self._fault = fault
        self._fail_with = fail_with
        self._noisy = noisy
        self._paced = paced
        self.keys = dict(keys or {})
        self._cancel_when_followed = cancel_when_followed
        self._jobs: dict[str, Job] = {}
        self._logs: dict[str, EventLog] = {}
        self._contents: dict[tuple[str, int], bytes] = {}
        self._inputs: dict[str, bytes] = {}

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self._fault is not None:
            self._fault(method)

    async def identify(self, token: str | None) -> Caller | None:
        """By ``keys``: what a caller may show."""
        if self._fault is not None:
            self._fault("identify")
        if token in self.keys:
            return self.keys[token]
        if token is not None or self.keys:
            raise Unauthorized("not by this")
        return None

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        self._called("submit")
        generation = resolve(request.generation, self._card(request.generation.model))
        request = request.model_copy(update={"generation": generation})
        self.submitted.append(request)
        given = {name: one for name in PICTURE_FIELDS if isinstance(one := getattr(generation, name), Picture)}
        refs = {
            name: PictureRef(key=f"{generation.id}/input/0/{name}", width=one.width, height=one.height)
            for name, one in given.items()
        }
        self._inputs |= {refs[name].key: one.encoded() for name, one in given.items()}
        kept = request.model_copy(update={"generation": generation.model_copy(update=refs)})
        job = Job(generation.id, kept, JobStatus.QUEUED, 0, time.time(), position=0, eta_s=0.5)
        self._jobs[job.id] = job
        self._logs[job.id] = log = EventLog(epoch=1)
        log.append(Queued(position=0, eta_s=0.5))
        log.append(Started(attempt=1))
        if not self._paced:
            self._advance(job.id, 0, generation.steps if self._hold_at is None else self._hold_at)
            if self._hold_at is None:
                self.finish(job.id)
        return job

    def finish(self, job_id: str) -> None:
        """Take the job from where it is held to its end."""
        job = self._jobs[job_id]
        generation = job.request.generation
        self._advance(job_id, job.step or 0, generation.steps)
        if self._fail_with is not None:
            self._end(job_id, JobStatus.FAILED, self._fail_with)
            return
        refs = []
        for index in range(generation.n):
            seed = generation.seed + index
            content = picture(generation.width, generation.height, generation.format, seed, noisy=self._noisy)
            self._contents[job_id, index] = content
            size = (generation.width, generation.height)
            refs.append(ImageRef(index, f"{job_id}/1/{index}", seed, generation.format, *size, len(content)))
            self._logs[job_id].append(ImageDone(refs[-1]))
        timings = {"wait": 0.0, "denoise": 0.5, "total": 0.6}
        self._jobs[job_id] = replace(self._jobs[job_id], images=tuple(refs), timings=timings)
        self._end(job_id, JobStatus.SUCCEEDED, Complete(tuple(refs), timings))

    def _step(self, job_id: str) -> None:
        """One more step, or the end after the last."""
        job = self._jobs[job_id]
        done = job.step or 0
        if done == job.request.generation.steps:
            self.finish(job_id)
        else:
            self._advance(job_id, done, done + 1)

    def expire(self, job_id: str) -> None:
        """Forget the images' bytes, as retention does."""
        self._jobs[job_id] = replace(self._jobs[job_id], images_expired=True)

    def _advance(self, job_id: str, done: int, until: int) -> None:
        generation = self._jobs[job_id].request.generation
        total, log = generation.steps, self._logs[job_id]
        for step in range(done + 1, until + 1):
            for index in range(generation.n):
                log.append(Progress(step, total, index))
                if generation.preview_every and step % generation.preview_every == 0:
                    log.append(Preview(step, total, "jpeg", picture(16, 16, "jpeg", step), index))
        running = {"status": JobStatus.RUNNING, "attempt": 1, "started_at": time.time(), "position": None}
        self._jobs[job_id] = replace(self._jobs[job_id], **running, step=until, total=total)

    def _end(self, job_id: str, status: JobStatus, event: Complete | Cancelled | Error) -> None:
        error = JobError(event.code, event.message) if isinstance(event, Error) else None
        ended = {"status": status, "error": error, "finished_at": time.time(), "eta_s": None, "step": None}
        self._jobs[job_id] = replace(self._jobs[job_id], **ended)
        self._logs[job_id].append(event)

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        self._called("follow")
        job, log = self._job(job_id), self._logs[job_id]
        self.followers += 1
        self.followed.set()
        if self._cancel_when_followed:
            await self.cancel(job_id, caller)
        try:
            while batch := log.after(after) if self._paced else await log.news(after):
                after = batch[-1].id
                yield batch
                if self._paced and not log.ended:
                    self._step(job_id)
        finally:
            self.followers -= 1
            self.abandoned.set()
            if job.request.on_disconnect == "cancel" and self.followers == 0 and not log.ended:
                await self.cancel(job_id, caller)

    async def get(self, job_id: str, caller: Caller) -> Job:
        self._called("get")
        return self._job(job_id)

    async def jobs(
        self,
        caller: Caller,
        *,
        status: JobStatus | None = None,
        model: str | None = None,
        text: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> JobPage:
        self._called("jobs")
        wanted = None if model is None else self._card(model).id
        found = [
            job
            for job in reversed(self._jobs.values())
            if (status is None or job.status == status)
            and wanted in {None, job.request.generation.model}
            and folded(text or "") in folded(job.request.generation.prompt)
        ]
        start = int(cursor or 0)
        more = start + limit < len(found)
        return JobPage(tuple(found[start : start + limit]), str(start + limit) if more else None)

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        self._called("cancel")
        if self._job(job_id).status not in TERMINAL:
            self._end(job_id, JobStatus.CANCELLED, Cancelled())
            self.cancelled.set()
        return self._job(job_id)

    async def delete(self, job_id: str, caller: Caller) -> None:
        self._called("delete")
        await self.cancel(job_id, caller)
        del self._jobs[job_id]

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        self._called("image")
        job = self._job(job_id)
        job.image_ref(index)
        return job, self._contents[job_id, index]

    async def input(self, job_id: str, name: PictureField, caller: Caller) -> tuple[Job, bytes]:
        self._called("input")
        job = self._job(job_id)
        return job, self._inputs[job.input_ref(name).key]

    async def models(self) -> list[ModelStatus]:
        self._called("models")
        states = [self.state, *("ready" for _ in self.cards[1:])]
        return [
            ModelStatus(card, state, 1, 0, 0, 0.0, 1_700_000_000.0)
            for card, state in zip(self.cards, states, strict=True)
        ]

    async def workers(self) -> list[WorkerStatus]:
        self._called("workers")
        stats = ReplicaStats("r1", "sd15", "node", "cpu", None, 1, 1, 8, 0.5, None, {}, loras=("ink",))
        return [WorkerStatus(stats, "ready", 1_700_000_000.0)]

    async def activity(self) -> list[ModelActivity]:
        self._called("activity")
        return self.worked.told()

    def _job(self, job_id: str) -> Job:
        if job_id not in self._jobs:
            raise JobNotFound(job_id)
        return self._jobs[job_id]

    def _card(self, name: str | None) -> ModelCard:
        for card in self.cards:
            if name is None or name in {card.id, *card.aliases}:
                return card
        raise ModelNotFound(name or "", [card.id for card in self.cards])


def raising(method: str, error: DarkroomError | Exception) -> Fault:
    """A fault that makes one method raise."""

    def fault(called: str) -> None:
        if called == method:
            raise error

    return fault
