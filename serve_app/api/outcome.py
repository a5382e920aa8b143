"""A job as one call: submit, wait, and take the images; a client that goes away ends the wait."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request

from deployments.engine.errors import GenerationCancelled, Interrupted
from serve_app.api.backend import Backend
from serve_app.api.errors import JobFailed
from serve_app.api.sse import gone
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import Cancelled, Complete, Error
from serve_app.jobs.job import ImageRef, Job, JobRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job that has succeeded, as ``complete`` told it.

    ``contents[i]`` are the encoded bytes of ``images[i]``; empty where they were not asked for.
    """

    job: Job
    images: tuple[ImageRef, ...]
    timings: dict[str, float]
    contents: tuple[bytes, ...]


async def run(backend: Backend, request: JobRequest, caller: Caller, *, fetch: bool = True) -> Outcome:
    """Submit, wait and, with ``fetch``, read the images.

    Cancelling this call closes the job's stream: ``on_disconnect`` decides what becomes of the job.

    Raises:
        DarkroomError: what ``submit`` raises; JobFailed or GenerationCancelled if the job ends so.
    """
    job = await backend.submit(request, caller)
    complete = await _complete(backend, job.id, caller)
    wanted = complete.images if fetch else ()
    contents = await asyncio.gather(*(backend.image(job.id, image.index, caller) for image in wanted))
    return Outcome(job, complete.images, complete.timings, tuple(content for _, content in contents))


async def _complete(backend: Backend, job_id: str, caller: Caller) -> Complete:
    async with aclosing(backend.follow(job_id, caller)) as batches:
        async for batch in batches:
            for logged in batch:
                match logged.event:
                    case Complete() as complete:
                        return complete
                    case Cancelled():
                        raise GenerationCancelled
                    case Error() as error:
                        raise JobFailed(error)
    raise Interrupted(f"job {job_id} was lost sight of before its end")


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """``work``'s result; when the client disconnects first, ``work`` is cancelled and has ended when this raises.

    Raises:
        GenerationCancelled: the client went away. Nobody reads the answer.
    """
    task = asyncio.create_task(work)
    watch = asyncio.create_task(gone(request.receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise GenerationCancelled("the client went away")
        return task.result()
    finally:
        task.cancel()
        watch.cancel()
        await asyncio.gather(task, watch, return_exceptions=True)
