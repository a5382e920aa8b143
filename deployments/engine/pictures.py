"""Pictures that requests bring: bounded before they are decoded, turned upright, made plain."""

import io
from dataclasses import dataclass
from typing import Any, Self

from PIL import ExifTags, Image, ImageOps
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

MAX_SOURCE_BYTES = 20 * 2**20
"""Encoded bytes of one picture."""

MAX_SOURCE_PIXELS = 32_000_000
"""Pixels of one picture. Decoding takes 4 bytes for each, and up to 16 in some formats and with some turns."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
"""What is read, by its content. Of an animation it is the first frame."""

_DEEP = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
"""Greys of 16 bits, which Pillow would cut off at 255 instead of scaling them."""

_MODES = _DEEP | {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV"}
"""Pillow's names of what can be made RGB; not floats, whose range nobody knows, and not Lab."""


class PictureRef(BaseModel):
    """A picture that is kept in the blob store under ``key``; its size is the upright picture's, in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture that can be decoded: encoded bytes, or a PIL image. Made by :meth:`of`.

    Attributes:
        width, height: in pixels, upright.
    """

    source: bytes | Image.Image
    width: int
    height: int

    @classmethod
    def of(cls, source: object) -> Self:
        """``source`` checked. Bytes are decoded once to know that they can be: not for an event loop.

        Raises:
            ValueError: neither bytes nor a PIL image, too large, of another format, or broken.
        """
        if not isinstance(source, bytes | Image.Image):
            raise ValueError(f"encoded bytes ({', '.join(FORMATS)}) or a PIL image")
        if isinstance(source, bytes) and len(source) > MAX_SOURCE_BYTES:
            raise ValueError(f"at most {MAX_SOURCE_BYTES} bytes, got {len(source)}")
        image = _opened(source)
        if image.width * image.height > MAX_SOURCE_PIXELS:
            raise ValueError(f"at most {MAX_SOURCE_PIXELS} pixels, got {image.width} × {image.height}")
        if not (image.width and image.height):
            raise ValueError("a picture with pixels, got an empty one")
        if image.mode not in _MODES:
            raise ValueError(f"a picture in one of the modes {', '.join(sorted(_MODES))}, got {image.mode}")
        upright = _upright(image)
        return cls(source, upright.width, upright.height)

    def rgb(self) -> Image.Image:
        """The picture, upright, in RGB; what is transparent lies on white."""
        return _flat(_upright(_opened(self.source)), "white").convert("RGB")

    def grey(self) -> Image.Image:
        """The picture as a mask: upright, in 8 bits of grey; what is transparent is black."""
        return _flat(_upright(_opened(self.source)), "black").convert("L")

    def encoded(self) -> bytes:
        """The bytes it was made of, or a PIL image as PNG."""
        if isinstance(self.source, bytes):
            return self.source
        image, buffer = _upright(self.source), io.BytesIO()
        if image.mode not in {"1", "L", "LA", "P", "RGB", "RGBA"}:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    @classmethod
    def __get_pydantic_core_schema__(cls, source_type: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


def transparency(picture: Picture) -> Picture | None:
    """A mask of what is transparent in ``picture``, white where nothing of it is to be seen; ``None`` if it is opaque
    all over."""
    image = _upright(_opened(picture.source))
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    if alpha.getextrema()[0] == 255:
        return None
    return Picture.of(ImageOps.invert(alpha))


def _opened(source: bytes | Image.Image) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    try:
        return Image.open(io.BytesIO(source), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(f"at most {MAX_SOURCE_PIXELS} pixels") from error
    except Exception as error:  # Pillow's readers raise what they like at broken files
        raise ValueError(f"a picture in one of the formats {', '.join(FORMATS)}, whole") from error


def _upright(image: Image.Image) -> Image.Image:
    """``image`` as its EXIF orientation says, of 8 bits a channel."""
    try:
        image.load()
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
        upright = ImageOps.exif_transpose(image) if turned else image
    except Exception as error:  # see above
        raise ValueError("a whole picture: this one breaks off or is damaged") from error
    if upright.mode in _DEEP:
        return upright.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    return upright


def _flat(image: Image.Image, ground: str) -> Image.Image:
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, ground), layer)
