"""Input pictures on their way to a replica: kept in the blob store, so that a job holds no bytes."""

import asyncio
import secrets

from deployments.blobs import BlobStore
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import PICTURE_FIELDS, GenerationRequest

FOLDER = "input"
"""Below the job's own folder, so that they go when its images go."""


async def keep(request: GenerationRequest, blobs: BlobStore) -> tuple[GenerationRequest, tuple[str, ...]]:
    """``request`` with its pictures put into ``blobs`` and named instead, and the keys that were written.

    The keys are below ``{job}/input/`` and never come twice, so that a request whose id is taken already touches
    nothing of the job that has it. If this is cancelled or fails, nothing is left behind.
    """
    folder = f"{request.id}/{FOLDER}/{secrets.token_hex(8)}"
    given = {field: one for field, one in _pictures(request).items() if isinstance(one, Picture)}
    if not given:
        return request, ()
    kept = {
        field: PictureRef(key=f"{folder}/{field}", width=picture.width, height=picture.height)
        for field, picture in given.items()
    }
    keys = tuple(ref.key for ref in kept.values())
    try:
        for field, picture in given.items():
            data = await asyncio.to_thread(picture.encoded)
            await blobs.put(kept[field].key, data, "application/octet-stream")
    except BaseException:
        await asyncio.shield(asyncio.ensure_future(blobs.delete(keys)))
        raise
    return request.model_copy(update=kept), keys


async def fetch(request: GenerationRequest, blobs: BlobStore) -> GenerationRequest:
    """``request`` with the pictures that it names.

    Raises:
        Gone: one is not there any more.
    """
    fetched = {
        field: Picture(await blobs.get(picture.key), picture.width, picture.height)
        for field, picture in _pictures(request).items()
        if isinstance(picture, PictureRef)
    }
    return request.model_copy(update=fetched) if fetched else request


def _pictures(request: GenerationRequest) -> dict[str, Picture | PictureRef]:
    found = {field: getattr(request, field) for field in PICTURE_FIELDS}
    return {field: picture for field, picture in found.items() if picture is not None}
