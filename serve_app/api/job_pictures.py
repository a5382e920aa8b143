"""The pictures of a job: those that it made, and those that came with it."""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from deployments.engine.request import PictureField
from serve_app.api.backend import Backend
from serve_app.api.caching import FOR_GOOD, matches
from serve_app.api.callers import Asking
from serve_app.api.ids import JobId
from serve_app.api.openapi import IMAGE_ANSWER, INPUT_ANSWER, refusals
from serve_app.api.thumbnails import MAX_WIDTH, MEDIA_TYPE, MIN_WIDTH, Thumbnails

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
    thumbnails = Thumbnails()

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
        *,
        width: Annotated[
            int | None,
            Query(
                ge=MIN_WIDTH,
                le=MAX_WIDTH,
                description="Answer a thumbnail instead: WebP, of this width in pixels at most.",
            ),
        ] = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """The encoded bytes, or a thumbnail. An image never changes, so caches may keep it for good."""
        if width is not None or if_none_match is not None or request.method == "HEAD":
            ref = (await backend.get(job_id, caller)).image_ref(index)
            caching = _caching(ref.key, width)
            if matches(if_none_match, caching["ETag"]):
                return Response(status_code=304, headers=caching)
            if width is not None:

                async def whole() -> bytes:
                    return (await backend.image(job_id, index, caller))[1]

                small = await thumbnails.of(ref.key, width, whole)
                headers = {"Content-Length": str(len(small))} | caching
                return Response(b"" if request.method == "HEAD" else small, media_type=MEDIA_TYPE, headers=headers)
            if request.method == "HEAD":
                headers = {"Content-Length": str(ref.size)} | caching
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
            caching = _caching((await backend.get(job_id, caller)).input_ref(name).key)
            if matches(if_none_match, caching["ETag"]):
                return Response(status_code=304, headers=caching)
        job, content = await backend.input(job_id, name, caller)
        return Response(content, media_type=_media_type(content), headers=_caching(job.input_ref(name).key))

    return router


def _caching(key: str, width: int | None = None) -> dict[str, str]:
    """A storage key names a job and what of it: the same bytes for ever, and the same thumbnail of each width."""
    name = key.replace("/", "-") if width is None else f"{key.replace('/', '-')}-w{width}"
    return {"ETag": f'"{name}"', "Cache-Control": f"private, {FOR_GOOD}"}


def _media_type(content: bytes) -> str:
    """Of a picture that was decoded when it came."""
    found = (kind for signature, kind in _SIGNATURES if content.startswith(signature))
    return next(found, "application/octet-stream")
