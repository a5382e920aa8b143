"""Draws a picture to paint by lot: what the models learn from, in the shares in which they should know it."""

from typing import Literal, TypeVar, get_args

import numpy as np

from deployments.demo.world.picture import (
    HOME,
    Colour,
    Figure,
    Kind,
    Land,
    Picture,
    Place,
    Scale,
    Scene,
    Shapes,
    Sky,
    Style,
    Subject,
)

_T = TypeVar("_T")

_KINDS: tuple[Kind, ...] = get_args(Kind)
_COLOURS: tuple[Colour, ...] = get_args(Colour)
_PLACES: tuple[Place, ...] = get_args(Place)
_SKIES: tuple[Sky, ...] = get_args(Sky)
_LANDS: tuple[Land, ...] = get_args(Land)
_SUBJECTS: tuple[Subject, ...] = get_args(Subject)
_STYLES: tuple[Style, ...] = get_args(Style)

_NEAR: tuple[frozenset[Colour], ...] = (
    frozenset({"red", "brown"}),
    frozenset({"red", "orange"}),
    frozenset({"orange", "brown"}),
    frozenset({"orange", "yellow"}),
    frozenset({"red", "pink"}),
    frozenset({"blue", "purple"}),
    frozenset({"purple", "pink"}),
    frozenset({"black", "brown"}),
    frozenset({"black", "grey"}),
    frozenset({"grey", "white"}),
)
"""Colours too close to be told apart at a glance: never a figure on its background."""


def draw(rng: np.random.Generator) -> Picture:
    """A picture by lot: two in five are shapes, the others scenes."""
    return draw_shapes(rng) if rng.random() < 0.4 else draw_scene(rng)


def draw_shapes(rng: np.random.Generator) -> Shapes:
    """One figure, or (one time in six) two, mostly in the middle, in medium size and on plain paper."""
    style = _pick(rng, _STYLES) if rng.random() < 0.3 else "plain"
    background = _pick(rng, _COLOURS) if rng.random() < 0.62 else None
    if style == "night":
        background = None  # a dark sky
    on: Colour = "black" if style == "night" else background or "white"
    if rng.random() < 1 / 6:
        one, other = _apart(rng, on), _apart(rng, on)
        while other == one or frozenset({one, other}) in _NEAR:
            other = _apart(rng, on)
        pairs: tuple[tuple[Place, Place], ...] = (("left", "right"), ("top", "bottom"))
        first, second = pairs[int(rng.random() < 0.3)]
        figures: tuple[Figure, ...] = (
            Figure(_pick(rng, _KINDS), one, "medium", first),
            Figure(_pick(rng, _KINDS), other, "medium", second),
        )
    else:
        scale: Scale = "medium" if rng.random() < 0.5 else ("small", "large")[int(rng.random() < 0.5)]
        place: Place = "centre" if rng.random() < 0.5 else _pick(rng, _PLACES)
        figures = (Figure(_pick(rng, _KINDS), _apart(rng, on), scale, place),)
    return Shapes(figures, background, style)


def draw_scene(rng: np.random.Generator) -> Scene:
    """A landscape, three times in four with someone in it, who is at home there half of the time."""
    style: Style = _pick(rng, ("flat", "watercolour", "pastel")) if rng.random() < 0.25 else "plain"
    subject: Subject | None = None if rng.random() < 0.27 else _pick(rng, _SUBJECTS)
    land, sky = _pick(rng, _LANDS), _pick(rng, _SKIES)
    if subject is None:
        return Scene(sky, land, style=style)
    if rng.random() < 0.4:
        land = _pick(rng, HOME[subject])
    if subject == "moon":
        return Scene("night" if rng.random() < 0.8 else "sunset", land, subject, style=style)
    colour = _pick(rng, _COLOURS) if rng.random() < 0.6 else None
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    place = _pick(rng, sides) if rng.random() < 0.25 else "centre"
    return Scene(sky, land, subject, colour, place, style)


def _apart(rng: np.random.Generator, background: Colour) -> Colour:
    """A colour that stands out from ``background``."""
    while True:
        colour = _pick(rng, _COLOURS)
        if colour != background and frozenset({colour, background}) not in _NEAR:
            return colour


def _pick(rng: np.random.Generator, choices: tuple[_T, ...]) -> _T:
    return choices[int(rng.integers(len(choices)))]
