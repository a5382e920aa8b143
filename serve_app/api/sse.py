"""Server-sent events: how a job's events become frames, and the response that writes them.

Job streams have ``data:`` and ``id:`` lines only, so that ``EventSource.onmessage`` sees every event.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing
from typing import Protocol

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from deployments.engine.errors import DarkroomError, Forbidden, Gone, JobNotFound, StreamTooLong, Unauthorized
from serve_app.api.backend import Backend
from serve_app.api.boundary import logged
from serve_app.api.callers import ADMIT_AGAIN
from serve_app.api.encoding import base64, off_loop
from serve_app.api.event_views import AnyEvent, CompleteImage, Which
from serve_app.api.views import Links
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import (
    TERMINAL_EVENTS,
    Cancelled,
    Complete,
    Error,
    EventId,
    ImageDone,
    LoggedEvent,
    Preview,
    Progress,
    Queued,
    Restarted,
    Started,
)
from serve_app.jobs.job import ImageRef, Job

log = logging.getLogger(__name__)

DONE = "[DONE]"

STREAM_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    # nginx would gather events until its buffer is full
    "X-Accel-Buffering": "no",
}


Admit = Callable[[], Awaitable[Caller | None]]
"""See :data:`~serve_app.api.callers.ADMIT_AGAIN`."""


class Frames(Protocol):
    """One dialect's way to write one job's events; made for one stream."""

    async def render(self, batch: list[LoggedEvent]) -> bytes:
        """The frames of these events; empty if the dialect tells none of them."""
        ...

    def broken(self, error: DarkroomError) -> bytes:
        """The last frames of a stream that can't go on because the service, not the job, failed; maybe none."""
        ...


class EventStream(Response):
    """Writes ``events`` as they come, a comment ping every ``ping_s`` seconds, and closes ``events`` whatever happens.

    It watches for the client's going away by itself: whether a server tells by ``http.disconnect``, by an ``OSError``
    from ``send`` or by cancelling the request, the generator is closed at once, which is what cancels a synchronous
    call's job.

    Nothing is buffered here, but behind a server whose ``send`` never waits, what a slow reader has not read gathers:
    so a stream ends before the first list after it has sent ``max_bytes``. A client that can comes back for the rest.

    With each ping the doors are asked anew: a stream does not outlive the key that opened it.

    Args:
        place: is entered before the answer begins, and left at its end; what it raises is answered instead.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncGenerator[list[LoggedEvent], None],
        frames: Frames,
        *,
        place: AbstractContextManager[None],
        ping_s: float,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({**STREAM_HEADERS, **(headers or {})})  # with no `body` set, it declares no length
        self._events = events
        self._frames = frames
        self._place = place
        self._ping_s = ping_s
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            with self._place:
                await self._answer(scope[ADMIT_AGAIN], receive, send)

    async def _answer(self, admit: Admit, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        tasks = [asyncio.create_task(work) for work in (self._write(send), self._ping(admit, send), gone(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            # also while this request itself is being cancelled: the generator can't be closed while it runs
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, send: Send) -> None:
        last, sent = b"", 0
        try:
            async for batch in self._events:
                if sent >= self._max_bytes:
                    raise StreamTooLong(f"this stream has sent {sent} bytes, and may send {self._max_bytes}")
                if chunk := await self._frames.render(batch):
                    await _send_body(send, chunk)
                    sent += len(chunk)
        except ClientDisconnect:
            return
        except DarkroomError as error:
            last = self._frames.broken(error)
        except Exception as error:  # noqa: BLE001  # the edge of a stream: the client is told, the log has the rest
            last = self._frames.broken(logged(error, "writing an event stream"))
        await _send_body(send, last, more=False)

    async def _ping(self, admit: Admit, send: Send) -> None:
        admitted = True
        while admitted:
            await asyncio.sleep(self._ping_s)
            try:
                await admit()
            except (Unauthorized, Forbidden):
                admitted = False
            except DarkroomError:
                pass  # nobody can tell just now
            await _send_body(send, KEEPALIVE_COMMENT, more=admitted)


async def _send_body(send: Send, body: bytes, *, more: bool = True) -> None:
    try:
        await send({"type": "http.response.body", "body": body, "more_body": more})
    except OSError as error:  # what ASGI's `send` raises when the client has gone
        raise ClientDisconnect from error


async def gone(receive: Receive) -> None:
    """Returns when the client has disconnected. The request's body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class JobFrames:
    """The job stream: the event log as it is, finished images as URLs and the first one in base64.

    Args:
        resumable: the client can come back by ``Last-Event-ID``. If the service fails it, the connection just ends, so
            that it does; otherwise it is told by an ``error`` event.
    """

    def __init__(self, job: Job, backend: Backend, caller: Caller, links: Links, *, resumable: bool) -> None:
        self._job_id = job.id
        self._many = job.request.generation.n > 1
        self._backend = backend
        self._caller = caller
        self._links = links
        self._resumable = resumable
        self._last: EventId | None = None

    async def render(self, batch: list[LoggedEvent]) -> bytes:
        frames: list[bytes] = []
        for event in batch:
            match event.event:
                case Complete(images=images, timings=timings):
                    frames.append(await self._complete(event.id, images, timings))
                case other:
                    frames.append(_frame(event.id, self._told(other)))
            if isinstance(event.event, TERMINAL_EVENTS):
                frames.append(format_sse_event(data_str=DONE, id=str(EventId(event.id.epoch, event.id.seq + 1))))
            self._last = event.id
        return b"".join(frames)

    def broken(self, error: DarkroomError) -> bytes:
        if self._resumable:
            log.warning("the stream of job %s broke off: %s", self._job_id, error, extra={"job": self._job_id})
            return b""
        # the id stays where it was: nothing of the log was skipped
        return _frame(self._last, {"event": "error", "code": error.code, "message": error.message})

    def _told(
        self, event: Queued | Started | Restarted | Progress | Preview | ImageDone | Cancelled | Error
    ) -> AnyEvent:
        told: AnyEvent
        match event:
            case Queued(position=position, eta_s=eta_s):
                told = {"event": "queued", "position": position, "eta_s": eta_s}
            case Started(attempt=attempt):
                told = {"event": "started", "attempt": attempt}
            case Restarted(attempt=attempt, reason=reason, step=step):
                told = {"event": "restarted", "attempt": attempt, "reason": reason, "step": step}
            case Progress(step=step, total=total, index=index):
                told = {"event": "progress", "step": step, "total": total, **self._index(index)}
            case Preview(step=step, total=total, index=index):
                told = {
                    "event": "preview",
                    "step": step,
                    "total": total,
                    "format": event.format,
                    "image": base64(event.image),
                    **self._index(index),
                }
            case ImageDone(image=image):
                # no URL yet: images are served once the job has succeeded
                told = {
                    "event": "image",
                    "seed": image.seed,
                    "format": image.format,
                    "width": image.width,
                    "height": image.height,
                    **self._index(image.index),
                }
            case Cancelled():
                told = {"event": "cancelled"}
            case Error(code=code, message=message):
                told = {"event": "error", "code": code, "message": message}
        return told

    def _index(self, index: int) -> Which:
        return {"index": index} if self._many else {}

    async def _complete(self, event_id: EventId, images: tuple[ImageRef, ...], timings: dict[str, float]) -> bytes:
        try:
            _, first = await self._backend.image(self._job_id, 0, self._caller)
        except (Gone, JobNotFound):  # a late comer to a job whose images have expired, or are being deleted
            first = None
        described: list[CompleteImage] = [
            {
                "url": self._links.image(self._job_id, image.index),
                "seed": image.seed,
                "format": image.format,
                "width": image.width,
                "height": image.height,
            }
            for image in images
        ]

        def frame() -> bytes:
            image = None if first is None else base64(first)
            return _frame(event_id, {"event": "complete", "image": image, "images": described, "timings": timings})

        return await off_loop(len(first or b""), frame)


def _frame(event_id: EventId | None, told: AnyEvent) -> bytes:
    return format_sse_event(data_str=to_json(told).decode(), id=None if event_id is None else str(event_id))
