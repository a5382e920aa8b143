"""A sample of many cases in which every pair of values occurs."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from itertools import combinations
from typing import Any, TypeVar

Case = TypeVar("Case")


def covering(cases: Iterable[Case]) -> frozenset[Case]:
    """Cases, frozen dataclasses, in which every pair of values that can occur together does, chosen greedily."""
    every = tuple(cases)
    left = {pair for case in every for pair in pairs(case)}
    chosen = set()
    while left:
        best = max(every, key=lambda case: len(left & pairs(case)))
        chosen.add(best)
        left -= pairs(best)
    return frozenset(chosen)


@cache
def pairs(case: Any) -> frozenset[Any]:
    """The pairs of a case's fields, with their values."""
    return frozenset(combinations(asdict(case).items(), 2))
