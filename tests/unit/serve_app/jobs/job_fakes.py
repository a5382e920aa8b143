"""A service on real SQLite and a real blob folder, over replicas that play a script."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments.blobs import BlobStore
from deployments.catalog import steps_taken
from deployments.engine.events import Cancelled, Completed, Failed, Progress, Started, Timings
from deployments.engine.request import GenerationRequest
from deployments.messages import EncodedPreview, ImageStored, ReplicaEvent, ReplicaStats, RunAttempt
from serve_app.jobs.assembly import assemble
from serve_app.jobs.caller import Caller, Once
from serve_app.jobs.events import Error, JobEvent, LoggedEvent, Restarted
from serve_app.jobs.fleet import Fleet
from serve_app.jobs.job import Job, JobRequest
from serve_app.jobs.observer import Observe, unobserved
from serve_app.jobs.runner import ReplicaLost
from serve_app.jobs.service import JobService
from serve_app.jobs.store import Database, JobStore
from serve_app.settings import JobSettings, ModelSettings, WebhookSettings

TIMINGS = Timings(queued=0.0, encode=0.1, denoise=0.2, decode=0.3, total=0.6)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class ScriptedRunner:
    """Plays each attempt by the words of its prompt: ``ok``, ``wait`` (then ok), ``fail CODE``, ``lose N`` (the first
    N attempts), ``defect``, ``drained``, ``silent`` (no terminal event), ``short`` (no image), ``given-up``."""

    def __init__(self, blobs: BlobStore) -> None:
        self.blobs = blobs
        self.go = asyncio.Event()
        self.attempts: list[RunAttempt] = []
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.closed: list[str] = []

    async def run(self, model: str, attempt: RunAttempt) -> AsyncGenerator[list[ReplicaEvent], None]:
        self.attempts.append(attempt)
        self.running[model] += 1
        self.most[model] = max(self.most[model], self.running[model])
        ended = False
        try:
            async for batch in self._play(attempt):
                ended = isinstance(batch[-1], Completed | Failed | Cancelled)
                yield batch
            ended = True
        except ReplicaLost:
            ended = True
            raise
        finally:
            self.running[model] -= 1
            if not ended:
                self.closed.append(attempt.request.id)

    async def _play(self, attempt: RunAttempt) -> AsyncGenerator[list[ReplicaEvent], None]:
        request = attempt.request
        word, *rest = request.prompt.split() or ["ok"]
        total = steps_taken("unet", request.steps or 1, request.strength)
        if word == "defect":
            raise RuntimeError("a defect of the runner")
        yield [Started(request.id)]
        if word == "fail":
            yield [Failed(request.id, rest[0] if rest else "out_of_memory", "no luck")]
            return
        if word == "given-up":
            yield [Cancelled(request.id)]
            return
        for step in range(1, total + 1):
            yield [Progress(request.id, step, total, index) for index in range(request.n)]
            if step == 1 and word == "wait":
                await self.go.wait()
            if step == 1 and word == "lose" and attempt.attempt <= int(rest[0]):
                raise ReplicaLost("the replica died")
            if step == 1 and word == "drained" and attempt.attempt == 1:
                yield [Failed(request.id, "interrupted", "the engine was closed")]
                return
        yield [EncodedPreview(request.id, b"jpeg", "jpeg", total, total, 0)]
        if word == "silent":
            return
        if word != "short":
            for index in range(request.n):
                key = f"{request.id}/{attempt.attempt}/{index}"
                await self.blobs.put(key, b"picture", "image/png")
                yield [ImageStored(request.id, index, key, (request.seed or 0) + index, "png", 64, 64, 7)]
        yield [Completed(request.id, TIMINGS)]


def stats(model: str = "sd15", replica: str = "r1", max_batch: int = 4, **more: Any) -> ReplicaStats:
    told: dict[str, Any] = {
        "node": "node", "device": "cpu", "gpu": None, "running": 0, "batch": 0, "backlog_s": 0.0,
        "seconds_per_row": 0.01, "overrides": {},
    }  # fmt: skip
    return ReplicaStats(replica_id=replica, model=model, max_batch=max_batch, **(told | more))


ALICE = Caller("alice")

JOB_FIELDS = ("on_disconnect", "metadata", "priority", "deadline_s", "webhook")


def wish(prompt: str = "ok", **fields: Any) -> JobRequest:
    job = {name: fields.pop(name) for name in JOB_FIELDS if name in fields}
    generation = GenerationRequest(prompt=prompt, **({"model": "sd15", "steps": 3} | fields))
    return JobRequest(generation=generation, **job)


@dataclass
class House:
    """A running service and everything behind it."""

    service: JobService
    database: Database
    store: JobStore
    blobs: BlobStore
    runner: ScriptedRunner
    clock: Clock
    fleet: Fleet
    data: Path = field(default_factory=Path)

    async def submit(self, prompt: str = "ok", caller: Caller = ALICE, once: Once | None = None, **more: Any) -> str:
        return (await self.service.submit(wish(prompt, **more), caller, once)).id

    async def get(self, job_id: str) -> Job:
        return await self.service.get(job_id, ALICE)

    async def cancel(self, job_id: str) -> Job:
        return await self.service.cancel(job_id, ALICE)

    def follow(self, job_id: str, after: Any = None) -> AsyncGenerator[list[LoggedEvent], None]:
        return self.service.follow(job_id, ALICE, after)

    async def until(self, job_id: str, *kinds: type[JobEvent]) -> JobEvent:
        """The first event of these kinds on the job's stream."""
        async for batch in self.follow(job_id):
            for logged in batch:
                if isinstance(logged.event, kinds):
                    return logged.event
        raise AssertionError(f"the stream ended without {kinds}")

    async def stream(self, job_id: str, after: Any = None) -> list[LoggedEvent]:
        """The whole stream, to its end."""
        return [logged async for batch in self.follow(job_id, after) for logged in batch]

    async def stream_beating(self, job_id: str, *replicas: ReplicaStats) -> list[LoggedEvent]:
        """The whole stream, with a heartbeat after each loss, as the Router's come."""
        told = []
        async for batch in self.follow(job_id):
            told += batch
            if any(isinstance(logged.event, Restarted | Error) for logged in batch):
                self.beat(*replicas)
        return told

    async def ended(self, job_id: str) -> Job:
        """The job once it has ended."""
        await self.stream(job_id)
        return await self.get(job_id)

    def beat(self, *replicas: ReplicaStats) -> None:
        self.service.heartbeat("sd15", replicas or [stats()])


@asynccontextmanager
async def open_house(
    data: Path,
    *,
    settings: JobSettings | None = None,
    webhooks: WebhookSettings | None = None,
    model: dict[str, Any] | None = None,
    clock: Clock | None = None,
    replicas: bool = True,
    watch_every_s: float = 0.005,
    store: Callable[[Database], JobStore] = JobStore,
    database: str | None = None,
    observe: Observe = unobserved,
) -> AsyncIterator[House]:
    """A started service with models ``sd15`` (demo weights) and ``flux-schnell``, and one ``sd15`` replica."""
    clock = clock or Clock()
    blobs = BlobStore.open(f"file://{data}/images")
    models = [
        ModelSettings(id="sd15", weights="demo", **({"prefetch": 0} | (model or {}))),
        ModelSettings(id="flux-schnell"),
    ]
    fleet = Fleet(models, created=clock.now)
    runner = ScriptedRunner(blobs)
    sql = Database(database or f"sqlite+aiosqlite:///{data}/darkroom.db")
    await sql.open()
    jobs = store(sql)
    service = assemble(
        store=jobs,
        blobs=blobs,
        fleet=fleet,
        runner=runner,
        settings=settings or JobSettings(),
        webhooks=webhooks or WebhookSettings(secret=None),
        observe=observe,
        clock=clock,
        watch_every_s=watch_every_s,
    )
    await service.start()
    house = House(service, sql, jobs, blobs, runner, clock, fleet, data)
    if replicas:
        house.beat()
    try:
        yield house
    finally:
        await service.close()
        await sql.close()


async def turns(count: int = 50) -> None:
    """Let everything that is ready run, a bounded number of times."""
    for _ in range(count):
        await asyncio.sleep(0)
