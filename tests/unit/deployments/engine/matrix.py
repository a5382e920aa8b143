"""What the matrices share: a request for each case, and a sample in which everything that has to occur does."""

from collections.abc import Callable, Hashable, Iterable, Set
from itertools import combinations
from typing import Any, Protocol, TypeVar

import pytest

from deployments.catalog import CATALOG
from deployments.engine import GenerationRequest
from tests.unit.deployments.engine.gallery import blot, photo

SAMPLED = ("sd15", "sdxl", "sd3-medium", "flux-dev")
"""One model of each pipeline; the others differ from them in sizes and schedules."""

FAMILIES = ("sd15", "sd3-medium", "flux-dev")
"""One model of each family, which is what batches are made by."""


def every_model(*sampled: str) -> list[Any]:
    """All models as a test's parameters; those that are not among these, or :data:`SAMPLED`, are for ``make full``."""
    return [pytest.param(model, marks=() if model in (sampled or SAMPLED) else pytest.mark.slow) for model in CATALOG]


class Case(Protocol):
    """One way to make a picture; ``sampler`` is empty for the one that the weights ship."""

    @property
    def model(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def sampler(self) -> str: ...
    @property
    def lora(self) -> bool: ...


AnyCase = TypeVar("AnyCase", bound=Hashable)


def wish(case: Case, number: int, *, steps: int, strength: float) -> GenerationRequest:
    """Different in prompt, seed, guidance, picture and mask for each ``number``; the same in every run.

    ``strength`` is for the modes that begin with a picture.
    """
    fields: dict[str, Any] = {
        "model": case.model,
        "prompt": f"{number} boats on a lake",
        "seed": number,
        "steps": steps,
        "sampler": case.sampler or None,
        "width": 64,
        "height": 64,
        "preview_every": 0,
        "loras": [{"name": "ink", "scale": 0.8}] if case.lora else [],
    }
    if CATALOG[case.model].capabilities.supports_guidance:
        fields["guidance"] = (7.5, 1.0, 3.25)[number % 3]
    if "image to image" in case.mode or "inpainting" in case.mode:
        fields |= {"image": photo(number % 7), "strength": strength}
    if "inpainting" in case.mode:
        fields["mask"] = blot(number)
    if "control" in case.mode:
        fields |= {"control_image": photo(number % 5), "controlnet": "edges", "control_end": (0.6, 1.0)[number % 2]}
    return GenerationRequest.model_validate(fields)


def pairs(**values: Hashable) -> frozenset[Hashable]:
    """Each two of these, with their names."""
    return frozenset(combinations(sorted(values.items()), 2))


def covering(
    cases: Iterable[AnyCase],
    facts: Callable[[AnyCase], Set[Hashable]],
    weights: Callable[[AnyCase], Hashable] = lambda _: None,
) -> frozenset[AnyCase]:
    """Cases, chosen greedily, that have every fact of any case; of equals one whose ``weights`` are needed anyway."""
    told = {case: facts(case) for case in cases}
    left = set[Hashable]().union(*told.values())
    chosen: set[AnyCase] = set()
    loaded: set[Hashable] = set()
    while left:
        best = max(told, key=lambda case: (len(left & told[case]), weights(case) in loaded))
        chosen.add(best)
        loaded.add(weights(best))
        left -= told[best]
    return frozenset(chosen)
