"""Reads pictures of figures: all by measuring; only the style, which shows in many small ways, by comparing."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from deployments.demo.check.colours import background_shades, figure_shades, nearest
from deployments.demo.check.features import lab
from deployments.demo.check.figures import PAPER, Found, Ground, figures_on, ground_of
from deployments.demo.check.painted import Pixels
from deployments.demo.check.ridge import Floats, Ridge
from deployments.demo.world.labels import CLASSES
from deployments.demo.world.picture import Shapes as Painted
from deployments.demo.world.picture import Style

_STYLES = cast(Sequence[Style], CLASSES["style"])


class Shapes:
    """Fitted on painted pictures of figures in all styles."""

    def __init__(self, examples: Sequence[tuple[Painted, Pixels]]) -> None:
        rows = [_marks(picture, *_look(picture)) for picture in (lab(pixels) for _, pixels in examples)]
        targets = [[picture.style == style for style in _STYLES] for picture, _ in examples]
        self._style = Ridge(np.stack(rows), np.asarray(targets, np.float32))

    def read(self, pixels: npt.NDArray[np.uint8]) -> dict[str, str]:
        """Figures, background and style of a picture (128, 128, 3). Plain paper is read as white, by night as black."""
        picture = lab(pixels)
        ground, found = _look(picture)
        style = _STYLES[int(self._style(_marks(picture, ground, found)).argmax())]
        told = {
            "figures": str(len(found)),
            "background": nearest(ground.colour, background_shades(style))[0],
            "style": style,
        }
        names = [nearest(figure.colour, figure_shades(style))[0] for figure in found]
        if len(found) == 1:
            told |= {"kind": found[0].kind, "colour": names[0], "scale": found[0].scale, "place": found[0].place}
        if len(found) == 2:
            one, other = found
            across, down = (abs(one.centre[axis] - other.centre[axis]) for axis in (0, 1))
            told |= {"kind": one.kind, "colour": names[0], "other kind": other.kind, "other colour": names[1]}
            told |= {"scale": one.scale, "place": "left" if across >= down else "top"}
        return told


def _look(picture: Floats) -> tuple[Ground, list[Found]]:
    ground = ground_of(picture)
    return ground, figures_on(picture, ground)


def _marks(picture: Floats, ground: Ground, found: Sequence[Found]) -> Floats:
    """What may betray the style of a Lab picture, as (33,) numbers of about the size of 1.

    How far its colours are from the palette in each style, how even the ground is, how even the figure is in colour
    and outline, and whether the outermost pixels are paper.
    """
    grounds = np.array([nearest(ground.colour, background_shades(style))[1] for style in _STYLES])
    colours = [[nearest(figure.colour, figure_shades(style))[1] for style in _STYLES] for figure in found]
    figures = np.mean(colours, axis=0) if colours else np.full(len(_STYLES), 30.0)
    both = grounds + figures
    size = len(picture)
    rings = [
        float(np.linalg.norm(picture[step, step : size - step] - picture[step + 2, step : size - step], axis=1).mean())
        for step in range(5)
    ]
    first = found[0] if found else None
    numbers = (
        *grounds / 8,
        *figures / 8,
        *(both - both.min()) / 8,
        *ground.slope / 5,
        np.linalg.norm(ground.slope) / 5,
        first.spread / 5 if first else 0.0,
        first.likeness * 5 if first else 0.0,
        *ground.colour / 30,
        *(first.colour if first else ground.colour) / 60,
        *np.array(rings) / 5,
        float(np.linalg.norm(picture[0] - PAPER, axis=1).mean()) / 30,
    )
    return np.minimum(np.asarray(numbers, np.float32), 6)
