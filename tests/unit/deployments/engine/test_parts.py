"""The engine's smaller parts: the prompt cache, previews, codecs, the meter, failures."""

import io
import logging
from typing import Any

import pytest
import torch
from PIL import Image

from deployments.engine.conditioning import Conditioning, ConditioningCache
from deployments.engine.errors import InvalidRequest
from deployments.engine.failure import failed
from deployments.engine.images import encode, encode_preview
from deployments.engine.meter import Meter
from deployments.engine.preview import LatentRGB, picture


def noise_picture(side: int) -> Image.Image:
    """What compresses worst."""
    generator = torch.Generator().manual_seed(0)
    return Image.fromarray(torch.randint(0, 256, (side, side, 3), dtype=torch.uint8, generator=generator).numpy())


def conditioning(kilobytes: int) -> Conditioning:
    return Conditioning(torch.zeros(1, 1, 256 * kilobytes))


def test_a_prompt_is_encoded_once_while_it_is_cached() -> None:
    cache, calls = ConditioningCache(), []

    def encode_it() -> Conditioning:
        calls.append(1)
        return conditioning(1)

    assert cache.get("a", encode_it) is cache.get("a", encode_it)
    assert len(calls) == 1


def test_the_cache_drops_the_least_recently_used_past_its_bytes() -> None:
    cache = ConditioningCache(max_bytes=2048)
    cache.get("a", lambda: conditioning(1))
    kept = cache.get("b", lambda: conditioning(1))
    cache.get("a", lambda: conditioning(1))
    cache.get("c", lambda: conditioning(1))
    assert (len(cache), cache.nbytes) == (2, 2048)
    assert cache.get("b", lambda: conditioning(1)) is not kept


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache = ConditioningCache(max_bytes=100)
    cache.get("a", lambda: conditioning(1))
    assert (len(cache), cache.nbytes) == (0, 0)


def test_an_encoder_error_is_not_cached() -> None:
    cache = ConditioningCache()

    def broken() -> Conditioning:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cache.get("a", broken)
    assert cache.get("a", lambda: conditioning(1)).nbytes == 1024


def test_a_preview_maps_latents_linearly_and_takes_the_final_shape() -> None:
    latent_rgb = LatentRGB([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0.0, 0.0, -1.0])
    pixels = latent_rgb(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 4, 8))
    assert pixels.shape == (4, 8, 3)
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert picture(pixels, 1024, 512).size == (256, 128)
    assert picture(pixels, 128, 64).size == (128, 64)


@pytest.mark.parametrize(("known", "channels"), [("sd15", 4), ("sdxl", 4), ("flux", 16)])
def test_the_published_maps_fit_their_vaes(known: str, channels: int) -> None:
    assert LatentRGB.load(None, known)(torch.randn(1, channels, 3, 5)).shape == (3, 5, 3)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_images_are_encoded_as_asked(format: Any) -> None:
    image = Image.new("RGB", (40, 24), (10, 200, 90))
    decoded = Image.open(io.BytesIO(encode(image, format)))
    assert (decoded.format, decoded.size) == (format.upper(), (40, 24))
    assert all(abs(a - b) <= 6 for a, b in zip(decoded.convert("RGB").getpixel((3, 3)), (10, 200, 90), strict=True))  # type: ignore[arg-type]


def test_png_is_lossless() -> None:
    image = noise_picture(33)
    assert Image.open(io.BytesIO(encode(image, "png"))).tobytes() == image.tobytes()


def test_quality_trades_bytes() -> None:
    image = noise_picture(64)
    assert len(encode(image, "jpeg", 20)) < len(encode(image, "jpeg", 95))


def test_the_worst_preview_fits_its_bound() -> None:
    encoded = encode_preview(noise_picture(256))
    assert len(encoded) <= 32 * 1024
    assert Image.open(io.BytesIO(encoded)).format == "JPEG"


def test_the_meter_leaves_out_warm_up_and_smaller_batches() -> None:
    meter = Meter(smoothing=0.5)
    meter.record("small", 4, seconds=100.0, scale=1.0)
    assert meter.seconds_per_row is None
    meter.record("small", 4, seconds=8.0, scale=1.0)
    assert meter.seconds_per_row == 2.0
    meter.record("small", 4, seconds=4.0, scale=1.0)
    assert meter.seconds_per_row == 1.5
    meter.record("small", 1, seconds=50.0, scale=1.0)
    meter.record("small", 1, seconds=50.0, scale=1.0)
    assert meter.seconds_per_row == 1.5


def test_the_meter_tells_the_shape_that_is_closest_to_the_default() -> None:
    meter = Meter()
    for _ in range(2):
        meter.record("tiny", 16, seconds=16.0, scale=0.01)
        meter.record("about the default", 8, seconds=16.0, scale=1.0)
    assert meter.seconds_per_row == 2.0


def test_the_meter_scales_other_sizes_to_the_default() -> None:
    meter = Meter()
    for _ in range(2):
        meter.record("large", 2, seconds=8.0, scale=4.0)
    assert meter.seconds_per_row == 1.0


def test_failures_speak_for_themselves_or_give_an_id_that_the_log_knows(caplog: pytest.LogCaptureFixture) -> None:
    told = failed("r", InvalidRequest("steps", 0, "1 to 150"))
    assert (told.code, "steps" in told.message) == ("invalid_request", True)
    with caplog.at_level(logging.ERROR):
        told = failed("r", ValueError("secret"))
    assert told.code == "internal"
    assert "secret" not in told.message
    assert told.message.rsplit(" ", 1)[1] in caplog.text
