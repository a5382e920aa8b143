"""Asks the pixels where a subject should be for its colour."""

from collections.abc import Mapping
from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt

from deployments.demo.check.colours import distances, subject_shades
from deployments.demo.check.features import lab
from deployments.demo.check.ridge import Floats
from deployments.demo.world.paint import paint
from deployments.demo.world.picture import Land, Scene, Sky, Style, Subject

_PAINTINGS = 8
_ALIKE = 10.0  # Lab units: how far a pixel's colour may be from the one that it votes for
_OFTEN = 0.5
_ASIDE = {"left": -29, "centre": 0, "right": 29}  # pixels from the middle


def votes(pixels: npt.NDArray[np.uint8], told: Mapping[str, str]) -> Floats:
    """How much of the subject has each colour, (22,): first where its own paint should be, then in the rest of it.

    Args:
        pixels: (128, 128, 3).
        told: the scene's ``sky``, ``land``, ``subject`` (which has a paint: no moon), ``style``, and its ``place``:
            ``left``, ``centre`` or ``right``.
    """
    subject = cast(Subject, told["subject"])
    shades = subject_shades(subject, cast(Sky, told["sky"]), cast(Style, told["style"]))
    picture, aside = lab(pixels), _ASIDE[told["place"]]
    parts = []
    for ys, xs, often in _regions(subject, told["land"] == "sea" and subject in ("boat", "lighthouse")):
        there = picture[ys, np.clip(xs + aside, 0, picture.shape[1] - 1)]
        alike = np.exp(-np.square(distances(there, shades) / _ALIKE) / 2)  # (pixels, 11)
        parts.append(often @ alike / often.sum())
    return np.concatenate(parts).astype(np.float32)


@cache
def _regions(subject: Subject, afloat: bool) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]]:
    """Rows and columns of the pixels that often show the own paint of a subject in the middle, and of those that often
    show what else there is of it, each with how often.

    Found by painting: where pictures differ that are alike but for the subject's colour, there it shows; where they
    differ that are alike but for the subject, there it is.
    """
    own, all_of_it = np.zeros((2, 128, 128), np.float32)
    land: Land = "sea" if afloat else "meadow"
    scenes = Scene("day", land, subject, "red"), Scene("day", land, subject, "blue"), Scene("day", land)
    for seed in range(_PAINTINGS):
        red, blue, none = (paint(scene, np.random.default_rng(seed)).astype(np.float32) for scene in scenes)
        change = np.abs(red - blue).sum(axis=2)
        own += change > 0.85 * np.percentile(change[change > 0], 95)  # less is a darker or lighter part
        all_of_it += np.abs(red - none).sum(axis=2) > 12
    regions = []
    for often in (own / _PAINTINGS, np.where(own < 0.3 * _PAINTINGS, all_of_it, 0) / _PAINTINGS):
        ys, xs = np.nonzero(often > _OFTEN)
        regions.append((ys, xs, often[ys, xs].astype(np.float32)))
    return regions
