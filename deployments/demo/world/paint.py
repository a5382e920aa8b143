"""From a picture's description to its pixels."""

import cv2
import numpy as np
import numpy.typing as npt

from deployments.demo.world.canvas import Canvas, Pixels
from deployments.demo.world.lands import HORIZONS, paint_land
from deployments.demo.world.palette import RGB
from deployments.demo.world.picture import Picture, Scene, Style
from deployments.demo.world.shapes import paint_shapes
from deployments.demo.world.skies import LIGHTS, paint_sky
from deployments.demo.world.subjects import HEIGHTS, Spot, paint_subject

PASTEL: RGB = (255, 250, 246)
PASTEL_SHARE = 0.48
"""What is mixed into every pixel of a pastel, and how much of it."""

WASH: RGB = (252, 252, 252)
WASH_SHARE = 0.22
"""What shines through a watercolour's pigment, and how much of it on average."""

PAPER: RGB = (250, 247, 240)
"""What a watercolour is painted on; it shows along the border."""


def paint(picture: Picture, rng: np.random.Generator, size: tuple[int, int] = (128, 128)) -> Pixels:
    """Draw ``picture``. What it leaves open (a cloud's place, a shade) is drawn from ``rng``.

    Args:
        size: (width, height) in pixels.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    canvas = Canvas(size, flat=picture.style == "flat")
    if isinstance(picture, Scene):
        _paint_scene(canvas, picture, rng)
    else:
        paint_shapes(canvas, picture, rng)
    return _styled(canvas.finish(), picture.style, rng)


def _paint_scene(canvas: Canvas, scene: Scene, rng: np.random.Generator) -> None:
    low, high = HORIZONS[scene.land]
    horizon = rng.uniform(low, high) * canvas.height
    paint_sky(canvas, scene.sky, horizon, rng, moon=scene.subject == "moon")
    paint_land(canvas, scene.land, scene.sky, horizon, rng)
    if scene.subject is None or scene.subject == "moon":
        return
    height = rng.uniform(*HEIGHTS[scene.subject])
    share = {"left": 0.27, "centre": 0.5, "right": 0.73}[scene.place]
    x = canvas.width * share + rng.uniform(-0.03, 0.03)
    ground = canvas.height - rng.uniform(0.1, 0.16)
    if scene.subject == "balloon":
        ground = canvas.height * 0.5 + height * rng.uniform(0.3, 0.42)
    elif scene.subject in ("boat", "lighthouse") and scene.land == "sea":
        ground = horizon + (canvas.height - horizon) * rng.uniform(0.4, 0.6)
    paint_subject(canvas, scene.subject, scene.colour, Spot((x, ground), height), LIGHTS[scene.sky], rng)


def _styled(pixels: Pixels, style: Style, rng: np.random.Generator) -> Pixels:
    """What a style does to the finished picture; the canvas sees to ``flat``, and the sky to the night."""
    if style == "pastel":
        return _blend(pixels, np.array(PASTEL, np.float32), PASTEL_SHARE)
    if style == "watercolour":
        return _watercolour(pixels, rng)
    return pixels


def _blend(pixels: Pixels, towards: npt.NDArray[np.float32], share: float) -> Pixels:
    return (pixels + (towards - pixels) * share + 0.5).astype(np.uint8)


def _watercolour(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Wavering edges, pigment that pools here and there, and paper shining through towards the border."""
    height, width = pixels.shape[:2]

    def clouds(cells: int) -> npt.NDArray[np.float32]:
        coarse = rng.uniform(-1, 1, (cells * height // width + 1, cells + 1)).astype(np.float32)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)

    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    wavering = cv2.remap(
        pixels, xs + 2.2 * clouds(12), ys + 2.2 * clouds(12), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    ).astype(np.float32)
    washed = wavering + (np.array(WASH, np.float32) - wavering) * (WASH_SHARE + 0.16 * clouds(6))[..., None]
    edge = np.minimum(np.minimum(xs, width - 1 - xs), np.minimum(ys, height - 1 - ys))
    paper = np.clip((edge + 4.0 * clouds(10) - 3.0) / 4.0, 0, 1)[..., None]
    return (washed * paper + np.array(PAPER, np.float32) * (1 - paper)).clip(0, 255).astype(np.uint8)
