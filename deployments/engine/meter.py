"""What a row of a forward costs, measured while serving."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from math import log

_SHAPES = 64
"""Shapes remembered; the longest unused is forgotten."""


@dataclass(slots=True)
class _Estimate:
    """Of one shape: the most rows that shared a forward, and seconds per row, then or (until ``warm``) with fewer."""

    scale: float
    rows: int
    seconds_per_row: float | None
    warm: bool = False


class Meter:
    """Seconds per row by shape, smoothed, for the largest number of rows that shared a forward of that shape.

    Cost estimates speak of a full batch, where a row is cheapest, so smaller batches don't count once a larger one was
    seen. The first forward of each size is warm-up and left out. Shapes are kept apart: a small image's forward is
    bound by launches, and its cost says nothing about a large one's.

    Args:
        smoothing: weight of the newest measurement, 0 to 1.
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        self._smoothing = smoothing
        self._shapes: OrderedDict[Hashable, _Estimate] = OrderedDict()

    def record(self, shape: Hashable, rows: int, seconds: float, scale: float) -> None:
        """One forward of ``rows`` rows of ``shape`` took ``seconds``.

        ``scale`` is the cost of a row of this shape relative to one of the default size (the ratio of pixels).
        """
        estimate = self._shapes.get(shape)
        if estimate is None or rows > estimate.rows:
            kept = estimate.seconds_per_row if estimate else None
            self._shapes[shape] = _Estimate(scale, rows, kept)
            self._shapes.move_to_end(shape)
            if len(self._shapes) > _SHAPES:
                self._shapes.popitem(last=False)
            return
        self._shapes.move_to_end(shape)
        if rows < estimate.rows:
            return
        measured = seconds / rows
        if estimate.seconds_per_row is None or not estimate.warm:
            estimate.seconds_per_row, estimate.warm = measured, True
        else:
            estimate.seconds_per_row += self._smoothing * (measured - estimate.seconds_per_row)

    @property
    def seconds_per_row(self) -> float | None:
        """Seconds of one row of one forward at the default size; ``None`` until measured.

        Taken from the measured shape that is closest to the default size, scaled by pixels.
        """
        measured = [
            (abs(log(estimate.scale)), estimate.seconds_per_row / estimate.scale)
            for estimate in tuple(self._shapes.values())
            if estimate.seconds_per_row is not None
        ]
        return min(measured)[1] if measured else None
