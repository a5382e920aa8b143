"""Pictures as numbers."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.int16]  # (H, W, 3), 0 to 255: signed, for differences


def pixels_of(data: bytes) -> Pixels:
    """Of a file."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def pixels_of_url(url: str) -> Pixels:
    """Of a data URL."""
    return pixels_of(base64.b64decode(url.partition(",")[2]))


def mean_difference(one: Pixels, other: Pixels) -> float:
    """0 to 255."""
    return float(np.abs(one - other).mean())
