"""The colours of the world, as RGB in 0..255."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from deployments.demo.world.picture import Colour

RGB: TypeAlias = tuple[float, float, float]

COLOURS: Mapping[Colour, RGB] = {
    "red": (214, 40, 44),
    "orange": (243, 134, 34),
    "yellow": (250, 208, 48),
    "green": (52, 158, 74),
    "blue": (38, 98, 206),
    "purple": (124, 58, 178),
    "pink": (244, 138, 180),
    "brown": (124, 78, 44),
    "white": (246, 246, 244),
    "black": (26, 26, 30),
    "grey": (140, 144, 150),
}

PAPERS: Sequence[RGB] = ((244, 240, 230), (238, 242, 246), (246, 238, 236), (240, 244, 236))
"""What a shape lies on when no background is said."""


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """``one`` with ``share`` (0..1) of ``other`` in it."""
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def lighter(colour: RGB, share: float) -> RGB:
    """``colour`` moved towards white by ``share`` (0..1)."""
    return mix(colour, (255, 255, 255), share)


def darker(colour: RGB, share: float) -> RGB:
    """``colour`` moved towards a deep blue-black by ``share`` (0..1)."""
    return mix(colour, (12, 12, 24), share)


def varied(colour: RGB, rng: np.random.Generator, amount: float = 8.0) -> RGB:
    """``colour`` with each channel moved by at most ``amount``: no two reds are quite the same."""
    red, green, blue = np.clip(np.asarray(colour) + rng.uniform(-amount, amount, 3), 0, 255)
    return (float(red), float(green), float(blue))
