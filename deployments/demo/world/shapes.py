"""Draws figures on a background."""

import numpy as np

from deployments.demo.world.canvas import Canvas, Point
from deployments.demo.world.palette import COLOURS, PAPERS, RGB, darker, lighter, mix, varied
from deployments.demo.world.picture import Figure, Kind, Place, Scale, Shapes

RADIUS: dict[Scale, float] = {"small": 0.12, "medium": 0.21, "large": 0.32}
"""Half of a figure's width, in units of the picture's shorter side."""

SHADE = 0.06
"""How much lighter than its middle a background is at the top, and darker at the bottom."""

GLINT = 0.08
"""How much lighter than its rim a figure is."""


def outline(kind: Kind) -> list[Point]:
    """The figure's corners, in a box from -1 to 1 with y downwards."""
    if kind == "circle":
        turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
        return list(zip(np.cos(turn).tolist(), np.sin(turn).tolist(), strict=True))
    if kind == "square":
        return [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]
    if kind == "triangle":
        return [(0.0, -0.95), (1.0, 0.85), (-1.0, 0.85)]
    if kind == "diamond":
        return [(0.0, -1.1), (0.8, 0.0), (0.0, 1.1), (-0.8, 0.0)]
    if kind == "star":
        turn = np.pi * (np.arange(10) / 5 - 0.5)
        reach = np.where(np.arange(10) % 2 == 0, 1.12, 0.48)
        return list(zip((reach * np.cos(turn)).tolist(), (reach * np.sin(turn)).tolist(), strict=True))
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)  # the heart curve of every textbook
    xs = np.sin(turn) ** 3
    ys = -(13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)) / 16
    return list(zip(xs.tolist(), (ys * 1.0).tolist(), strict=True))


def middle(place: Place, width: float, height: float, radius: float) -> Point:
    """Where the middle of a figure goes, in canvas units, the figure wholly inside."""
    share = {"left": 0.25, "right": 0.75, "top": 0.25, "bottom": 0.75}
    across = next((share[word] for word in place.split() if word in ("left", "right")), 0.5)
    along = next((share[word] for word in place.split() if word in ("top", "bottom")), 0.5)
    room = radius * 1.12 + 0.03
    return (
        float(np.clip(across * width, room, width - room)),
        float(np.clip(along * height, room, height - room)),
    )


def by_night(back: RGB, *, said: bool) -> RGB:
    """What the night leaves of a background: a tint if its colour was ``said``, of paper next to nothing."""
    return mix(back, (16, 20, 52), 0.72 if said else 0.94)


def paint_shapes(canvas: Canvas, shapes: Shapes, rng: np.random.Generator) -> None:
    """Draw ``shapes`` over the whole canvas."""
    night = shapes.style == "night"
    back = COLOURS[shapes.background] if shapes.background else PAPERS[int(rng.integers(len(PAPERS)))]
    back = varied(back, rng, 6)
    if night:
        back = by_night(back, said=shapes.background is not None)
    shade = 0.0 if canvas.flat else SHADE
    canvas.gradient([(0, lighter(back, shade)), (1, darker(back, shade))])
    if night:
        _stars(canvas, rng)
    for figure in shapes.figures:
        _figure(canvas, figure, shapes.style, back, rng, narrower=0.9 if len(shapes.figures) > 1 else 1.0)


def _figure(canvas: Canvas, figure: Figure, style: str, back: RGB, rng: np.random.Generator, narrower: float) -> None:
    """Draw one figure; ``narrower`` shrinks each of a pair, so that they don't touch."""
    radius = RADIUS[figure.scale] * narrower * rng.uniform(0.92, 1.08)
    x, y = middle(figure.place, canvas.width, canvas.height, radius)
    jitter = 0.02
    x, y = x + rng.uniform(-jitter, jitter), y + rng.uniform(-jitter, jitter)
    colour = varied(COLOURS[figure.colour], rng)
    unit = outline(figure.kind)

    def at(dx: float = 0.0, dy: float = 0.0, scale: float = 1.0) -> list[Point]:
        return [(x + dx + px * radius * scale, y + dy + py * radius * scale) for px, py in unit]

    if canvas.flat:
        canvas.polygon(at(), colour)
        return
    if style == "night":
        canvas.glow((x, y), radius * 2.2, colour, 0.55)
    else:
        canvas.glow((x + 0.02, y + 0.05), radius * 1.7, darker(back, 0.5), 0.30)
    canvas.polygon(at(), colour)
    # a little light from the upper left
    canvas.polygon(at(scale=0.86, dx=-0.04 * radius, dy=-0.05 * radius), lighter(colour, GLINT))


def _stars(canvas: Canvas, rng: np.random.Generator) -> None:
    for _ in range(int(14 * canvas.width * canvas.height)):
        spot = (rng.uniform(0, canvas.width), rng.uniform(0, canvas.height))
        canvas.circle(spot, rng.uniform(0.006, 0.011), (230, 232, 250))
