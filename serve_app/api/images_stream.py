"""The stream of OpenAI's Images API: real previews as partial images, then the image."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from fastapi.sse import format_sse_event
from pydantic_core import to_json

from deployments.engine.errors import DarkroomError, GenerationCancelled
from serve_app.api.backend import Backend
from serve_app.api.encoding import base64, off_loop
from serve_app.api.errors import JobFailed, openai_error
from serve_app.api.views import View
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import Cancelled, Complete, Error, LoggedEvent, Preview
from serve_app.jobs.job import Job


class UsageDetails(View):
    """OpenAI's split of the input tokens."""

    image_tokens: int = 0
    text_tokens: int = 0


class Usage(View):
    """All zeros: this service bills, and so counts, no tokens."""

    input_tokens: int = 0
    input_tokens_details: UsageDetails = UsageDetails()
    output_tokens: int = 0
    total_tokens: int = 0


NO_USAGE = Usage()


def spread(count: int, total: int) -> tuple[int, list[int]]:
    """How often to ask for previews, and after which steps of ``total`` one is due as a partial image.

    The steps are multiples of the first, spread as evenly as that allows; with few steps they are fewer than ``count``.
    """
    every = max(1, total // (count + 1))
    due = {every * max(1, round(total * (i + 1) / (count + 1) / every)) for i in range(count)}
    return every, sorted(due)


def size_of(job: Job) -> str:
    """OpenAI's ``WIDTHxHEIGHT`` of a resolved job."""
    return f"{job.request.generation.width}x{job.request.generation.height}"


Kind = Literal["image_generation", "image_edit"]


class ImagesFrames:
    """``image_generation.*`` or ``image_edit.*`` events of a job for one image, at most ``partial_images`` previews.

    A partial image is the first preview at or after its due step; each preview is sent once.
    """

    def __init__(
        self, job: Job, backend: Backend, caller: Caller, *, quality: str, partial_images: int, kind: Kind
    ) -> None:
        generation = job.request.generation
        self._job_id = job.id
        self._backend = backend
        self._caller = caller
        self._partials = partial_images
        self._sent = 0
        self._kind = kind
        self._format = generation.format
        self._same = {"size": size_of(job), "quality": quality, "background": "opaque"}

    async def render(self, batch: list[LoggedEvent]) -> bytes:
        frames: list[bytes] = []
        for logged in batch:
            match logged.event:
                case Preview() as preview if self._is_due(preview):
                    frames.append(self._partial(preview))
                    self._sent += 1
                case Complete():
                    frames.append(await self._completed())
                case Cancelled():
                    frames.append(self.broken(GenerationCancelled()))
                case Error() as error:
                    frames.append(self.broken(JobFailed(error)))
        return b"".join(frames)

    def broken(self, error: DarkroomError) -> bytes:
        return _frame("error", {"error": openai_error(error)})

    def _is_due(self, preview: Preview) -> bool:
        _, due = spread(self._partials, preview.total)
        return self._sent < len(due) and preview.step >= due[self._sent]

    def _partial(self, preview: Preview) -> bytes:
        told = {
            "b64_json": base64(preview.image),
            "partial_image_index": self._sent,
            # what the bytes are: previews are small JPEGs whatever the image will be
            "output_format": preview.format,
        }
        return _frame(f"{self._kind}.partial_image", told | self._common())

    async def _completed(self) -> bytes:
        _, content = await self._backend.image(self._job_id, 0, self._caller)

        def frame() -> bytes:
            told = {"b64_json": base64(content), "output_format": self._format, "usage": NO_USAGE}
            return _frame(f"{self._kind}.completed", told | self._common())

        return await off_loop(len(content), frame)

    def _common(self) -> dict[str, Any]:
        return {"created_at": int(time.time())} | self._same


def _frame(kind: str, told: Mapping[str, Any]) -> bytes:
    return format_sse_event(event=kind, data_str=to_json({"type": kind, **told}).decode())
