"""Kernel ridge regression: which of some classes a row of features belongs to, in closed form."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]

_WIDTH = 1.0
_PENALTY = 0.01


class Ridge:
    """Fitted on examples, answers a score for every class: near 1 for the class of alike examples, near 0 for others.

    The kernel is Gaussian, as wide as the median distance between two examples (the usual heuristic), so nothing is
    tuned to the data.

    Args:
        features: (examples, features).
        targets: (examples, classes), 1 where an example is of a class, otherwise 0.
    """

    def __init__(self, features: Floats, targets: Floats) -> None:
        self._middle = features.mean(axis=0)
        self._examples = features - self._middle
        self._squares = np.square(self._examples).sum(axis=1)
        self._base = targets.mean(axis=0)
        distances = self._distances(self._examples)
        self._scale = _WIDTH / float(np.median(distances))
        kernel = np.exp(-self._scale * distances)
        kernel[np.diag_indices_from(kernel)] += _PENALTY
        self._weights: Floats = np.linalg.solve(kernel, targets - self._base).astype(np.float32)

    def __call__(self, features: Floats) -> Floats:
        """The scores (classes,) of one row of features (features,)."""
        kernel = np.exp(-self._scale * self._distances((features - self._middle)[None]))
        scores: Floats = (kernel @ self._weights)[0] + self._base
        return scores

    def _distances(self, rows: Floats) -> Floats:
        """Squared distances (rows, examples)."""
        squares = np.square(rows).sum(axis=1)[:, None] + self._squares
        return np.maximum(squares - 2 * rows @ self._examples.T, 0)
