"""The pictures of a job: those that it made, and those that came with it."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Request
from starlette.responses import Response

from deployments.engine.request import PictureField
from serve_app.api.backend import Backend
from serve_app.api.caching import FOR_GOOD, matches
from serve_app.api.callers import Asking
from serve_app.api.ids import JobId
from serve_app.api.openapi import IMAGE_ANSWER, INPUT_ANSWER, refusals

IfNoneMatch = Annotated[str | None, Header(description="ETags that the client holds.")]

NOT_MODIFIED: Final = {"description": "The client's copy (`If-None-Match`) is the image."}

_SIGNATURES: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8", "image/jpeg"),
    (b"RIFF", "image/webp"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)
"""How the formats that are read begin (:data:`deployments.engine.pictures.FORMATS`)."""


def job_pictures_router(backend: Backend) -> APIRouter:
    """``/v1/jobs/{job_id}/images/{index}`` and ``/v1/jobs/{job_id}/inputs/{name}``."""
    router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])

    @router.head("/images/{index}", include_in_schema=False)
    @router.get(
        "/images/{index}",
        summary="Fetch an image",
        response_class=Response,
        responses={200: IMAGE_ANSWER, 304: NOT_MODIFIED, **refusals("job_not_found", "gone", "invalid_request")},
    )
    async def image(
        request: Request,
        job_id: JobId,
        index: Annotated[int, Path(ge=0, le=1000, description="Which of the job's images, from 0.")],
        caller: Asking,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """The encoded bytes. An image never changes, so caches may keep it for good."""
        if if_none_match is not None or request.method == "HEAD":
            ref = (await backend.get(job_id, caller)).image_ref(index)
            if matches(if_none_match, _etag(ref.key)):
                return Response(status_code=304, headers=_caching(ref.key))
            if request.method == "HEAD":
                headers = {"Content-Length": str(ref.size)} | _caching(ref.key)
                return Response(media_type=f"image/{ref.format}", headers=headers)
        job, content = await backend.image(job_id, index, caller)
        ref = job.image_ref(index)
        return Response(content, media_type=f"image/{ref.format}", headers=_caching(ref.key))

    @router.get(
        "/inputs/{name}",
        summary="Fetch a picture that came with a job",
        response_class=Response,
        responses={200: INPUT_ANSWER, 304: NOT_MODIFIED, **refusals("job_not_found", "gone", "invalid_request")},
    )
    async def given(
        job_id: JobId,
        name: Annotated[PictureField, Path(description="The field that it came in.")],
        caller: Asking,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """The bytes as they came. They go when the job's images go."""
        if if_none_match is not None:
            ref = (await backend.get(job_id, caller)).input_ref(name)
            if matches(if_none_match, _etag(ref.key)):
                return Response(status_code=304, headers=_caching(ref.key))
        job, content = await backend.input(job_id, name, caller)
        return Response(content, media_type=_media_type(content), headers=_caching(job.input_ref(name).key))

    return router


def _etag(key: str) -> str:
    """A storage key names a job and what of it: the same bytes for ever."""
    return f'"{key.replace("/", "-")}"'


def _caching(key: str) -> dict[str, str]:
    return {"ETag": _etag(key), "Cache-Control": f"private, {FOR_GOOD}"}


def _media_type(content: bytes) -> str:
    """Of a picture that was decoded when it came."""
    found = (kind for signature, kind in _SIGNATURES if content.startswith(signature))
    return next(found, "application/octet-stream")
