"""The palette as it looks once light and style have had their way, and which of its colours a measured one is."""

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias, get_args

import numpy as np

from deployments.demo.check.features import lab
from deployments.demo.check.ridge import Floats
from deployments.demo.world.paint import PASTEL, PASTEL_SHARE, WASH, WASH_SHARE
from deployments.demo.world.palette import COLOURS, PAPERS, RGB, darker, lighter, mix
from deployments.demo.world.picture import Colour, Sky, Style, Subject
from deployments.demo.world.shapes import GLINT, SHADE, by_night
from deployments.demo.world.skies import LIGHTS
from deployments.demo.world.subjects import LIGHT_SHARE, paint_of

NAMES: tuple[Colour, ...] = get_args(Colour)

Shades: TypeAlias = Floats
"""For each of :data:`NAMES` the Lab colours that count as it: (11, shades, 3)."""


@cache
def subject_shades(subject: Subject, sky: Sky, style: Style) -> Shades:
    """How each colour looks on a subject in the light of ``sky``."""
    light = LIGHTS[sky]

    lit = [mix(paint_of(subject, name), light.tint, light.strength * LIGHT_SHARE) for name in NAMES]
    return _shades([_styled(colour, style) for colour in lit])


@cache
def figure_shades(style: Style) -> Shades:
    """How each colour looks on a figure. All but the flat ones catch a little light."""
    glint = 0.0 if style == "flat" else GLINT
    return _shades([_styled(lighter(COLOURS[name], glint), style) for name in NAMES])


@cache
def background_shades(style: Style) -> Shades:
    """How each colour looks as a background. Paper, which nobody asked for, counts as white, and by night as black."""
    if style == "night":
        shades = {name: [_shaded(by_night(COLOURS[name], said=True))] for name in NAMES}
        shades["black"] += [_shaded(by_night(paper, said=False)) for paper in PAPERS]
    else:
        shades = {name: _styled(_shaded(COLOURS[name]), style) for name in NAMES}
        shades["white"] += [shade for paper in PAPERS for shade in _styled(_shaded(paper), style)]
    return _shades([shades[name] for name in NAMES])


def nearest(colour: Floats, shades: Shades) -> tuple[str, float]:
    """The name of the colour that the Lab colour (3,) is, and how far it is from it."""
    far = distances(colour, shades)
    closest = int(far.argmin())
    return NAMES[closest], float(far[closest])


def distances(colours: Floats, shades: Shades) -> Floats:
    """How far Lab colours (..., 3) are from each of :data:`NAMES`, (..., 11), each by its closest shade."""
    apart = np.linalg.norm(colours[..., None, None, :] - shades, axis=-1)  # (..., 11, shades)
    far: Floats = apart.min(axis=-1)
    return far


def _shaded(colour: RGB) -> RGB:
    """The middle of a background's gradient, as paint_shapes makes it."""
    return mix(lighter(colour, SHADE), darker(colour, SHADE), 0.5)


def _styled(colour: RGB, style: Style) -> list[RGB]:
    """What the painter's styles make of ``colour``; a watercolour's pigment is thicker in one place than in another."""
    if style == "pastel":
        return [mix(colour, PASTEL, PASTEL_SHARE)]
    if style == "watercolour":
        return [mix(colour, WASH, WASH_SHARE + more) for more in (-0.1, 0.0, 0.1)]
    return [colour]


def _shades(colours: Sequence[Sequence[RGB]]) -> Shades:
    """Colours that have different numbers of shades as one array: the last shade of those that have fewer repeats."""
    most = max(map(len, colours))
    filled = [[*these, *[these[-1]] * (most - len(these))] for these in colours]
    return lab(np.asarray(filled, np.float32))
