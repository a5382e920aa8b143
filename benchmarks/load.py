"""A mixed load: text to image, image to image and inpainting, by four samplers; no prompt or picture comes twice."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from deployments.engine import GenerationRequest

SAMPLERS = (None, "euler", "dpmpp_2m", "ddim")
"""The one that the weights ship, and three that clients may name."""

MODES = ("txt2img", "img2img", "inpaint")
COMBINATIONS = len(MODES) * len(SAMPLERS)


def mixed(number: int, side: int, steps: int, preview_every: int) -> GenerationRequest:
    """Request ``number`` of the load, for one square picture: any :data:`COMBINATIONS` in a row are all there are."""
    mode = MODES[number % len(MODES)]
    source: dict[str, Any] = {}
    if mode != "txt2img":
        source["image"] = _photo(number, side)
    if mode == "inpaint":
        source["mask"] = _blot(number, side)
    return GenerationRequest(
        prompt=f"mixed prompt {number}",
        seed=number,
        width=side,
        height=side,
        steps=steps,
        sampler=SAMPLERS[number % len(SAMPLERS)],
        preview_every=preview_every,
        **source,
    )


def _photo(number: int, side: int) -> Image.Image:
    """A picture with edges and slopes."""
    down, across = np.mgrid[0:side, 0:side]
    pixels = np.stack([across * 255 // side, down * 255 // side, (across + number) % 256], axis=-1)
    image = Image.fromarray(pixels.astype(np.uint8))
    ImageDraw.Draw(image).ellipse((side // 4, side // 4, side // 2, side // 2), fill=(250, number // 256 % 256, 20))
    return image


def _blot(number: int, side: int) -> Image.Image:
    """A mask: white where to repaint."""
    left = side // 8 + number % (side // 4)
    mask = Image.new("L", (side, side))
    ImageDraw.Draw(mask).ellipse((left, side // 4, left + side // 2, side * 3 // 4), fill=255)
    return mask
