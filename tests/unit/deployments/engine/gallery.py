"""Pictures and masks to start from."""

import numpy as np
from PIL import Image, ImageDraw


def photo(number: int = 0, size: tuple[int, int] = (128, 128)) -> Image.Image:
    """A picture with edges and slopes, unlike its neighbours."""
    width, height = size
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([across * 255 // width, down * 255 // height, (across + 40 * number) % 256], axis=-1)
    image = Image.fromarray(pixels.astype(np.uint8))
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height // 2), fill=(250, 60, 20))
    return image


def blot(number: int = 0, size: tuple[int, int] = (128, 128)) -> Image.Image:
    """A mask: white where to repaint."""
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).ellipse((20 + 4 * (number % 8), 30, 90, 100), fill=255)
    return mask
