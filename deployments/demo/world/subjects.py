"""Who and what may be in a scene. Each is drawn standing on a point, in a height, lit by the sky."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from deployments.demo.world.canvas import Canvas, Point
from deployments.demo.world.palette import COLOURS, RGB, darker, lighter, varied
from deployments.demo.world.picture import Colour, Subject
from deployments.demo.world.skies import Light

HEIGHTS: Mapping[Subject, tuple[float, float]] = {
    "robot": (0.48, 0.54),
    "house": (0.36, 0.42),
    "tree": (0.46, 0.54),
    "boat": (0.38, 0.44),
    "cat": (0.36, 0.42),
    "lighthouse": (0.56, 0.62),
    "balloon": (0.42, 0.48),
}
"""The range of a subject's height, in units of the picture's shorter side. The moon belongs to the sky."""

USUAL: Mapping[Subject, Colour] = {
    "robot": "grey",
    "house": "red",
    "tree": "green",
    "boat": "red",
    "cat": "orange",
    "lighthouse": "red",
    "balloon": "red",
    "moon": "white",
}
"""The colour that such a thing has when nothing is said of it."""

RUST: RGB = (190, 98, 48)
"""What "rusty" means: between orange and brown."""

LIGHT_SHARE = 0.4
"""How much of the light's tint a subject takes on: it is what the picture is about, so its colour stays clear."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a subject stands and how tall it is, in canvas units."""

    foot: Point
    height: float


def paint_of(subject: Subject, colour: Colour) -> RGB:
    """What ``subject`` is painted with where it is ``colour``, before any light falls on it."""
    return RUST if (subject, colour) == ("robot", "orange") else COLOURS[colour]


def paint_subject(
    canvas: Canvas, subject: Subject, colour: Colour | None, spot: Spot, light: Light, rng: np.random.Generator
) -> None:
    """Draw ``subject`` in ``colour`` (None: its usual one) at ``spot``."""
    paint = varied(paint_of(subject, colour or USUAL[subject]), rng)
    dimmed = Light(light.gradient, light.haze, light.tint, light.strength * LIGHT_SHARE)
    if subject != "balloon":
        canvas.ellipse(spot.foot, (spot.height * 0.34, spot.height * 0.05), darker(light.on((90, 90, 90)), 0.45))
    _PAINTERS[subject](canvas, paint, spot, dimmed, rng)


def _robot(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    body, dark, pale = light.on(colour), light.on(darker(colour, 0.35)), light.on(lighter(colour, 0.25))
    stride = rng.uniform(0.1, 0.15) * h
    for side, shade in ((-1, dark), (1, body)):  # walking: one leg before the other
        canvas.line([(x + side * 0.06 * h, y - 0.34 * h), (x + side * stride, y - 0.03 * h)], 0.095 * h, shade)
        canvas.line([(x + side * stride, y - 0.02 * h), (x + side * stride + 0.07 * h, y - 0.02 * h)], 0.07 * h, dark)
    canvas.line([(x - 0.2 * h, y - 0.6 * h), (x - 0.27 * h, y - 0.36 * h)], 0.075 * h, dark)
    canvas.box(x - 0.2 * h, y - 0.66 * h, x + 0.2 * h, y - 0.3 * h, body, 0.05 * h)
    canvas.box(x - 0.12 * h, y - 0.58 * h, x + 0.12 * h, y - 0.42 * h, pale, 0.03 * h)
    canvas.line([(x + 0.21 * h, y - 0.6 * h), (x + 0.29 * h, y - 0.4 * h)], 0.075 * h, body)
    canvas.line([(x, y - 0.9 * h), (x, y - 0.99 * h)], 0.03 * h, dark)
    canvas.circle((x, y - 0.99 * h), 0.035 * h, light.on((240, 80, 70)))
    canvas.box(x - 0.17 * h, y - 0.92 * h, x + 0.17 * h, y - 0.68 * h, body, 0.06 * h)
    for side in (-1, 1):
        canvas.circle((x + side * 0.075 * h, y - 0.81 * h), 0.05 * h, (244, 250, 232))
        canvas.circle((x + side * 0.075 * h + 0.012 * h, y - 0.81 * h), 0.022 * h, (30, 34, 48))


def _house(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    wall, roof = light.on((244, 232, 210)), light.on(colour)
    canvas.box(x + 0.2 * h, y - 0.98 * h, x + 0.31 * h, y - 0.6 * h, light.on((150, 92, 76)))
    canvas.box(x - 0.46 * h, y - 0.56 * h, x + 0.46 * h, y, wall)
    canvas.polygon([(x, y - h), (x + 0.6 * h, y - 0.52 * h), (x - 0.6 * h, y - 0.52 * h)], roof)
    canvas.polygon([(x, y - h), (x + 0.6 * h, y - 0.52 * h), (x + 0.16 * h, y - 0.52 * h)], darker(roof, 0.14))
    canvas.box(x - 0.1 * h, y - 0.34 * h, x + 0.1 * h, y, light.on((120, 76, 50)), 0.02 * h)
    glass = (255, 222, 130) if light.strength > 0.12 else (150, 202, 232)
    for side in (-1, 1):
        middle = x + side * 0.28 * h
        canvas.box(middle - 0.09 * h, y - 0.42 * h, middle + 0.09 * h, y - 0.22 * h, glass)


def _tree(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    bark = light.on((112, 76, 48))
    canvas.polygon(
        [(x - 0.075 * h, y), (x + 0.075 * h, y), (x + 0.04 * h, y - 0.5 * h), (x - 0.04 * h, y - 0.5 * h)], bark
    )
    puffs = ((-0.2, -0.5, 0.19), (0.2, -0.5, 0.19), (-0.13, -0.7, 0.19), (0.14, -0.7, 0.19), (0.0, -0.82, 0.17),
             (0.0, -0.6, 0.24))  # fmt: skip
    for shift, shade in ((0.03, darker(colour, 0.28)), (0.0, colour), (-0.035, lighter(colour, 0.14))):
        small = 1.0 if shift >= 0 else 0.62
        for dx, dy, radius in puffs:
            canvas.circle((x + (dx + shift) * h, y + (dy + shift) * h), radius * small * h, light.on(shade))


def _boat(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    hull = light.on(colour)
    canvas.line([(x, y - 0.2 * h), (x, y - h)], 0.03 * h, light.on((110, 80, 56)))
    canvas.polygon([(x + 0.03 * h, y - 0.95 * h), (x + 0.42 * h, y - 0.3 * h), (x + 0.03 * h, y - 0.3 * h)],
                   light.on((252, 250, 242)))  # fmt: skip
    canvas.polygon([(x - 0.04 * h, y - 0.86 * h), (x - 0.04 * h, y - 0.3 * h), (x - 0.33 * h, y - 0.3 * h)],
                   light.on((226, 226, 226)))  # fmt: skip
    canvas.polygon(
        [(x - 0.52 * h, y - 0.23 * h), (x + 0.56 * h, y - 0.23 * h), (x + 0.38 * h, y + 0.02 * h),
         (x - 0.36 * h, y + 0.02 * h)],
        hull,
    )  # fmt: skip
    canvas.polygon(
        [(x - 0.52 * h, y - 0.23 * h), (x + 0.56 * h, y - 0.23 * h), (x + 0.53 * h, y - 0.17 * h),
         (x - 0.48 * h, y - 0.17 * h)],
        lighter(hull, 0.45),
    )  # fmt: skip


def _cat(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    fur, dark, pale = light.on(colour), light.on(darker(colour, 0.3)), light.on(lighter(colour, 0.5))
    canvas.line(
        [(x + 0.2 * h, y - 0.06 * h), (x + 0.42 * h, y - 0.1 * h), (x + 0.46 * h, y - 0.3 * h),
         (x + 0.38 * h, y - 0.42 * h)], 0.09 * h, dark)  # fmt: skip
    canvas.ellipse((x, y - 0.26 * h), (0.27 * h, 0.3 * h), fur)
    canvas.ellipse((x, y - 0.2 * h), (0.14 * h, 0.2 * h), pale)
    for side in (-1, 1):
        canvas.ellipse((x + side * 0.12 * h, y - 0.03 * h), (0.1 * h, 0.05 * h), fur)
        canvas.polygon(
            [
                (x + side * 0.26 * h, y - 0.98 * h),
                (x + side * 0.25 * h, y - 0.7 * h),
                (x + side * 0.04 * h, y - 0.8 * h),
            ],
            fur,
        )
    canvas.ellipse((x, y - 0.66 * h), (0.28 * h, 0.22 * h), fur)
    canvas.ellipse((x, y - 0.58 * h), (0.13 * h, 0.1 * h), pale)
    for side in (-1, 1):
        canvas.ellipse((x + side * 0.12 * h, y - 0.69 * h), (0.05 * h, 0.055 * h), (214, 236, 130))
        canvas.ellipse((x + side * 0.12 * h, y - 0.69 * h), (0.022 * h, 0.045 * h), (28, 28, 32))
    canvas.circle((x, y - 0.6 * h), 0.028 * h, light.on((226, 110, 120)))


def _lighthouse(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    canvas.ellipse((x, y), (0.34 * h, 0.08 * h), light.on((98, 92, 92)))
    canvas.ellipse((x - 0.05 * h, y - 0.03 * h), (0.24 * h, 0.07 * h), light.on((128, 120, 116)))

    def half(at: float) -> float:  # the tower's half width, at a share of its height
        return (0.15 - 0.06 * at) * h

    bands = 5
    for band in range(bands):
        low, high = band / bands * 0.72, (band + 1) / bands * 0.72
        paint = light.on(colour) if band % 2 == 0 else light.on((250, 248, 242))
        canvas.polygon(
            [(x - half(low), y - (low + 0.03) * h), (x + half(low), y - (low + 0.03) * h),
             (x + half(high), y - (high + 0.03) * h), (x - half(high), y - (high + 0.03) * h)],
            paint,
        )  # fmt: skip
    if light.strength > 0.12:
        canvas.glow((x, y - 0.82 * h), 0.34 * h, (255, 236, 150), 0.85)
    canvas.box(x - 0.15 * h, y - 0.78 * h, x + 0.15 * h, y - 0.74 * h, light.on((60, 60, 68)))
    canvas.box(x - 0.08 * h, y - 0.88 * h, x + 0.08 * h, y - 0.78 * h, (255, 232, 140))
    canvas.polygon([(x, y - h), (x + 0.12 * h, y - 0.87 * h), (x - 0.12 * h, y - 0.87 * h)], light.on(colour))


def _balloon(canvas: Canvas, colour: RGB, spot: Spot, light: Light, rng: np.random.Generator) -> None:
    (x, y), h = spot.foot, spot.height
    paint, pale, dark = light.on(colour), light.on(lighter(colour, 0.72)), light.on(darker(colour, 0.2))
    radius = 0.36 * h
    top = y - h + radius
    rope = light.on((120, 92, 66))
    for side in (-1, 1):
        canvas.line([(x + side * 0.19 * h, top + 0.3 * h), (x + side * 0.06 * h, y - 0.11 * h)], 0.014, rope)
    canvas.box(x - 0.08 * h, y - 0.12 * h, x + 0.08 * h, y, light.on((150, 104, 62)), 0.02 * h)
    canvas.polygon(
        [(x - 0.93 * radius, top + 0.36 * radius), (x + 0.93 * radius, top + 0.36 * radius),
         (x + 0.1 * h, top + 0.42 * h), (x - 0.1 * h, top + 0.42 * h)],
        dark,
    )  # fmt: skip
    canvas.circle((x, top), radius, paint)
    canvas.ellipse((x, top), (radius * 0.62, radius), pale)
    canvas.ellipse((x, top), (radius * 0.24, radius), paint)


_PAINTERS: Mapping[Subject, Callable[[Canvas, RGB, Spot, Light, np.random.Generator], None]] = {
    "robot": _robot,
    "house": _house,
    "tree": _tree,
    "boat": _boat,
    "cat": _cat,
    "lighthouse": _lighthouse,
    "balloon": _balloon,
}
