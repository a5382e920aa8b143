"""Pictures that requests bring: whatever their form, the engine gets plain upright pixels, or a clear refusal."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deployments.engine.pictures import MAX_SOURCE_BYTES, Picture, transparency


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def corner(image: Image.Image) -> Any:
    return image.getpixel((0, 0))


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_each_format_is_read_by_its_content(format: str) -> None:
    picture = Picture.of(encoded(Image.new("RGB", (30, 20), (200, 0, 0)), format))
    assert (picture.width, picture.height) == (30, 20)
    red, green, blue = corner(picture.rgb())
    assert red > 180
    assert max(green, blue) < 30


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "HSV", "PA"])
def test_an_image_of_any_mode_becomes_rgb_and_grey(mode: str) -> None:
    picture = Picture.of(
        Image.new("RGB", (8, 8), "white").convert(mode) if ";" not in mode else Image.new(mode, (8, 8))
    )
    assert picture.rgb().mode == "RGB"
    assert picture.grey().mode == "L"
    assert Picture.of(picture.encoded()).rgb().size == (8, 8)


def test_greys_of_sixteen_bits_are_scaled_not_cut_off() -> None:
    ramp = Image.fromarray(np.array([[0, 32768, 65535]], dtype=np.uint16))
    assert list(Picture.of(encoded(ramp)).grey().tobytes()) == [0, 127, 255]


def test_a_photo_is_turned_as_its_exif_orientation_says() -> None:
    photo = Image.new("RGB", (30, 20), "blue")
    photo.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is the right side
    picture = Picture.of(encoded(photo, "PNG", exif=exif))
    assert (picture.width, picture.height) == (20, 30)
    assert picture.rgb().getpixel((19, 0)) == (255, 0, 0)


@pytest.mark.parametrize(("mode", "clear"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_what_is_transparent_lies_on_white_and_is_black_in_a_mask(mode: str, clear: tuple[int, ...]) -> None:
    picture = Picture.of(encoded(Image.new(mode, (4, 4), clear)))
    assert corner(picture.rgb()) == (255, 255, 255)
    assert corner(picture.grey()) == 0
    mask = transparency(picture)
    assert mask is not None
    assert corner(mask.grey()) == 255


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_opaque_picture_has_no_transparency_to_make_a_mask_of(mode: str) -> None:
    assert transparency(Picture.of(Image.new(mode, (4, 4), "white"))) is None


PNG = encoded(Image.effect_noise((64, 64), 80))


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"<svg/>",
        PNG[: len(PNG) // 2],
        bytes(MAX_SOURCE_BYTES + 1),
        "aGVsbG8=",
        7,
        Image.new("F", (4, 4)),
        Image.new("LAB", (4, 4)),
        Image.new("L", (0, 0)),
    ],
    ids=["empty", "no picture", "broken off", "too many bytes", "text", "a number", "floats", "lab", "no pixels"],
)
def test_what_can_not_be_read_is_refused_with_what_is_allowed(source: object) -> None:
    with pytest.raises(ValueError, match=r"picture|bytes"):
        Picture.of(source)


def test_a_picture_that_would_be_huge_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ValueError, match="pixels"):
        Picture.of(encoded(Image.new("1", (20_000, 10_000))))
