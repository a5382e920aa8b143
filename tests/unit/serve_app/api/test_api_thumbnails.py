"""Thumbnails: small forms of finished images, made once and kept within bounds."""

import asyncio
import io

import pytest
from PIL import Image

from deployments.engine.errors import Gone
from serve_app.api.thumbnails import MADE_AT_ONCE, Thumbnails, shrunk
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture
from tests.unit.serve_app.api.test_api_jobs import submit


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(
    ("size", "width", "expected"),
    [
        ((512, 256), 128, (128, 64)),
        ((256, 512), 128, (128, 256)),
        ((128, 128), 128, (128, 128)),
        ((96, 64), 128, (96, 64)),
        ((1000, 8), 64, (64, 1)),
    ],
)
def test_an_image_keeps_its_proportions_and_is_never_enlarged(
    format_: str, size: tuple[int, int], width: int, expected: tuple[int, int]
) -> None:
    small = opened(shrunk(picture(*size, format_, seed=200), width))
    assert (small.format, small.mode, small.size) == ("WEBP", "RGB", expected)
    assert all(abs(is_ - was) < 6 for is_, was in zip(small.getpixel((0, 0)), (200, 0, 77), strict=True))  # type: ignore[arg-type]


def test_an_image_that_would_fill_the_memory_is_not_decoded() -> None:
    buffer = io.BytesIO()
    Image.new("1", (8000, 8000)).save(buffer, "png")
    with pytest.raises(ValueError, match="8000"):
        shrunk(buffer.getvalue(), 128)


async def test_a_thumbnail_comes_as_webp_and_may_be_cached_for_good() -> None:
    async with connect(ScriptedBackend(noisy=True)) as client:
        url = f"/v1/jobs/{await submit(client)}/images/0"
        whole = await client.get(url)
        answer = await client.get(url, params={"width": 64})
        head = await client.head(url, params={"width": 64})
        held = await client.get(url, params={"width": 64}, headers={"If-None-Match": answer.headers["etag"]})
        other = await client.get(url, params={"width": 65}, headers={"If-None-Match": answer.headers["etag"]})
    assert answer.headers["content-type"] == "image/webp"
    assert opened(answer.content).size == (64, 64)
    assert len(answer.content) < len(whole.content) / 4
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["etag"] != whole.headers["etag"]
    assert (held.status_code, other.status_code) == (304, 200)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(answer.content)))


@pytest.mark.parametrize("width", ["63", "1025", "0", "-1", "1e3", "wide", ""])
async def test_a_width_out_of_bounds_is_refused(width: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.get(f"/v1/jobs/{await submit(client)}/images/0", params={"width": width})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "width")


async def test_a_kept_thumbnail_is_made_once_and_goes_with_its_image() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        job_id = await submit(client)
        url = f"/v1/jobs/{job_id}/images/0?width=64"
        assert (await client.get(url)).content == (await client.get(url)).content
        assert backend.calls.count("image") == 1
        assert (await client.get(f"/v1/jobs/{job_id}/images/1?width=64")).status_code == 404
        backend.expire(job_id)
        assert (await client.get(url)).status_code == 410
        await client.delete(f"/v1/jobs/{job_id}")
        assert (await client.get(url)).status_code == 404


class Images:
    """Images by key, of which it is counted how often each is loaded, and how many at once."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.at_once = self.most_at_once = 0

    async def load(self, key: str) -> bytes:
        self.loaded.append(key)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        return picture(128, 128, "png", seed=int(key), noisy=True)


async def test_thumbnails_are_kept_within_bytes_and_the_longest_unused_goes_first() -> None:
    images = Images()
    size = len(shrunk(await Images().load("0"), 64))
    thumbnails = Thumbnails(kept_bytes=int(3.5 * size))

    async def ask(*keys: str) -> None:
        for key in keys:
            await thumbnails.of(key, 64, lambda key=key: images.load(key))  # type: ignore[misc]

    await ask("0", "1", "2", "0", "3")
    assert images.loaded == ["0", "1", "2", "3"]
    await ask("0", "2", "3", "1")
    assert images.loaded == ["0", "1", "2", "3", "1"]
    assert thumbnails._bytes == sum(map(len, thumbnails._kept.values())) <= 3.5 * size


async def test_one_that_is_larger_than_the_bound_is_answered_and_not_kept() -> None:
    images, thumbnails = Images(), Thumbnails(kept_bytes=10)
    for _ in range(2):
        assert opened(await thumbnails.of("7", 64, lambda: images.load("7"))).size == (64, 64)
    assert images.loaded == ["7", "7"]
    assert thumbnails._bytes == 0


async def test_a_gallery_that_asks_for_many_at_once_holds_few_whole_images() -> None:
    images, thumbnails = Images(), Thumbnails()
    many = [str(number) for number in range(20)]
    await asyncio.gather(*(thumbnails.of(key, 64, lambda key=key: images.load(key)) for key in many))  # type: ignore[misc]
    assert sorted(images.loaded) == sorted(many)
    assert images.most_at_once <= MADE_AT_ONCE


async def test_an_image_that_can_not_be_loaded_is_not_remembered() -> None:
    images, thumbnails = Images(), Thumbnails()

    async def gone() -> bytes:
        raise Gone("it has expired")

    with pytest.raises(Gone):
        await thumbnails.of("1", 64, gone)
    assert await thumbnails.of("1", 64, lambda: images.load("1"))
