"""Input pictures on their way to a replica: a job names them, the blob store holds them."""

import io
from pathlib import Path

import pytest
from PIL import Image

from deployments.blobs import BlobStore
from deployments.engine.errors import Gone
from deployments.engine.pictures import Picture, PictureRef
from deployments.engine.request import GenerationRequest
from deployments.inputs import fetch, keep


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore.open(f"file://{tmp_path}")


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (shade, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


async def test_pictures_come_back_as_they_went(blobs: BlobStore) -> None:
    request = GenerationRequest(id="job", prompt="a boat", image=png(1), mask=Image.new("L", (5, 5), 200))
    kept, keys = await keep(request, blobs)
    assert kept.image == PictureRef(key=keys[0], width=30, height=20)
    assert kept.mask == PictureRef(key=keys[1], width=5, height=5)
    assert all(key.startswith("job/input/") for key in keys)
    fetched = await fetch(GenerationRequest.model_validate_json(kept.model_dump_json()), blobs)
    assert isinstance(fetched.image, Picture)
    assert isinstance(fetched.mask, Picture)
    assert fetched.image.encoded() == png(1)
    assert fetched.mask.grey().getextrema() == (200, 200)


async def test_a_control_image_goes_the_same_way(blobs: BlobStore) -> None:
    kept, (key,) = await keep(GenerationRequest(id="job", prompt="a boat", control_image=png(3)), blobs)
    assert kept.control_image == PictureRef(key=key, width=30, height=20)
    fetched = await fetch(kept, blobs)
    assert isinstance(fetched.control_image, Picture)
    assert fetched.control_image.encoded() == png(3)


async def test_a_request_from_text_alone_is_left_as_it_is(blobs: BlobStore) -> None:
    request = GenerationRequest(prompt="a boat")
    assert await keep(request, blobs) == (request, ())
    assert await fetch(request, blobs) is request


async def test_a_request_whose_id_is_taken_touches_nothing_of_the_other(blobs: BlobStore) -> None:
    request = GenerationRequest(id="job", prompt="a boat", image=png(1))
    first, _ = await keep(request, blobs)
    _, keys = await keep(request.model_copy(update={"image": Picture.of(png(2))}), blobs)
    await blobs.delete(keys)  # as for a request that was refused
    fetched = await fetch(first, blobs)
    assert isinstance(fetched.image, Picture)
    assert fetched.image.encoded() == png(1)


async def test_a_picture_that_is_gone_is_told(blobs: BlobStore) -> None:
    kept, keys = await keep(GenerationRequest(id="job", prompt="a boat", image=png(1)), blobs)
    await blobs.delete(keys)
    with pytest.raises(Gone):
        await fetch(kept, blobs)


class FullAfterOne(BlobStore):
    """A store that takes one blob and then no more."""

    keys: tuple[str, ...] = ()

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.keys = (*self.keys, key)
        if len(self.keys) > 1:
            raise OSError("no space left")
        await super().put(key, data, content_type)


async def test_what_can_not_be_kept_whole_leaves_nothing_behind(tmp_path: Path) -> None:
    blobs = FullAfterOne.open(f"file://{tmp_path}")
    with pytest.raises(OSError, match="space"):
        await keep(GenerationRequest(id="job", prompt="a boat", image=png(1), mask=png(2)), blobs)
    with pytest.raises(Gone):
        await blobs.get(blobs.keys[0])
