"""One attempt on its replica: the engine's events in, pictures encoded and stored on the way, replica events out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from deployments.blobs import BlobStore
from deployments.checkpoints import Checkpoints
from deployments.engine.errors import InternalError
from deployments.engine.events import TERMINAL, Checkpoint, Completed, Event, Failed, ImageReady, Preview, Progress
from deployments.engine.images import CONTENT_TYPES, encode, encode_preview
from deployments.engine.request import GenerationRequest, new_request_id
from deployments.messages import EncodedPreview, ImageStored, ReplicaEvent, RunAttempt
from deployments.outbox import Outbox
from deployments.saving import Saving
from deployments.telemetry.attempt_spans import AttemptSpans

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

PREVIEW_FORMAT: Final = "jpeg"


@dataclass(frozen=True, slots=True)
class Lab:
    """Where pictures are encoded (threads, never the event loop) and where they are kept."""

    threads: Executor
    blobs: BlobStore

    @property
    def checkpoints(self) -> Checkpoints:
        """Where states are kept."""
        return Checkpoints(self.blobs)

    async def encode_preview(self, image: "Image") -> bytes:
        """JPEG, at most 32 KiB."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, encode_preview, image)

    async def store(self, image: "Image", request: GenerationRequest, key: str) -> int:
        """Encode as the request asks, put it under ``key``, and return the encoded size in bytes."""
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self.threads, encode, image, request.format, request.quality)
        await self.blobs.put(key, data, CONTENT_TYPES[request.format])
        return len(data)


class Developing:
    """Turns one attempt's engine events into replica events. All methods belong to the replica's event loop.

    Transitions and progress go straight out; pictures go through the lab, one at a time, where a preview that a newer
    one of the same image overtakes is skipped. ``Completed`` waits until every image is stored; after ``Cancelled`` or
    ``Failed`` the pictures still in the lab no longer matter.
    """

    def __init__(
        self,
        attempt: RunAttempt,
        lab: Lab,
        *,
        cancel: Callable[[], object],
        saved: Callable[[], object],
        there: Mapping[int, int],
        pace: Callable[[], float],
        spans: AttemptSpans,
    ) -> None:
        """``cancel`` stops the request in the engine; called when a picture can't be stored. ``saved`` is called for
        each state that was saved; ``there`` is as in :class:`~deployments.saving.Saving`, ``pace`` as in
        :class:`~deployments.outbox.Outbox`."""
        self.attempt = attempt
        self.spans = spans
        self._lab = lab
        self._cancel = cancel
        self._outbox = Outbox(pace)
        self._saving = Saving(attempt.request.id, lab.checkpoints, saved, there)
        self._pictures: list[Preview | ImageReady] = []
        self._completed: Completed | None = None
        self._total = attempt.request.steps or 0  # fewer from a picture on; the engine's progress tells
        self._closed = False
        self._lab_task: asyncio.Task[None] | None = None
        self.left_engine = asyncio.Event()
        """Set once the engine has said its last word on this request."""
        self.left_at: float | None = None
        """When that was, on the event loop's clock."""

    def receive(self, events: list[Event]) -> None:
        """Take up what the engine told."""
        for event in events:
            match event:
                case Preview():
                    self._pictures = [kept for kept in self._pictures if not _overtaken(kept, event)]
                    self._pictures.append(event)
                case ImageReady():
                    self._pictures.append(event)
                case Completed():
                    self._completed = event
                    self.spans.completed(event.timings)
                case Checkpoint():
                    self._saving.put(event)
                case Progress():
                    self._total = event.total
                    self._outbox.put(event)
                case _:
                    self._outbox.put(event)
            if isinstance(event, TERMINAL):
                self.left_engine.set()
                self.left_at = asyncio.get_running_loop().time()
        if self._outbox.ended or self._closed:
            self._stop_developing()
        elif self._lab_task is None and (self._pictures or self._completed):
            self._lab_task = asyncio.create_task(self._develop())

    async def events(self) -> AsyncIterator[list[ReplicaEvent]]:
        """All replica events, in lists, to the terminal one."""
        ended = False
        while not ended:
            gathered = await self._outbox.take()
            ended = isinstance(gathered[-1], TERMINAL)
            yield gathered

    def fail(self, code: str, message: str) -> None:
        """End the attempt as failed, whatever the engine still does."""
        self._stop_developing()
        self._outbox.put(Failed(self.attempt.request.id, code, message))

    def close(self) -> None:
        """Nobody listens any more: no picture that comes from now on is stored."""
        self._closed = True
        self._stop_developing()

    def _stop_developing(self) -> None:
        self._saving.stop()
        self._pictures.clear()
        if self._lab_task is not None and self._lab_task is not asyncio.current_task():
            self._lab_task.cancel()

    async def _develop(self) -> None:
        """Work through the pictures; then, if the engine is through, let ``Completed`` out."""
        try:
            while self._pictures:
                picture = self._pictures.pop(0)
                self._outbox.put(
                    await (self._preview(picture) if isinstance(picture, Preview) else self._image(picture))
                )
            if self._completed is not None:
                self._saving.stop()
                self._outbox.put(self._completed)
        except Exception:  # the edge of the task: the attempt ends as failed, and the log says why
            error_id = new_request_id()
            logger.exception("job %s: a picture could not be stored (%s)", self.attempt.request.id, error_id)
            self.fail(InternalError.code, f"the image could not be stored (error {error_id})")
            self._cancel()
        finally:
            self._lab_task = None

    async def _preview(self, preview: Preview) -> EncodedPreview:
        data = await self._lab.encode_preview(preview.image)
        return EncodedPreview(preview.id, data, PREVIEW_FORMAT, preview.step, self._total, preview.index)

    async def _image(self, ready: ImageReady) -> ImageStored:
        request = self.attempt.request
        key = f"{request.id}/{self.attempt.attempt}/{ready.index}"
        with self.spans.storing(ready.index):
            size = await self._lab.store(ready.image, request, key)
        width, height = ready.image.size
        return ImageStored(ready.id, ready.index, key, ready.seed, request.format, width, height, size)


def _overtaken(kept: Preview | ImageReady, newer: Preview) -> bool:
    return isinstance(kept, Preview) and kept.index == newer.index
