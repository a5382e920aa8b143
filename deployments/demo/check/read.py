"""Says what a picture shows, in the words of :data:`deployments.demo.world.labels.CLASSES`."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from deployments.demo.check.colours import NAMES
from deployments.demo.check.painted import painted
from deployments.demo.check.scenes import Scenes
from deployments.demo.check.shapes import Shapes
from deployments.demo.world.draw import draw_scene, draw_shapes
from deployments.demo.world.labels import CLASSES
from deployments.demo.world.picture import Picture, Scene
from deployments.demo.world.picture import Shapes as Figures

_SCENES, _SHAPES = 1800, 550
_SEED = 20


class Reader:
    """Reads pictures. Making one paints thousands and fits on them (about ten seconds); :meth:`fitted` keeps one."""

    def __init__(self) -> None:
        shapes = list(painted(_some_shapes, _SHAPES, _SEED))
        scenes = list(painted(_some_scene, _SCENES, _SEED + 1))
        self._shapes = Shapes([(picture, pixels) for picture, pixels in shapes if isinstance(picture, Figures)])
        self._scenes = Scenes([*scenes, *shapes])

    @classmethod
    def fitted(cls) -> "Reader":
        """The process's one reader, made on the first call."""
        return _reader()

    def read(self, pixels: npt.NDArray[np.uint8]) -> dict[str, str]:
        """What a picture shows.

        A figure's paper, where no background was asked for, is read as white, and by night as black: the eye can't
        tell either. For a scene with a moon there is no ``place``.

        Args:
            pixels: (128, 128, 3) uint8 RGB.

        Returns:
            a value of :data:`CLASSES` for each of its keys that the pixels tell.

        Raises:
            ValueError: ``pixels`` has another shape or dtype.
        """
        if pixels.shape != (128, 128, 3) or pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be (128, 128, 3) uint8, not {pixels.shape} {pixels.dtype}")
        told = self._scenes.read(pixels)
        if told is None:
            return _NEITHER | self._shapes.read(pixels)
        return {key: value for key, value in _NEITHER.items() if key != "place"} | told | {"figures": "0"}


def misses(wanted: Mapping[str, str], read: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Where a picture is not what was asked for: key to (wanted, read); what is not read counts as ``none``."""
    return {key: (value, read.get(key, "none")) for key, value in wanted.items() if read.get(key, "none") != value}


_NEITHER = {key: "none" for key in CLASSES if key not in ("figures", "style")}


@cache
def _reader() -> Reader:
    return Reader()


def _some_shapes(rng: np.random.Generator) -> Picture:
    """Figures, most of them in some style."""
    shapes = draw_shapes(rng)
    while shapes.style == "plain" and rng.random() < 0.6:
        shapes = draw_shapes(rng)
    return shapes


def _some_scene(rng: np.random.Generator) -> Picture:
    """A scene, more often with someone, in some style, colour or off the middle than the world draws them."""
    scene: Scene = draw_scene(rng)
    if scene.subject is None and rng.random() < 0.5:
        scene = draw_scene(rng)
    if scene.style == "plain" and rng.random() < 0.25:
        scene = replace(scene, style=("flat", "watercolour", "pastel")[rng.integers(3)])
    if scene.subject in (None, "moon"):
        return scene
    if scene.colour is None and rng.random() < 0.8:
        scene = replace(scene, colour=NAMES[rng.integers(len(NAMES))])
    if scene.place == "centre" and rng.random() < 0.3:
        scene = replace(scene, place=("left", "right")[rng.integers(2)])
    return scene
