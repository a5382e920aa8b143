"""What a row of a forward costs, measured while serving."""

from collections.abc import Hashable


class Meter:
    """Seconds per row, smoothed, for the largest number of rows that shared a forward so far.

    Cost estimates speak of a full batch, where a row is cheapest, so smaller batches don't count once a larger one was
    seen. The first forward of each size is warm-up and left out.

    Args:
        smoothing: weight of the newest measurement, 0 to 1.
    """

    def __init__(self, smoothing: float = 0.1) -> None:
        self._smoothing = smoothing
        self._rows = 0
        self._warm: set[tuple[Hashable, int]] = set()
        self._seconds_per_row: float | None = None

    def record(self, shape: Hashable, rows: int, seconds: float, scale: float) -> None:
        """One forward of ``rows`` rows took ``seconds``.

        ``shape`` tells forwards apart whose first run is warm-up; ``scale`` is the cost of a row of this size relative
        to one of the default size (the ratio of pixels).
        """
        if (shape, rows) not in self._warm:
            self._warm.add((shape, rows))
            return
        if rows < self._rows:
            return
        measured = seconds / rows / scale
        if rows > self._rows or self._seconds_per_row is None:
            self._rows, self._seconds_per_row = rows, measured
        else:
            self._seconds_per_row += self._smoothing * (measured - self._seconds_per_row)

    @property
    def seconds_per_row(self) -> float | None:
        """Seconds of one row of one forward at the default size; ``None`` until measured."""
        return self._seconds_per_row
