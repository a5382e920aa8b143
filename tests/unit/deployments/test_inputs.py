"""Input pictures on their way to a replica: a job names them, the blob store holds them."""

import io
from pathlib import Path

import pytest
from PIL import Image

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import GenerationRequest
from deployments.inputs import fetch, forget, keep


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore.open(f"file://{tmp_path}")


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_pictures_come_back_as_they_went(blobs: BlobStore) -> None:
    request = GenerationRequest(id="job", prompt="a boat", image=png(1), mask=Image.new("L", (5, 5), 200))
    kept = await keep(request, blobs)
    assert kept.image == PictureRef(key="job/input/image", width=30, height=20)
    assert kept.mask == PictureRef(key="job/input/mask", width=5, height=5)
    fetched = await fetch(GenerationRequest.model_validate_json(kept.model_dump_json()), blobs)
    assert isinstance(fetched.image, Picture)
    assert isinstance(fetched.mask, Picture)
    assert fetched.image.encoded() == png(1)
    assert fetched.mask.grey().getextrema() == (200, 200)


async def test_a_request_from_text_alone_is_left_as_it_is(blobs: BlobStore) -> None:
    request = GenerationRequest(prompt="a boat")
    assert await keep(request, blobs) is request
    assert await fetch(request, blobs) is request


async def test_what_was_kept_for_a_refused_request_is_removed(blobs: BlobStore) -> None:
    kept = await keep(GenerationRequest(id="job", prompt="a boat", image=png(1), mask=png(2)), blobs)
    await forget(kept, blobs)
    with pytest.raises(Gone):
        await fetch(kept, blobs)
