"""Input pictures on their way to a replica: kept in the blob store, so that a job holds no bytes."""

from deployments.blobs import BlobStore
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import GenerationRequest

FOLDER = "input"
"""Below the job's own folder, so that they go when its images go."""


async def keep(request: GenerationRequest, blobs: BlobStore) -> GenerationRequest:
    """``request`` with its pictures put into ``blobs``, under ``{job}/input/``, and named instead."""
    kept: dict[str, PictureRef] = {}
    for field, picture in _pictures(request).items():
        if isinstance(picture, Picture):
            key = f"{request.id}/{FOLDER}/{field}"
            await blobs.put(key, picture.encoded(), "application/octet-stream")
            kept[field] = PictureRef(key=key, width=picture.width, height=picture.height)
    return request.model_copy(update=kept) if kept else request


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


async def forget(request: GenerationRequest, blobs: BlobStore) -> None:
    """Remove what :func:`keep` put there for a request that was refused."""
    await blobs.delete(one.key for one in _pictures(request).values() if isinstance(one, PictureRef))


def _pictures(request: GenerationRequest) -> dict[str, Picture | PictureRef]:
    found = {"image": request.image, "mask": request.mask}
    return {field: picture for field, picture in found.items() if picture is not None}
