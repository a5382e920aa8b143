"""OpenAI's Images API: ``POST /v1/images/generations`` and ``/edits``, at once or as a stream with partial images."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from deployments.catalog import SAMPLER_MAX_STEPS, steps_taken
from deployments.engine.errors import InvalidRequest
from deployments.engine.pictures import Picture
from deployments.engine.request import GenerationRequest
from deployments.engine.resolve import least_steps, strength_of
from serve_app.api.accept import EVENT_STREAM, JSON
from serve_app.api.backend import Backend
from serve_app.api.body import documented, json_body, picture_body
from serve_app.api.callers import Asking
from serve_app.api.encoding import base64, off_loop
from serve_app.api.images_stream import NO_USAGE, ImagesFrames, Kind, Usage, size_of, spread
from serve_app.api.models import find_model
from serve_app.api.openapi import SSE_SCHEMA, SYNCHRONOUS, OpenAIErrorAnswer, Responses, refusals
from serve_app.api.outcome import Outcome, run, while_connected
from serve_app.api.pictures import EXAMPLE_PICTURE, beside_loop
from serve_app.api.schemas import EditsBody, EditsFields, ImagesBody, ImagesFields
from serve_app.api.streams import Streams
from serve_app.api.views import Links, View
from serve_app.jobs.caller import Caller
from serve_app.jobs.job import JobRequest

Quality = Literal["low", "medium", "high", "xhigh", "max"]

QUALITY_WORDS: dict[str | None, Quality] = {None: "medium", "auto": "medium", "standard": "medium", "hd": "high"}
"""Words that mean another one."""

STEPS_SCALE: dict[Quality, float] = {"low": 0.5, "medium": 1.0, "high": 1.5, "xhigh": 2.0, "max": 2.0}
"""What a quality makes of the model's default steps."""

EDIT_FILES = {"image": "image", "image[]": "image", "mask": "mask"}
"""Parts of the form that are files; OpenAI's clients write `image[]` where they send a list."""

EDIT_EXAMPLE = {
    "model": "sdxl",
    "prompt": "a red boat on the sea",
    "images": [{"image_url": EXAMPLE_PICTURE}],
    "mask": {"image_url": EXAMPLE_PICTURE},
}

EXAMPLE = {"model": "sdxl", "prompt": "a beautiful sunset over mountains", "size": "1024x1024"}


class OpenAIImage(View):
    """One image: ``b64_json`` or ``url``, by ``response_format``; and, beyond OpenAI's fields, its seed."""

    b64_json: str | None = None
    url: str | None = None
    seed: int


class ImagesAnswer(View):
    """OpenAI's answer to an image generation."""

    created: int
    data: list[OpenAIImage]
    background: Literal["opaque"] = "opaque"
    output_format: Literal["png", "jpeg", "webp"]
    quality: Quality
    size: str = Field(examples=["1024x1024"])
    usage: Usage = NO_USAGE


def images_router(backend: Backend, streams: Streams) -> APIRouter:
    """The OpenAI dialect."""
    router = APIRouter(prefix="/v1/images", tags=["OpenAI"])

    @router.post(
        "/generations",
        response_model=ImagesAnswer,
        summary="Generate images (OpenAI)",
        openapi_extra=documented(
            ImagesBody,
            plain=EXAMPLE,
            stream=EXAMPLE | {"stream": True, "partial_images": 2},
            seed=EXAMPLE | {"seed": 7},
        ),
        responses=_answers("image_generation"),
    )
    async def generate(
        request: Request, body: Annotated[ImagesFields, Depends(json_body(ImagesBody))], caller: Asking
    ) -> Response:
        """The stock `openai` client works. Darkroom's own fields go into its `extra_body`.

        A client that goes away cancels the generation.
        """
        return await answer(request, body, caller, "image_generation", dict)

    @router.post(
        "/edits",
        response_model=ImagesAnswer,
        summary="Edit an image (OpenAI)",
        openapi_extra=documented(EditsBody, form=("image", "mask"), example=EDIT_EXAMPLE),
        responses=_answers("image_edit"),
    )
    async def edit(
        request: Request, body: Annotated[EditsFields, Depends(picture_body(EditsBody, EDIT_FILES))], caller: Asking
    ) -> Response:
        """With a mask only that part is repainted; without one the whole picture is, as far as `strength` says."""
        return await answer(request, body, caller, "image_edit", body.source)

    async def answer(
        request: Request, body: ImagesFields, caller: Caller, kind: Kind, source: Callable[[], dict[str, Picture]]
    ) -> Response:
        quality = quality_of(body)
        with _by_openais_names(body):
            pictures = await beside_loop(body, source)
            generation = body.generation(**_changes(body), **pictures)
            generation = await _with_steps(backend, body, quality, generation)
        wanted = JobRequest(generation=generation, on_disconnect="cancel")
        if body.stream:
            streams.check(caller)
            with _by_openais_names(body):
                job = await backend.submit(wanted, caller)
            frames = ImagesFrames(
                job, backend, caller, quality=quality, partial_images=body.partial_images or 0, kind=kind
            )
            return streams.open(caller, backend.follow(job.id, caller), frames, {"X-Job-Id": job.id})
        as_url = Links(request) if body.response_format == "url" else None
        with _by_openais_names(body):
            outcome = await while_connected(request, run(backend, wanted, caller, fetch=as_url is None))
        size = sum(map(len, outcome.contents))
        content = await off_loop(size, _answer, outcome, quality, as_url)
        return Response(content, media_type=JSON, headers={"X-Job-Id": outcome.job.id})

    return router


def _answers(kind: Kind) -> Responses:
    return {
        200: {
            "description": f"JSON; with `stream`, events `{kind}.partial_image` and `{kind}.completed`.",
            "content": {EVENT_STREAM: {"schema": SSE_SCHEMA}},
        },
        **refusals(*SYNCHRONOUS, "too_many_streams", model=OpenAIErrorAnswer),
    }


@contextmanager
def _by_openais_names(body: ImagesFields) -> Iterator[None]:
    """A refusal names the field that the client sent: width and height came as ``size``."""
    try:
        yield
    except InvalidRequest as error:
        if error.field in {"width", "height"}:
            raise InvalidRequest("size", body.size, f"width and height: {error.allowed}") from None
        raise


def quality_of(body: ImagesFields) -> Quality:
    """The quality in force; ``auto`` and the retired words mean one of the others."""
    return QUALITY_WORDS.get(body.quality) or body.quality  # type: ignore[return-value]  # the others name themselves


def _changes(body: ImagesFields) -> dict[str, Any]:
    """OpenAI's fields by the names of a generation request.

    Raises:
        InvalidRequest: fields that don't go together.
    """
    n, partials = body.n or 1, body.partial_images or 0
    if body.stream and n > 1:
        raise InvalidRequest("n", n, "1 in a stream, whose events don't tell which image they show")
    if partials and not body.stream:
        raise InvalidRequest("partial_images", partials, "0 without stream")
    changes: dict[str, Any] = {"n": n, "preview_every": 0}
    if body.size is not None and body.size != "auto":
        width, _, height = body.size.partition("x")
        changes |= {"width": int(width), "height": int(height)}
    if body.output_format is not None:
        changes["format"] = body.output_format
    if body.output_compression is not None:
        changes["quality"] = max(1, body.output_compression)
    return changes


async def _with_steps(
    backend: Backend, body: ImagesFields, quality: Quality, generation: GenerationRequest
) -> GenerationRequest:
    """``generation`` with the steps that ``quality`` means, and previews where partial images are due.

    Raises:
        ModelNotFound: the defaults of an unknown model were needed.
    """
    partials = body.partial_images or 0
    if not partials and (quality == "medium" or generation.steps is not None):
        return generation
    card = find_model(await backend.models(), generation.model).card
    strength = strength_of(generation)
    most = SAMPLER_MAX_STEPS.get(generation.sampler or "", card.max_steps)
    scaled = min(most, max(1, round(card.default_steps * STEPS_SCALE[quality])))
    steps = generation.steps or max(scaled, least_steps(strength, card))
    every = spread(partials, steps_taken(card.family, steps, strength))[0] if partials else 0
    return generation.model_copy(update={"steps": steps, "preview_every": every})


def _answer(outcome: Outcome, quality: Quality, as_url: Links | None) -> bytes:
    job = outcome.job
    answer = ImagesAnswer(
        created=int(job.created_at),
        data=[
            OpenAIImage(url=as_url.image(job.id, ref.index), seed=ref.seed)
            if as_url
            else OpenAIImage(b64_json=base64(outcome.contents[ref.index]), seed=ref.seed)
            for ref in outcome.images
        ],
        output_format=outcome.images[0].format,
        quality=quality,
        size=size_of(job),
    )
    return to_json(answer, exclude_none=True)
