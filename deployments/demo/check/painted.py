"""Freshly painted pictures to compare with, a little spoilt, as a generated picture is."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.world.paint import paint
from deployments.demo.world.picture import Picture

Pixels = npt.NDArray[np.uint8]


def painted(draw: Callable[[np.random.Generator], Picture], count: int, seed: int) -> Iterator[tuple[Picture, Pixels]]:
    """``count`` pictures by lot, each with its pixels (128, 128, 3): the same for the same ``seed``."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        picture = draw(rng)
        yield picture, _spoilt(paint(picture, rng), rng)


def _spoilt(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """``pixels``, half of the time each: blurred, moved, noisy, in slightly other colours."""
    spoilt = pixels.astype(np.float32)
    if rng.random() < 0.5:
        spoilt = cv2.GaussianBlur(spoilt, (0, 0), rng.uniform(0.3, 1.4))
    if rng.random() < 0.5:
        across, down = rng.integers(-3, 4, 2)
        move = np.array([[1, 0, across], [0, 1, down]], np.float32)
        spoilt = cv2.warpAffine(spoilt, move, pixels.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        spoilt = spoilt + np.float32(rng.uniform(1, 6)) * rng.standard_normal(pixels.shape, np.float32)
    if rng.random() < 0.5:
        spoilt = spoilt * np.float32(rng.uniform(0.94, 1.06)) + rng.uniform(-5, 5, 3).astype(np.float32)
    return spoilt.clip(0, 255).astype(np.uint8)
