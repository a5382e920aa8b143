"""What another Ray application calls through ``serve.get_app_handle("darkroom")``: jobs, told in the engine's words."""

import asyncio
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from PIL import Image
from pydantic import ValidationError

from deployments.blobs import BlobStore
from deployments.engine import events as engine_events
from deployments.engine.errors import GenerationCancelled, InternalError, InvalidRequest, error_of
from deployments.engine.events import Event, GenerationResult, Timings
from deployments.engine.request import GenerationRequest
from serve_app.api.backend import Backend
from serve_app.api.pictures import on_thread
from serve_app.jobs import events as job_events
from serve_app.jobs.caller import CLUSTER
from serve_app.jobs.job import ImageRef, JobRequest


async def as_request(request: GenerationRequest | None, fields: dict[str, Any]) -> GenerationRequest:
    """The request itself, or one made of ``fields``, on a thread: pictures are decoded to know that they can be.

    Raises:
        InvalidRequest: both or neither were given, or a field is not valid.
    """
    if (request is None) == (not fields):
        raise InvalidRequest(None, "both" if fields else "neither", "a GenerationRequest, or its fields by name")
    if request is not None:
        return request
    try:
        return await on_thread(GenerationRequest, **fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(".".join(map(str, first["loc"])) or None, first["input"], first["msg"]) from None


async def stream(backend: Backend, blobs: BlobStore, request: GenerationRequest) -> AsyncGenerator[Event, None]:
    """Run ``request`` as a job and tell it as :mod:`deployments.engine.events`; pictures are PIL images.

    Closing the iterator before its end cancels the job. Raises what :meth:`Backend.submit` raises; what goes wrong
    later arrives as ``Failed``.
    """
    job = await backend.submit(JobRequest(generation=request, on_disconnect="cancel"), CLUSTER)
    delivered: set[int] = set()  # after a restart the same images come again
    async with aclosing(backend.follow(job.id, CLUSTER)) as batches:
        async for batch in batches:
            for logged in batch:
                match logged.event:
                    case job_events.Started():
                        yield engine_events.Started(job.id)
                    case job_events.Progress(step, total, index):
                        yield engine_events.Progress(job.id, step, total, index)
                    case job_events.Preview(step=step, image=data, index=index):
                        yield engine_events.Preview(job.id, await _decoded(data), step, index)
                    case job_events.ImageDone(image) if image.index not in delivered:
                        delivered.add(image.index)
                        yield await _ready(job.id, image, blobs)
                    case job_events.Complete(timings=timings):
                        yield engine_events.Completed(job.id, _timings(timings))
                    case job_events.Cancelled():
                        yield engine_events.Cancelled(job.id)
                    case job_events.Error(code, message):
                        yield engine_events.Failed(job.id, code, message)


async def generate(backend: Backend, blobs: BlobStore, request: GenerationRequest) -> GenerationResult:
    """Run ``request`` as a job and return its images; a caller that goes away cancels it.

    Raises:
        GenerationCancelled: somebody cancelled the job.
        DarkroomError: the error of the failed job, by its code; and what :meth:`Backend.submit` raises.
    """
    ready: dict[int, engine_events.ImageReady] = {}
    async with aclosing(stream(backend, blobs, request)) as events:
        async for event in events:
            match event:
                case engine_events.ImageReady(index=index):
                    ready[index] = event
                case engine_events.Completed(id, timings):
                    in_order = [ready[index] for index in sorted(ready)]
                    return GenerationResult(
                        id, tuple(one.image for one in in_order), tuple(one.seed for one in in_order), timings
                    )
                case engine_events.Cancelled():
                    raise GenerationCancelled
                case engine_events.Failed(code=code, message=message):
                    raise error_of(code, message)
    raise InternalError("the job's events ended before the job did")


async def _ready(job_id: str, image: ImageRef, blobs: BlobStore) -> engine_events.ImageReady:
    return engine_events.ImageReady(job_id, await _decoded(await blobs.get(image.key)), image.seed, image.index)


async def _decoded(data: bytes) -> Image.Image:
    """RGB pixels; decoded on a thread."""
    return await asyncio.to_thread(lambda: Image.open(io.BytesIO(data)).convert("RGB"))


def _timings(timings: dict[str, float]) -> Timings:
    """A job's timings as the engine's; its time in the Router's queue (``wait``) counts as queued."""
    wait = timings.get("wait", 0.0)
    stages = {name: timings.get(name, 0.0) for name in ("queued", "encode", "denoise", "decode", "total")}
    return Timings(**stages | {"queued": stages["queued"] + wait, "total": stages["total"] + wait})
