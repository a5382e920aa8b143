"""What a picture looks like from afar, as a row of numbers: where its edges run, and its colours on a coarse grid."""

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.check.ridge import Floats

_SIDE = 64
_CELL = 8
_ANGLES = 9
_GRID = 16
_LAB_UNIT = 100.0  # edges count twice as much as colours: they tell the subject, and colours the rest


def lab(pixels: npt.NDArray[np.uint8] | Floats) -> Floats:
    """RGB in 0..255, (height, width, 3), as CIE Lab: L in 0..100, a distance of 10 is plain to see."""
    converted: Floats = cv2.cvtColor(np.asarray(pixels, np.float32) / 255, cv2.COLOR_RGB2LAB)
    return converted


def ring(size: int, first: int, last: int) -> npt.NDArray[np.bool_]:
    """Which pixels of a square picture are from ``first`` to ``last`` pixels away from its edge, (size, size)."""
    mask = np.zeros((size, size), bool)
    mask[first : size - first, first : size - first] = True
    mask[last : size - last, last : size - last] = False
    return mask


def features(pixels: npt.NDArray[np.uint8]) -> Floats:
    """A picture (128, 128, 3) as (1344,) numbers: a histogram of oriented gradients and a grid of Lab colours."""
    grid = lab(cv2.resize(pixels, (_GRID, _GRID), interpolation=cv2.INTER_AREA))
    return np.concatenate([_gradients(pixels), grid.ravel() / _LAB_UNIT])


def _gradients(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Dalal and Triggs' histogram of oriented gradients, each cell normalised by the 3 x 3 cells around it."""
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    across, down = (cv2.Sobel(small, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    strongest = (across**2 + down**2).argmax(axis=2)[..., None]  # of the three channels
    across, down = (np.take_along_axis(part, strongest, axis=2)[..., 0] for part in (across, down))
    strength = np.hypot(across, down)
    angle = np.arctan2(down, across) % np.pi / np.pi * _ANGLES
    nearest, share = np.floor(angle).astype(int) % _ANGLES, angle - np.floor(angle)
    ys, xs = np.mgrid[0:_SIDE, 0:_SIDE]
    votes = np.zeros((_SIDE, _SIDE, _ANGLES), np.float32)
    votes[ys, xs, nearest] += strength * (1 - share)
    votes[ys, xs, (nearest + 1) % _ANGLES] += strength * share
    cells = votes.reshape(_SIDE // _CELL, _CELL, _SIDE // _CELL, _CELL, _ANGLES).mean(axis=(1, 3))
    around = cv2.blur(np.square(cells).sum(axis=2), (3, 3))[..., None]
    histogram: Floats = (cells / np.sqrt(around + 1e-4)).astype(np.float32)
    return histogram.ravel()
