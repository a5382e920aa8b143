"""Lands: what lies under the sky, lit by it."""

from collections.abc import Callable, Mapping

import numpy as np

from deployments.demo.world.canvas import Canvas, Point
from deployments.demo.world.palette import RGB, darker, lighter, mix
from deployments.demo.world.picture import Land, Sky
from deployments.demo.world.skies import LIGHTS, Light

HORIZONS: Mapping[Land, tuple[float, float]] = {
    "mountains": (0.62, 0.7),
    "sea": (0.5, 0.58),
    "beach": (0.42, 0.48),
    "desert": (0.54, 0.62),
    "city": (0.66, 0.72),
    "meadow": (0.54, 0.62),
}
"""The range of the horizon's height from the top, as shares of the canvas's height."""


def paint_land(canvas: Canvas, land: Land, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    """Fill the canvas from ``horizon`` downwards, and draw over the sky what rises above it."""
    _PAINTERS[land](canvas, LIGHTS[sky], sky, horizon, rng)


def _ridge(canvas: Canvas, rng: np.random.Generator, base: float, height: float, jagged: float) -> list[Point]:
    """A skyline from the left edge to the right: random hills of every size (midpoints displaced)."""
    heights = rng.uniform(0.2, 1.0, 3)
    rough = 0.5 * jagged
    for _ in range(4):
        between = (heights[:-1] + heights[1:]) / 2 + rng.uniform(-rough, rough, len(heights) - 1)
        heights = np.insert(heights, range(1, len(heights)), between)
        rough *= 0.5
    heights = np.clip(heights, 0.05, 1.15)
    xs = np.linspace(0, canvas.width, len(heights))
    return [(float(x), float(base - h * height)) for x, h in zip(xs, heights, strict=True)]


def _below(canvas: Canvas, skyline: list[Point], colour: RGB) -> None:
    canvas.polygon([(0.0, canvas.height), *skyline, (canvas.width, canvas.height)], colour)


def _hill(canvas: Canvas, rng: np.random.Generator, base: float, height: float) -> list[Point]:
    """A soft skyline: two long waves."""
    xs = np.linspace(0, canvas.width, 33)
    one, two = rng.uniform(0, 2 * np.pi, 2)
    wave = 0.5 * np.sin(xs * rng.uniform(2.4, 3.8) + one) + 0.3 * np.sin(xs * rng.uniform(5, 7) + two)
    return [(float(x), float(base - h * height)) for x, h in zip(xs, wave, strict=True)]


def _mountains(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    canvas.gradient([(0, light.on((150, 170, 160), 0.5)), (1, light.on((60, 100, 70)))], horizon)
    rock: RGB = (84, 98, 134)
    _below(canvas, _ridge(canvas, rng, horizon, 0.26, 0.4), light.on(rock, 0.55))
    peaks = [(rng.uniform(0.05, 0.4), rng.uniform(0.2, 0.3)), (rng.uniform(0.55, 0.95), rng.uniform(0.24, 0.34))]
    for place, height in peaks if rng.random() < 0.5 else peaks[::-1]:
        _peak(canvas, light, (place * canvas.width, horizon + 0.04), height, rng)
    _below(canvas, _ridge(canvas, rng, horizon + 0.12, 0.12, 0.3), light.on((56, 92, 84), 0.12))
    _below(canvas, _hill(canvas, rng, horizon + 0.22, 0.05), light.on((44, 84, 60)))


def _peak(canvas: Canvas, light: Light, foot: Point, height: float, rng: np.random.Generator) -> None:
    """One mountain with a lit side, a dark side and snow on top."""
    x, base = foot
    top = base - height
    wide = height * rng.uniform(0.95, 1.2)
    bend = x + wide * rng.uniform(-0.1, 0.1)
    canvas.polygon([(x, top), (x + wide, base), (x - wide, base)], light.on((98, 112, 146), 0.2))
    canvas.polygon([(x, top), (x + wide, base), (bend, base)], light.on((58, 70, 104), 0.16))
    cap = 0.34
    left, right = x - wide * cap, x + wide * cap
    low = top + height * cap
    canvas.polygon(
        [(x, top), (right, low), (x + wide * 0.16, low - 0.03), (x, low + 0.015), (x - wide * 0.17, low - 0.03),
         (left, low)],
        light.on((244, 248, 255), 0.1),
    )  # fmt: skip


def _sea(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    water(canvas, light, horizon, canvas.height, rng, sky)


def water(canvas: Canvas, light: Light, top: float, bottom: float, rng: np.random.Generator, sky: Sky) -> None:
    """Water from ``top`` to ``bottom``, with the sky in it and a few waves."""
    far, near = light.on((92, 172, 208), 0.25), light.on((22, 92, 156))
    if sky == "sunset":
        far, near = (240, 160, 112), (96, 62, 116)
    canvas.gradient([(0, far), (1, near)], top, bottom)
    if sky == "sunset":  # the sun's path
        canvas.glow((canvas.width / 2, top), 0.3, (255, 226, 150), 0.7)
    for _ in range(int(18 * canvas.width * (bottom - top) / 0.5)):
        depth = rng.random() ** 1.3
        y = top + 0.02 + depth * (bottom - top - 0.03)
        x, half = rng.uniform(0, canvas.width), 0.03 + 0.07 * depth
        canvas.line([(x - half, y), (x + half, y)], 0.006 + 0.006 * depth, lighter(mix(far, near, depth), 0.22))


def _beach(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    shore = horizon + (canvas.height - horizon) * rng.uniform(0.3, 0.4)
    water(canvas, light, horizon, shore + 0.08, rng, sky)
    line = [(x, y + 0.02) for x, y in _hill(canvas, rng, shore, 0.03)]
    sand = light.on((238, 212, 156))
    _below(canvas, [(x, y - 0.022) for x, y in line], light.on((252, 252, 252)))
    _below(canvas, line, darker(sand, 0.1))
    _below(canvas, [(x, y + 0.045) for x, y in line], sand)
    _below(canvas, [(x, y + 0.22) for x, y in _hill(canvas, rng, shore, 0.03)], lighter(sand, 0.12))


def _desert(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    sand: RGB = (236, 178, 104)
    canvas.gradient([(0, light.on(sand, 0.3)), (1, light.on(sand))], horizon)
    for depth, distance in ((0.0, 0.35), (0.14, 0.12), (0.3, 0.0)):
        _dune(canvas, light, horizon + depth, distance, rng)
    if rng.random() < 0.6:
        x = canvas.width * rng.choice([0.12, 0.88])
        _cactus(canvas, light.on((58, 128, 78)), (x, horizon + 0.16), rng.uniform(0.14, 0.2))


def _dune(canvas: Canvas, light: Light, base: float, distance: float, rng: np.random.Generator) -> None:
    crest = rng.uniform(0.2, 0.8) * canvas.width
    line = _hill(canvas, rng, base, 0.06)
    _below(canvas, line, light.on((244, 194, 118), distance))
    shade = [(x, y) for x, y in line if x >= crest]
    if len(shade) > 1:
        foot = [(shade[-1][0], shade[-1][1] + 0.3), (crest + 0.1, canvas.height)]
        canvas.polygon([*shade, *foot], light.on((206, 138, 82), distance))


def _cactus(canvas: Canvas, colour: RGB, foot: Point, height: float) -> None:
    x, y = foot
    canvas.line([(x, y), (x, y - height)], 0.04, colour)
    canvas.line([(x, y - height * 0.35), (x + 0.06, y - height * 0.35), (x + 0.06, y - height * 0.7)], 0.028, colour)
    canvas.line([(x, y - height * 0.5), (x - 0.055, y - height * 0.5), (x - 0.055, y - height * 0.8)], 0.028, colour)


def _city(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    for distance, height, wide in ((0.5, 0.44, 0.13), (0.08, 0.32, 0.19)):
        x = -rng.uniform(0, wide)
        while x < canvas.width:
            width = wide * rng.uniform(0.75, 1.2)
            top = horizon - height * rng.uniform(0.35, 1.0)
            wall = light.on(mix((104, 116, 140), (156, 138, 136), rng.random()), distance)
            canvas.box(x, top, x + width, horizon + 0.1, wall)
            if distance < 0.3:
                _windows(canvas, (x, top, x + width, horizon), wall, sky, rng)
            x += width + 0.01
    street = light.on((92, 96, 106))
    canvas.gradient([(0, lighter(street, 0.12)), (1, street)], horizon + 0.02)
    canvas.gradient([(0, light.on((170, 172, 176))), (1, light.on((150, 152, 158)))], horizon, horizon + 0.045)


def _windows(
    canvas: Canvas, wall: tuple[float, float, float, float], colour: RGB, sky: Sky, rng: np.random.Generator
) -> None:
    left, top, right, bottom = wall
    columns = 3
    step = (right - left) / (columns + 0.5)
    dark = lighter(colour, 0.35) if sky == "day" else darker(colour, 0.35)
    y = top + 0.035
    while y < bottom - 0.05:
        for column in range(columns):
            x = left + (column + 0.45) * step
            lit = rng.random() < {"day": 0.0, "storm": 0.3}.get(sky, 0.6)
            canvas.box(x, y, x + step * 0.55, y + 0.035, (255, 216, 124) if lit else dark)
        y += 0.065


def _meadow(canvas: Canvas, light: Light, sky: Sky, horizon: float, rng: np.random.Generator) -> None:
    canvas.gradient([(0, light.on((130, 190, 110), 0.2)), (1, light.on((84, 160, 72)))], horizon)
    _below(canvas, _hill(canvas, rng, horizon, 0.06), light.on((126, 184, 118), 0.32))
    _below(canvas, _hill(canvas, rng, horizon + 0.08, 0.04), light.on((112, 184, 88), 0.1))
    _below(canvas, _hill(canvas, rng, horizon + 0.2, 0.03), light.on((92, 168, 74)))
    for _ in range(int(10 * canvas.width)):
        y = rng.uniform(horizon + 0.2, canvas.height)
        petal = ((250, 246, 236), (250, 212, 80), (240, 130, 150))[rng.integers(3)]
        canvas.circle((rng.uniform(0, canvas.width), y), rng.uniform(0.008, 0.014), light.on(petal))


_PAINTERS: Mapping[Land, Callable[[Canvas, Light, Sky, float, np.random.Generator], None]] = {
    "mountains": _mountains,
    "sea": _sea,
    "beach": _beach,
    "desert": _desert,
    "city": _city,
    "meadow": _meadow,
}
