"""A real HTTP service on loopback whose jobs follow a script: the API over a backend without engine, queue or store."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from deployments.catalog import DEMO_WEIGHTS, card_for, find_card
from deployments.engine.errors import JobNotFound, ModelNotFound, ModelUnavailable, Unauthorized
from deployments.engine.request import PictureField
from deployments.engine.resolve import resolve
from serve_app.api.app import create_api
from serve_app.api.backend import ModelState, ModelStatus, WorkerStatus
from serve_app.jobs.activity import ModelActivity
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import (
    TERMINAL_EVENTS,
    Complete,
    EventId,
    JobEvent,
    LoggedEvent,
    Preview,
    Progress,
    Queued,
    Started,
)
from serve_app.jobs.job import TERMINAL, ImageRef, Job, JobPage, JobRequest, JobStatus
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import close

MODEL = "sd15"
IMAGE = b"\x89PNG and so on"


def developing(steps: int = 20, n: int = 1, size: int = len(IMAGE)) -> list[JobEvent]:
    """The events of a job that goes well."""
    images = tuple(ImageRef(i, f"job/1/{i}", 7 + i, "png", 128, 128, size) for i in range(n))
    return [
        Queued(1, 2.0),
        Started(1),
        *(Progress(step, steps, index) for step in range(1, steps + 1) for index in range(n)),
        Preview(steps, steps, "jpeg", b"a preview", 0),
        Complete(images, {"total": 1.0}),
    ]


class ScriptedBackend:
    """Every job goes through ``script``, from event id 1-1 on.

    Args:
        breaks_after: how many events each stream sends before it breaks off; later ones run to the end.
        restarts_for: how many requests for the job are answered 503 after the first stream has broken.
        on_last: called when a stream has sent the script and it has no terminal event; the stream then waits.
        states: the model's state, one answer after the other; the last one stays.
        image: the bytes of every image.
        keys: what callers may show; without any, nothing is needed.
    """

    def __init__(
        self,
        script: Sequence[JobEvent] = (),
        *,
        breaks_after: Sequence[int] = (),
        restarts_for: int = 0,
        on_last: Callable[[], None] = lambda: None,
        states: Sequence[ModelState] = ("ready",),
        image: bytes = IMAGE,
        keys: Collection[str] = (),
    ) -> None:
        self._log = [LoggedEvent(EventId(1, seq), event) for seq, event in enumerate(script, start=1)]
        self._breaks_after = list(breaks_after)
        self._restarts_for = restarts_for
        self._on_last = on_last
        self._states = list(states)
        self._image = image
        self._keys = keys
        self.submitted: list[Job] = []
        self.resumed_after: list[str | None] = []

    async def identify(self, token: str | None) -> Caller | None:
        if token in self._keys:
            return Caller("me")
        if token is not None or self._keys:
            raise Unauthorized("a key is needed here")
        return None

    async def submit(self, request: JobRequest, caller: Caller, key: str | None = None) -> Job:
        card = find_card(request.generation.model or MODEL)
        if card is None or card.id != MODEL:
            raise ModelNotFound(request.generation.model or "", [MODEL])
        generation = resolve(request.generation, card_for(MODEL, DEMO_WEIGHTS))
        request = request.model_copy(update={"generation": generation})
        job = Job(generation.id, request, JobStatus.QUEUED, attempt=0, created_at=time.time(), position=1)
        self.submitted.append(job)
        return job

    async def follow(
        self, job_id: str, caller: Caller, after: EventId | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        await self.get(job_id, caller)
        self.resumed_after.append(None if after is None else str(after))
        left = [event for event in self._log if after is None or event.id > after]
        if self._breaks_after:
            yield left[: self._breaks_after.pop(0)]
            raise ModelUnavailable("the connection breaks here")
        yield left
        if not (left and isinstance(left[-1].event, TERMINAL_EVENTS)):
            self._on_last()
            await asyncio.Event().wait()

    async def get(self, job_id: str, caller: Caller) -> Job:
        if self.resumed_after and self._restarts_for:
            self._restarts_for -= 1
            raise ModelUnavailable("the Router is starting")
        for job in self.submitted:
            if job.id == job_id:
                return job
        raise JobNotFound(job_id)

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
        found = [
            job
            for job in reversed(self.submitted)
            if status in {None, job.status} and (text or "").lower() in job.request.generation.prompt.lower()
        ]
        return JobPage(tuple(found[:limit]), None)

    async def cancel(self, job_id: str, caller: Caller) -> Job:
        job = await self.get(job_id, caller)
        if job.status not in TERMINAL:
            self.submitted[self.submitted.index(job)] = job = replace(job, status=JobStatus.CANCELLED, position=None)
        return job

    async def delete(self, job_id: str, caller: Caller) -> None:
        self.submitted.remove(await self.get(job_id, caller))

    async def image(self, job_id: str, index: int, caller: Caller) -> tuple[Job, bytes]:
        complete = self._log[-1].event
        if not isinstance(complete, Complete):
            raise JobNotFound(job_id)
        return replace(await self.get(job_id, caller), images=complete.images), self._image

    async def models(self) -> list[ModelStatus]:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return [ModelStatus(card_for(MODEL, DEMO_WEIGHTS), state, 1, 0, 0, 0.0, time.time())]

    async def input(self, job_id: str, name: PictureField, caller: Caller) -> tuple[Job, bytes]:
        raise JobNotFound(job_id)

    async def workers(self) -> list[WorkerStatus]:
        return []

    async def activity(self) -> list[ModelActivity]:
        return []


@contextmanager
def listening(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve ``app`` in a thread; the URL. It listens before it is yielded, so nobody has to wait for it."""
    with socket() as listener:
        listener.bind((host, port))
        listener.listen()
        loop = asyncio.new_event_loop()
        ended = asyncio.Event()
        config = uvicorn.Config(app, log_level="error", ws="none", lifespan="off")

        async def run() -> None:
            config.load()
            server = uvicorn.Server(config)
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listener])
            await ended.wait()  # not uvicorn's own loop, which looks every tenth of a second
            close(server)
            await asyncio.sleep(0)  # they hear of it

        def work() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:  # ends what waits for ever as part of the script
                runner.run(run())

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(ended.set)
            thread.join()


@contextmanager
def scripted(backend: ScriptedBackend) -> Iterator[str]:
    """The whole API over ``backend``; its URL."""
    with listening(create_api(backend, ApiSettings())) as url:
        yield url
