"""Image codecs. Slow (milliseconds to hundreds of them): call them off the event loop and off the denoise thread."""

import io

import cv2
import numpy as np
from PIL import Image

from deployments.engine.request import Format

CONTENT_TYPES: dict[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
DEFAULT_QUALITY = 95


def encode(image: Image.Image, format: Format, quality: int | None = None) -> bytes:
    """An RGB image as ``format``; ``quality`` (1 to 100, 95 if absent) is for jpeg and webp.

    PNG is written by OpenCV at level 1 with run-length strategy: lossless like any PNG, and about ten times as fast as
    Pillow's default, which would take longer than a FLUX-schnell generation does on a large GPU.
    """
    if format == "png":
        pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]
        options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
        _, encoded = cv2.imencode(".png", pixels, options)
        return encoded.tobytes()
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format=format.upper(), quality=quality or DEFAULT_QUALITY)
    return buffer.getvalue()


def encode_preview(image: Image.Image, limit: int = 32 * 1024) -> bytes:
    """A small RGB image as JPEG of at most ``limit`` bytes: quality goes down, then size, until it fits."""
    image = image.convert("RGB")
    while True:
        for quality in (80, 60, 40):
            encoded = encode(image, "jpeg", quality)
            if len(encoded) <= limit or min(image.size) < 16:
                return encoded
        image = image.resize((image.width // 2, image.height // 2))
