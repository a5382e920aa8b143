"""What tells a style, and scenes from figures: how even gradients are, how pale colours, what is near the edge."""

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.check.features import lab, ring
from deployments.demo.check.ridge import Floats

_CELLS = 32
_FAR = 25.0
_SHARES = (10, 25, 50, 75, 90)


def manner(pixels: npt.NDArray[np.uint8]) -> Floats:
    """A picture (128, 128, 3) as (61,) numbers about the way it is painted, each of about the size of 1."""
    picture = lab(pixels)
    grid = lab(cv2.resize(pixels, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA))
    upper = grid[1 : _CELLS // 2]
    sides = np.concatenate([upper[:, 1:9], upper[:, -9:-1]], axis=1)  # where no balloon hides the sky
    steps = np.linalg.norm(sides[2:] - sides[:-2], axis=2)  # a flat sky has none, but for a few large ones
    across = np.linalg.norm(upper[:, 2:] - upper[:, :-2], axis=2)
    rows = np.linalg.norm(np.diff(np.median(sides, axis=1), axis=0), axis=1)
    chroma = np.linalg.norm(grid[..., 1:], axis=2)
    outer, inner = picture[ring(len(picture), 0, 2)], picture[ring(len(picture), 12, 14)]
    numbers = (
        *np.percentile(steps, _SHARES) / 3,
        *np.percentile(across, _SHARES) / 3,
        *np.sort(rows)[-3:] / 5,
        np.median(rows) / 2,
        *np.percentile(grid[..., 0], (2, *_SHARES, 98)) / 30,
        *np.percentile(chroma, (2, *_SHARES, 98)) / 30,
        *outer.mean(axis=0) / 10,
        *inner.mean(axis=0) / 30,
        *outer.std(axis=0) / 5,
        *inner.std(axis=0) / 20,
        *_unevenness(grid),
        *(grid[-3:].mean(axis=(0, 1)) - grid[1:4].mean(axis=(0, 1))) / 10,
    )
    return np.asarray(numbers, np.float32)


def _unevenness(grid: Floats) -> Floats:
    """How far the colours near the edge are from each other, (18,): the ground of a figure is one colour, a landscape's
    edge has all of it. Far is far, so that a figure which reaches that way counts little."""
    numbers: list[npt.NDArray[np.floating]] = []
    for inset in (2, 3):
        edge = _edge(grid, inset)
        far = _apart(edge, edge)
        numbers += [np.percentile(far, (25, 50, 65, 80)), far.mean(keepdims=True)]
    edge = _edge(grid, 3)
    for column in (3, len(grid) - 4):
        numbers.append(_apart(grid[:, column], edge).reshape(4, -1).mean(axis=1))
    unevenness: Floats = (np.concatenate(numbers) / 6).astype(np.float32)
    return unevenness


def _edge(grid: Floats, inset: int) -> Floats:
    """The colours of the square (n, 3) that is ``inset`` cells away from the edge."""
    last = len(grid) - 1 - inset
    here = slice(inset, last + 1)
    return np.concatenate([grid[inset, here], grid[last, here], grid[here, inset], grid[here, last]])


def _apart(colours: Floats, edge: Floats) -> Floats:
    """How far ``colours`` (n, 3) are from the usual one of ``edge``, (n,)."""
    far: Floats = np.minimum(np.linalg.norm(colours - np.median(edge, axis=0), axis=1), _FAR)
    return far
