"""A canvas with anti-aliased shapes, soft light and gradients, in units of its shorter side."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.world.palette import RGB

Point: TypeAlias = tuple[float, float]
Pixels: TypeAlias = npt.NDArray[np.uint8]

_OVERSAMPLING = 2
_BANDS = 3
_SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates


class Canvas:
    """Paints from back to front. Coordinates start at the upper left; the shorter side is 1 long.

    Args:
        size: (width, height) of the finished picture in pixels.
        flat: paint gradients as a few even bands, and no light.
    """

    def __init__(self, size: tuple[int, int], flat: bool = False) -> None:
        self.size = size
        self.flat = flat
        short = min(size)
        self.width, self.height = size[0] / short, size[1] / short
        self._unit = short * _OVERSAMPLING
        self._pixels: Pixels = np.zeros((size[1] * _OVERSAMPLING, size[0] * _OVERSAMPLING, 3), np.uint8)

    def gradient(self, stops: Sequence[tuple[float, RGB]], top: float = 0.0, bottom: float | None = None) -> None:
        """Fill the rows from ``top`` to ``bottom`` (the lower edge if None) with colours from above to below.

        ``stops`` are (place within the band in 0..1, colour), in order.
        """
        rows = len(self._pixels)
        first = max(0, round(top * self._unit))
        last = min(rows, rows if bottom is None else round(bottom * self._unit))
        if last <= first:
            return
        place = np.linspace(0.0, 1.0, last - first)
        if self.flat:
            place = (np.minimum(place * _BANDS, _BANDS - 1) // 1 + 0.5) / _BANDS
        places = [stop[0] for stop in stops]
        band = np.stack([np.interp(place, places, [stop[1][c] for stop in stops]) for c in range(3)], axis=1)
        self._pixels[first:last] = (band + 0.5).astype(np.uint8)[:, None]

    def polygon(self, points: Sequence[Point], colour: RGB) -> None:
        """Fill a simple polygon."""
        cv2.fillPoly(self._pixels, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def ellipse(self, centre: Point, radii: Point, colour: RGB, angle: float = 0.0) -> None:
        """Fill an ellipse; ``angle`` in degrees, clockwise."""
        turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
        across, along = radii[0] * np.cos(turn), radii[1] * np.sin(turn)
        cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        xs, ys = centre[0] + across * cosine - along * sine, centre[1] + across * sine + along * cosine
        self.polygon(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour)

    def circle(self, centre: Point, radius: float, colour: RGB) -> None:
        """Fill a circle."""
        self.ellipse(centre, (radius, radius), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: RGB, radius: float = 0.0) -> None:
        """Fill an upright rectangle, its corners rounded by ``radius``."""
        if radius <= 0:
            self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)
            return
        radius = min(radius, (right - left) / 2, (bottom - top) / 2)
        corners = ((right, bottom, 0.0), (left, bottom, 0.5), (left, top, 1.0), (right, top, 1.5))
        points: list[Point] = []
        for x, y, start in corners:
            middle_x = x - radius if x == right else x + radius
            middle_y = y - radius if y == bottom else y + radius
            turn = np.pi * np.linspace(start, start + 0.5, 6)
            xs, ys = middle_x + radius * np.cos(turn), middle_y + radius * np.sin(turn)
            points.extend(zip(xs.tolist(), ys.tolist(), strict=True))
        self.polygon(points, colour)

    def line(self, points: Sequence[Point], width: float, colour: RGB) -> None:
        """Draw a line of ``width`` through ``points``, with round ends."""
        thickness = max(1, round(width * self._unit))
        cv2.polylines(self._pixels, [self._fixed(points)], False, colour, thickness, cv2.LINE_AA, _SHIFT)

    def glow(self, centre: Point, radius: float, colour: RGB, strength: float) -> None:
        """Add soft light around ``centre``: ``strength`` (0..1) of ``colour`` there, hardly any at ``radius``."""
        if self.flat:
            return
        height, width = self._pixels.shape[:2]
        coarse = 4  # light has no edges: a quarter of the resolution is plenty
        ys = (np.arange(0, height, coarse)[:, None] / self._unit - centre[1]) / radius
        xs = (np.arange(0, width, coarse)[None, :] / self._unit - centre[0]) / radius
        share = (strength * np.exp(-3.0 * (xs * xs + ys * ys))).astype(np.float32)
        self.veil(share, colour)

    def veil(self, share: npt.NDArray[np.float32], colour: RGB) -> None:
        """Blend ``colour`` over the picture, by ``share`` (0..1) given on a grid of any size."""
        height, width = self._pixels.shape[:2]
        weight = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
        over = np.asarray(colour, np.float32)
        self._pixels = (self._pixels + (over - self._pixels) * weight + 0.5).clip(0, 255).astype(np.uint8)

    def finish(self) -> Pixels:
        """The finished picture, (height, width, 3) uint8 RGB."""
        finished: Pixels = cv2.resize(self._pixels, self.size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        return finished

    def _fixed(self, points: Sequence[Point]) -> npt.NDArray[np.int32]:
        # a pixel's middle is its integer coordinate in OpenCV
        scaled = (np.asarray(points, np.float64) * self._unit - 0.5) * (1 << _SHIFT)
        return np.round(scaled).astype(np.int32)
