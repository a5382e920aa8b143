"""Reads landscapes: sky, land, subject and style by what painted pictures they are like, the subject's colour by its
pixels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from deployments.demo.check.colours import NAMES
from deployments.demo.check.features import features
from deployments.demo.check.manner import manner
from deployments.demo.check.painted import Pixels
from deployments.demo.check.ridge import Floats, Ridge
from deployments.demo.check.votes import votes
from deployments.demo.world.labels import CLASSES, labels
from deployments.demo.world.picture import Picture, Scene

_KEYS = ("sky", "land", "subject", "place")
_CAN_BE = {
    "sky": CLASSES["sky"][1:],  # every scene has one
    "land": CLASSES["land"][1:],
    "place": ("left", "centre", "right"),
}
_NO_SCENE = "no scene"
_WAYS = ("plain", "flat", "watercolour", "pastel", _NO_SCENE)
_DOUBT = 0.4  # scenes are more alike than figures are, so where there is doubt it's figures


class Scenes:
    """Fitted on painted pictures, most of them scenes; the others teach it what is none."""

    def __init__(self, examples: Sequence[tuple[Picture, Pixels]]) -> None:
        told = [labels(picture) for picture, _ in examples]
        targets = [[each[key] == value for key in _KEYS for value in CLASSES[key]] for each in told]
        self._likeness = Ridge(np.stack([features(pixels) for _, pixels in examples]), np.asarray(targets, np.float32))
        ways = [[way == value for value in _WAYS] for way in (_way(picture) for picture, _ in examples)]
        self._way = Ridge(np.stack([manner(pixels) for _, pixels in examples]), np.asarray(ways, np.float32))
        scenes = [(picture, pixels) for picture, pixels in examples if isinstance(picture, Scene)]
        self._colours = {
            subject: _colours_of(subject, [scene for scene in scenes if scene[0].subject == subject])
            for subject in CLASSES["subject"]
            if subject not in ("none", "moon")
        }

    def read(self, pixels: npt.NDArray[np.uint8]) -> dict[str, str] | None:
        """Sky, land, subject, its colour and place, and the style of a picture (128, 128, 3); None if it's no scene.

        A moon's place is not told: the painter chooses it.
        """
        ways = self._way(manner(pixels))
        if ways[_WAYS.index(_NO_SCENE)] > _DOUBT:
            return None
        scores, told = self._likeness(features(pixels)), {"style": _most(_WAYS, ways, _WAYS[:-1])}
        for key in _KEYS:
            values = CLASSES[key]
            told[key], scores = _most(values, scores[: len(values)], _CAN_BE.get(key, values)), scores[len(values) :]
        if told["subject"] == "none":
            return told | {"place": "none", "colour": "none"}
        if told["subject"] == "moon":
            del told["place"]
            return told | {"colour": "white"}
        told["colour"] = _most(NAMES, self._colours[told["subject"]](votes(pixels, told)), NAMES)
        return told


def _way(picture: Picture) -> str:
    return picture.style if isinstance(picture, Scene) else _NO_SCENE


def _colours_of(subject: str, scenes: Sequence[tuple[Scene, Pixels]]) -> Ridge:
    """Which colour a subject's pixels vote for: no matter of counting, for a red lighthouse has white bands."""
    told = [labels(scene) for scene, _ in scenes]
    targets = [[each["colour"] == name for name in NAMES] for each in told]
    rows = [votes(pixels, each) for (_, pixels), each in zip(scenes, told, strict=True)]
    return Ridge(np.stack(rows), np.asarray(targets, np.float32))


def _most(values: Sequence[str], scores: Floats, allowed: Sequence[str]) -> str:
    """The one of the ``allowed`` values that has the highest score."""
    return max(allowed, key=lambda value: float(scores[values.index(value)]))
