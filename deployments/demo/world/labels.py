"""A picture's description as a row of class numbers: what a text encoder has to understand."""

from collections.abc import Mapping
from typing import get_args

from deployments.demo.world.picture import Colour, Kind, Land, Picture, Place, Scale, Scene, Sky, Style, Subject
from deployments.demo.world.subjects import USUAL

_NONE = "none"

CLASSES: Mapping[str, tuple[str, ...]] = {
    "figures": ("0", "1", "2"),
    "kind": (_NONE, *get_args(Kind)),
    "colour": (_NONE, *get_args(Colour)),
    "scale": (_NONE, *get_args(Scale)),
    "place": (_NONE, *get_args(Place)),
    "other kind": (_NONE, *get_args(Kind)),
    "other colour": (_NONE, *get_args(Colour)),
    "background": (_NONE, *get_args(Colour)),
    "sky": (_NONE, *get_args(Sky)),
    "land": (_NONE, *get_args(Land)),
    "subject": (_NONE, *get_args(Subject)),
    "style": get_args(Style),
}
"""What can be told of a picture, and its possible values; ``colour`` and ``place`` are of the figure or the subject."""


def labels(picture: Picture) -> dict[str, str]:
    """The value of every one of :data:`CLASSES`."""
    told = dict.fromkeys(CLASSES, _NONE) | {"style": picture.style, "figures": "0"}
    if isinstance(picture, Scene):
        told |= {"sky": picture.sky, "land": picture.land}
        if picture.subject is not None:
            told |= {"subject": picture.subject, "colour": picture.colour or USUAL[picture.subject]}
        if picture.subject not in (None, "moon"):  # a moon is anywhere in the sky
            told |= {"place": picture.place}
        return told
    first = picture.figures[0]
    told |= {"figures": str(len(picture.figures)), "background": picture.background or _NONE}
    told |= {"kind": first.kind, "colour": first.colour, "scale": first.scale, "place": first.place}
    if len(picture.figures) == 2:
        told |= {"other kind": picture.figures[1].kind, "other colour": picture.figures[1].colour}
    return told
