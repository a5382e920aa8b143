"""Finds the figures of a picture by their pixels: how many, of what kind, how large, where and in which Lab colour."""

from dataclasses import dataclass
from functools import cache
from typing import get_args

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.check.features import lab, ring
from deployments.demo.check.ridge import Floats
from deployments.demo.world import paint
from deployments.demo.world.picture import Kind, Place, Scale
from deployments.demo.world.shapes import RADIUS, middle, outline

_KINDS: tuple[Kind, ...] = get_args(Kind)
_PLACES: tuple[Place, ...] = get_args(Place)
_RING = (8, 14)  # pixels from the edge, clear of the paper that shows around a watercolour
_SMALLEST = 150  # pixels: half of the smallest figure's area
_APART = 0.25  # of the picture's side: two figures' middles are further apart
_GRID = 48
PAPER = lab(np.array([[paint.PAPER]], np.uint8))


@dataclass(frozen=True, slots=True)
class Found:
    """One figure.

    Attributes:
        likeness: the share (0..1) in which it covers the outline of its kind.
        spread: how much its colour varies within it, in Lab units.
    """

    kind: Kind
    scale: Scale
    place: Place
    colour: Floats
    centre: tuple[float, float]
    likeness: float
    spread: float


@dataclass(frozen=True, slots=True)
class Ground:
    """The background: its Lab colour (3,), and how that changes from above to below, (3,)."""

    colour: Floats
    slope: Floats


def ground_of(picture: Floats) -> Ground:
    """The background of a Lab picture (128, 128, 3), from a ring near its edge that figures cover only in part."""
    size = len(picture)
    near_edge = ring(size, *_RING)
    upper, lower = (near_edge & rows for rows in (_rows(size, 0.0, 0.3), _rows(size, 0.7, 1.0)))
    above, below = np.median(picture[upper], axis=0), np.median(picture[lower], axis=0)
    return Ground(((above + below) / 2).astype(np.float32), (below - above).astype(np.float32))


def figures_on(picture: Floats, ground: Ground) -> list[Found]:
    """At most two figures of a Lab picture (128, 128, 3), the left or the upper one first."""
    size = len(picture)
    far = np.linalg.norm(picture - _behind(size, ground), axis=2)
    far[_fringe(picture, far)] = 0
    strong = np.partition(far, -_SMALLEST, axis=None)[-_SMALLEST]
    mask = far > max(8.0, 0.3 * strong)
    found = [_measured(picture, part) for part in _parts(picture, mask, ground)]
    across, down = (
        (abs(found[0].centre[axis] - found[1].centre[axis]) for axis in (0, 1)) if len(found) == 2 else (1.0, 0.0)
    )
    return sorted(found, key=lambda figure: figure.centre[0 if across >= down else 1])


def _rows(size: int, first: float, last: float) -> npt.NDArray[np.bool_]:
    share = (np.arange(size) + 0.5) / size
    return ((share >= first) & (share < last))[:, None]


def _fringe(picture: Floats, far: Floats) -> npt.NDArray[np.bool_]:
    """The paper that shows around a watercolour: pale, unlike the background, and all along the edge."""
    pale = (far > 8) & (np.linalg.norm(picture - PAPER, axis=2) < 16)
    edge = np.ones(pale.shape, bool)
    edge[1:-1, 1:-1] = False
    _, marks = cv2.connectedComponents(pale.astype(np.uint8), connectivity=4)
    along = np.bincount(marks[edge & pale], minlength=marks.max() + 1)
    fringe: npt.NDArray[np.bool_] = np.isin(marks, np.flatnonzero(along > 12)) & pale
    return cv2.dilate(fringe.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _behind(size: int, ground: Ground) -> Floats:
    """The background (size, 1, 3) without figures. The ring's halves lie about 0.75 of the height apart."""
    down = ((np.arange(size) + 0.5) / size - 0.5)[:, None, None] / 0.75
    return (ground.colour + down * ground.slope).astype(np.float32)


def _parts(picture: Floats, mask: npt.NDArray[np.bool_], ground: Ground) -> list[npt.NDArray[np.bool_]]:
    """The mask of each figure, largest first. Two may touch, but then their colours differ."""
    if mask.sum() < _SMALLEST // 2:
        return []
    behind = _behind(len(picture), ground)
    back = np.linalg.norm(picture - behind, axis=2)
    colours = _colours_of(picture, mask, back)
    distances = np.stack([np.linalg.norm(picture - colour, axis=2) for colour in colours])
    own = mask & (distances.min(axis=0) < back)
    closest = distances.argmin(axis=0)
    parts: list[npt.NDArray[np.bool_]] = []
    for index in range(len(colours)):
        part = (own & (closest == index)).astype(np.uint8)
        if len(colours) > 1:  # cuts off the rim that one figure shares with the other's colour
            part = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, marks, stats, _ = cv2.connectedComponentsWithStats(part, connectivity=4)
        parts += [marks == mark for mark in range(1, count) if stats[mark, cv2.CC_STAT_AREA] >= _SMALLEST]
    parts.sort(key=lambda part: -int(part.sum()))
    return [part for part in parts[:2] if part.sum() >= 0.3 * parts[0].sum()]


def _colours_of(picture: Floats, mask: npt.NDArray[np.bool_], back: Floats) -> list[Floats]:
    """The Lab colours of the two figures in ``mask``; one colour if what has the second is no figure of its own.

    A blurred rim, a glow or thick pigment has a colour of its own too, but lies where the figure lies.
    """
    colours, far = picture[mask], back[mask]
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    common = np.median(colours, axis=0)
    unlike = np.linalg.norm(colours - common, axis=1)
    start = np.linalg.norm(colours - colours[unlike.argmax()], axis=1) < unlike
    _, marks, _ = cv2.kmeans(colours, 2, start.astype(np.int32)[:, None], criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    groups = [marks[:, 0] == mark for mark in (0, 1)]
    if min(group.mean() for group in groups) < 0.1:
        return [common]
    medians = [np.median(colours[group], axis=0) for group in groups]
    where = np.argwhere(mask)
    apart = float(np.linalg.norm(where[groups[0]].mean(axis=0) - where[groups[1]].mean(axis=0)))
    if apart > _APART * len(picture) and np.linalg.norm(medians[0] - medians[1]) > 12:
        return medians
    return [medians[int(np.median(far[groups[1]]) > np.median(far[groups[0]]))]]


def _measured(picture: Floats, part: npt.NDArray[np.bool_]) -> Found:
    ys, xs = np.nonzero(part)
    left, right, top, bottom = xs.min(), xs.max() + 1, ys.min(), ys.max() + 1
    box = part[top:bottom, left:right].astype(np.float32)
    cut = cv2.resize(box, (_GRID, _GRID), interpolation=cv2.INTER_AREA) > 0.5
    shape = (bottom - top) / (right - left)
    likeness = {}
    for kind in _KINDS:
        stencil, ratio = _stencil(kind)
        overlap = float((cut & stencil).sum() / (cut | stencil).sum())
        likeness[kind] = overlap * min(shape / ratio, ratio / shape)
    kind = max(_KINDS, key=likeness.__getitem__)
    corners = np.asarray(outline(kind))
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = len(picture)
    radius = float(np.sqrt((right - left) * (bottom - top) / np.prod(high - low))) / size
    box_centre = np.array([left + right, top + bottom]) / 2 / size
    centre = box_centre - (low + high) / 2 * radius
    scale = min(RADIUS, key=lambda name: abs(RADIUS[name] - radius))
    place = min(_PLACES, key=lambda name: float(np.linalg.norm(np.array(middle(name, 1, 1, radius)) - centre)))
    inner = cv2.erode(part.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    own = picture[inner if inner.any() else part]
    colour = np.median(own, axis=0).astype(np.float32)
    spread = float(np.linalg.norm(own - colour, axis=1).mean())
    return Found(kind, scale, place, colour, (float(centre[0]), float(centre[1])), likeness[kind], spread)


@cache
def _stencil(kind: Kind) -> tuple[npt.NDArray[np.bool_], float]:
    """The outline of ``kind`` filled, stretched to a square; and its height over its width."""
    corners = np.asarray(outline(kind))
    low, high = corners.min(axis=0), corners.max(axis=0)
    points = (corners - low) / (high - low) * (8 * _GRID)
    canvas = cv2.fillPoly(np.zeros((8 * _GRID, 8 * _GRID), np.uint8), [np.round(points).astype(np.int32)], 255)
    small = cv2.resize(canvas, (_GRID, _GRID), interpolation=cv2.INTER_AREA) > 127
    width, height = high - low
    return small, float(height / width)
