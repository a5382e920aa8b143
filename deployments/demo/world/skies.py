"""Skies: their colours, their lights, and how they colour what lies below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deployments.demo.world.canvas import Canvas
from deployments.demo.world.palette import RGB, lighter, mix
from deployments.demo.world.picture import Sky


@dataclass(frozen=True, slots=True)
class Light:
    """How a sky lights the land.

    Attributes:
        gradient: the sky from its top to the horizon.
        haze: what far things fade into.
        tint: the colour that everything takes on, by ``strength`` (0..1).
    """

    gradient: Sequence[tuple[float, RGB]]
    haze: RGB
    tint: RGB
    strength: float

    def on(self, colour: RGB, distance: float = 0.0) -> RGB:
        """``colour`` in this light; ``distance`` 0 is near, 1 is lost in the haze."""
        return mix(mix(colour, self.tint, self.strength), self.haze, distance)


LIGHTS: Mapping[Sky, Light] = {
    "day": Light(
        gradient=((0.0, (72, 150, 226)), (0.6, (146, 204, 242)), (1.0, (218, 238, 248))),
        haze=(206, 228, 242),
        tint=(255, 252, 236),
        strength=0.04,
    ),
    "sunset": Light(
        gradient=((0.0, (74, 58, 128)), (0.35, (188, 82, 122)), (0.7, (246, 138, 84)), (1.0, (254, 206, 116))),
        haze=(250, 166, 108),
        tint=(138, 52, 76),
        strength=0.42,
    ),
    "night": Light(
        gradient=((0.0, (8, 12, 40)), (0.6, (22, 34, 82)), (1.0, (48, 66, 124))),
        haze=(46, 62, 116),
        tint=(16, 24, 70),
        strength=0.6,
    ),
    "storm": Light(
        gradient=((0.0, (52, 58, 70)), (0.55, (92, 100, 112)), (1.0, (146, 152, 158))),
        haze=(132, 140, 148),
        tint=(70, 78, 90),
        strength=0.5,
    ),
}


def paint_sky(canvas: Canvas, sky: Sky, horizon: float, rng: np.random.Generator, moon: bool) -> None:
    """Fill the canvas from its top to ``horizon``, with what is in such a sky.

    The night shows stars, and a moon only where ``moon`` says so, for then the picture is about it.
    """
    light = LIGHTS[sky]
    canvas.gradient(light.gradient, 0.0, horizon)
    if sky == "day":
        if rng.random() < 0.5:
            _sun(canvas, (rng.uniform(0.12, canvas.width - 0.12), rng.uniform(0.1, 0.2)), 0.055, (255, 244, 190))
        for _ in range(rng.integers(1, 4)):
            _cloud(canvas, rng, horizon, (252, 253, 255), (226, 236, 246))
    elif sky == "sunset":
        x = canvas.width / 2 + rng.uniform(-0.25, 0.25)
        _sun(canvas, (x, horizon - rng.uniform(0.02, 0.16)), rng.uniform(0.075, 0.1), (255, 240, 180))
        for _ in range(rng.integers(0, 3)):
            _streak(canvas, rng, horizon, (252, 176, 132))
    elif sky == "night":
        for _ in range(int(26 * canvas.width)):
            spot = (rng.uniform(0, canvas.width), rng.uniform(0, horizon))
            canvas.circle(spot, rng.uniform(0.005, 0.011), (236, 238, 252))
    else:
        for _ in range(rng.integers(4, 7)):
            dark = mix((46, 52, 62), (92, 98, 108), rng.random())
            _cloud(canvas, rng, horizon * 0.75, lighter(dark, 0.1), dark, big=1.7)
        if rng.random() < 0.8:
            _lightning(canvas, rng, horizon)
    if moon:
        _moon(canvas, rng, horizon)


def _sun(canvas: Canvas, centre: tuple[float, float], radius: float, colour: RGB) -> None:
    canvas.glow(centre, radius * 5, lighter(colour, 0.2), 0.75)
    canvas.circle(centre, radius, colour)


def _moon(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    radius = rng.uniform(0.1, 0.13)
    x = canvas.width * rng.choice([0.3, 0.5, 0.7]) + rng.uniform(-0.03, 0.03)
    y = max(radius + 0.06, horizon * rng.uniform(0.3, 0.42))
    canvas.glow((x, y), radius * 3.4, (206, 216, 250), 0.6)
    canvas.circle((x, y), radius, (248, 244, 220))
    for dx, dy, size in ((-0.35, -0.2, 0.2), (0.3, 0.25, 0.26), (0.25, -0.42, 0.13), (-0.2, 0.45, 0.14)):
        canvas.circle((x + dx * radius, y + dy * radius), size * radius, (226, 220, 194))


def _cloud(canvas: Canvas, rng: np.random.Generator, horizon: float, top: RGB, shade: RGB, big: float = 1.0) -> None:
    x, y = rng.uniform(0, canvas.width), rng.uniform(0.08, max(0.1, horizon * 0.7))
    size = rng.uniform(0.05, 0.085) * big
    puffs = [(-1.5, 0.25, 0.6), (-0.6, -0.2, 0.9), (0.45, -0.35, 1.0), (1.4, 0.15, 0.7)]
    for colour, lower in ((shade, 0.16), (top, 0.0)):
        for dx, dy, puff in puffs:
            canvas.ellipse((x + dx * size, y + (dy + lower) * size), (puff * size * 1.15, puff * size * 0.72), colour)


def _streak(canvas: Canvas, rng: np.random.Generator, horizon: float, colour: RGB) -> None:
    x, y = rng.uniform(0, canvas.width), rng.uniform(0.12, horizon * 0.6)
    canvas.ellipse((x, y), (rng.uniform(0.14, 0.28), rng.uniform(0.012, 0.022)), colour)


def _lightning(canvas: Canvas, rng: np.random.Generator, horizon: float) -> None:
    x, y = rng.uniform(0.15, canvas.width - 0.15), horizon * 0.3
    points = [(x, y)]
    while y < horizon * 0.92:
        x, y = x + rng.uniform(-0.07, 0.07), y + horizon * rng.uniform(0.12, 0.18)
        points.append((x, y))
    canvas.glow(points[len(points) // 2], 0.35, (226, 226, 255), 0.4)
    canvas.line(points, 0.018, (255, 252, 220))
