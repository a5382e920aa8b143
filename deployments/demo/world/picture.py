"""What a picture can show: plain data, shared by the painter, the captions and the check that reads pixels."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal[
    "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "black", "grey"
]
Kind: TypeAlias = Literal["circle", "square", "triangle", "star", "heart", "diamond"]
Scale: TypeAlias = Literal["small", "medium", "large"]
Place: TypeAlias = Literal[
    "centre", "left", "right", "top", "bottom", "top left", "top right", "bottom left", "bottom right"
]
Sky: TypeAlias = Literal["day", "sunset", "night", "storm"]
Land: TypeAlias = Literal["mountains", "sea", "beach", "desert", "city", "meadow"]
Subject: TypeAlias = Literal["robot", "house", "tree", "boat", "cat", "lighthouse", "balloon", "moon"]
Style: TypeAlias = Literal["plain", "flat", "watercolour", "pastel", "night"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One shape. ``place`` is the part of the picture that its middle lies in."""

    kind: Kind
    colour: Colour
    scale: Scale = "medium"
    place: Place = "centre"


@dataclass(frozen=True, slots=True)
class Shapes:
    """One figure, or two side by side or one above the other, on a background.

    ``background`` is None where nothing is said of it: a pale paper.
    """

    figures: tuple[Figure, ...]
    background: Colour | None = None
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Scene:
    """A landscape under a sky, with or without someone in it.

    ``colour`` is the subject's; None means the one that such a thing usually has. Style ``night`` is no style of a
    scene: its sky says it.
    """

    sky: Sky
    land: Land
    subject: Subject | None = None
    colour: Colour | None = None
    place: Literal["centre", "left", "right"] = "centre"
    style: Style = "plain"


Picture: TypeAlias = Shapes | Scene

HOME: dict[Subject, tuple[Land, ...]] = {
    "robot": ("meadow",),
    "house": ("meadow",),
    "tree": ("meadow",),
    "boat": ("sea",),
    "cat": ("meadow",),
    "lighthouse": ("sea",),
    "balloon": ("mountains",),
    "moon": ("mountains",),
}
"""Where a subject is when nothing is said of the place."""
