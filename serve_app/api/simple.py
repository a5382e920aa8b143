"""One call, one answer: JSON, the job's event stream or the image itself, as the Accept header wishes."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from deployments.engine.errors import InvalidRequest
from deployments.engine.request import PICTURE_FIELDS, Format
from serve_app.api.accept import EVENT_STREAM, FORMS, IMAGES, JSON, choose
from serve_app.api.backend import Backend
from serve_app.api.body import documented, picture_body
from serve_app.api.callers import Asking
from serve_app.api.encoding import base64, off_loop
from serve_app.api.openapi import EVENT_STREAM_ANSWER, IMAGE_ANSWER, SYNCHRONOUS, refusals
from serve_app.api.outcome import Outcome, run, while_connected
from serve_app.api.pictures import EXAMPLE_PICTURE, beside_loop
from serve_app.api.schemas import JobBody, JobFields
from serve_app.api.sse import JobFrames
from serve_app.api.streams import Streams
from serve_app.api.views import Links, View
from serve_app.jobs.caller import Caller
from serve_app.jobs.job import Operation

_SUNSET = {"prompt": "a beautiful sunset over mountains", "model": "sd15", "steps": 20, "seed": 7}

EXAMPLES: Mapping[Operation, dict[str, Any]] = {
    "image_generation": _SUNSET,
    "image_transform": _SUNSET | {"image": EXAMPLE_PICTURE, "strength": 0.6},
    "image_inpaint": _SUNSET | {"image": EXAMPLE_PICTURE, "mask": EXAMPLE_PICTURE},
}

Body = Annotated[JobFields, Depends(picture_body(JobBody))]


class GeneratedImage(View):
    """One image: ``image`` holds its encoded bytes in base64, ``url`` serves them."""

    image: str
    url: str
    seed: int
    format: Format
    width: int
    height: int


class GenerationAnswer(View):
    """``image`` and ``seed`` are those of the first image. ``timings`` are seconds per stage."""

    job_id: str
    model: str | None
    image: str = Field(description="Base64.")
    images: list[GeneratedImage]
    seed: int
    timings: dict[str, float]


def simple_router(backend: Backend, streams: Streams) -> APIRouter:
    """``/txt2img``, and ``/execute``, which is the same; ``/img2img`` and ``/inpaint``."""
    router = APIRouter(tags=["one call"])
    forms = EVENT_STREAM_ANSWER["content"] | IMAGE_ANSWER["content"]

    def route(operation: Operation) -> dict[str, Any]:
        return {
            "response_model": GenerationAnswer,
            "openapi_extra": documented(JobBody, form=PICTURE_FIELDS, example=EXAMPLES[operation]),
            "responses": {
                200: {"description": "By `Accept`: JSON, the job's events, or the image.", "content": forms},
                **refusals(*SYNCHRONOUS, "too_many_streams", "not_acceptable"),
            },
        }

    @router.post("/txt2img", summary="Generate in one call", **route("image_generation"))
    @router.post("/execute", summary="Generate in one call (another name)", **route("image_generation"))
    async def generate(request: Request, body: Body, caller: Asking) -> Response:
        """A client that goes away cancels the job, unless `on_disconnect` says `detach`."""
        return await call(request, body, caller, "image_generation")

    @router.post("/img2img", summary="Repaint a picture in one call", **route("image_transform"))
    async def transform(request: Request, body: Body, caller: Asking) -> Response:
        """`image` in base64, or a file of a form; `strength` says how much of it to repaint."""
        return await call(request, body, caller, "image_transform")

    @router.post("/inpaint", summary="Repaint a part of a picture in one call", **route("image_inpaint"))
    async def inpaint(request: Request, body: Body, caller: Asking) -> Response:
        """`image`, and `mask`: white where to repaint."""
        return await call(request, body, caller, "image_inpaint")

    async def call(request: Request, body: JobFields, caller: Caller, operation: Operation) -> Response:
        form = _form(request.headers.get("accept", ""), body)
        changes = {"format": IMAGES[form]} if form in IMAGES else {}
        wanted = await beside_loop(body, body.job_request, on_disconnect="cancel", operation=operation, **changes)
        links = Links(request)
        if form == EVENT_STREAM:
            streams.check(caller)
            job = await backend.submit(wanted, caller)
            frames = JobFrames(job, backend, caller, links, resumable=False)
            return streams.open(caller, backend.follow(job.id, caller), frames, {"X-Job-Id": job.id})
        outcome = await while_connected(request, run(backend, wanted, caller))
        if form == JSON:
            size = sum(map(len, outcome.contents))
            return Response(await off_loop(size, _answer, outcome, links), media_type=JSON, headers=_names(outcome))
        return Response(outcome.contents[0], media_type=form, headers=_names(outcome))

    return router


def _form(accept: str, body: JobFields) -> str:
    """The media type to answer: an image only as the body's ``format``, if it names one."""
    named = body.given("format")
    offered = FORMS if named is None else (JSON, EVENT_STREAM, f"image/{named}")
    form = choose(accept, offered)
    if form in IMAGES and (n := body.given("n") or 1) > 1:
        raise InvalidRequest("n", n, "1 where the answer is the image itself; JSON and event streams take more")
    return form


def _names(outcome: Outcome) -> dict[str, str]:
    return {"X-Job-Id": outcome.job.id, "X-Seed": str(outcome.images[0].seed)}


def _answer(outcome: Outcome, links: Links) -> bytes:
    job = outcome.job
    images = [
        GeneratedImage(
            image=base64(content),
            url=links.image(job.id, ref.index),
            seed=ref.seed,
            format=ref.format,
            width=ref.width,
            height=ref.height,
        )
        for ref, content in zip(outcome.images, outcome.contents, strict=True)
    ]
    return to_json(
        GenerationAnswer(
            job_id=job.id,
            model=job.request.generation.model,
            image=images[0].image,
            images=images,
            seed=images[0].seed,
            timings=outcome.timings,
        )
    )
