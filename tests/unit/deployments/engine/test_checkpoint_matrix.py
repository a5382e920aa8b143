"""Whatever is made, in whatever way: saved, and taken up by another engine, it is the same picture, byte for byte.

``make test`` runs a sample in which every pair of values occurs that can have to do with each other; ``make full`` runs
all of it.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import diffusers
import numpy as np
import pytest

from deployments.catalog import CATALOG
from deployments.engine import GenerationRequest
from deployments.engine.loader import LoadedModel, load
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine import matrix
from tests.unit.deployments.engine.resuming import recorded, resumed
from tests.unit.deployments.engine.test_controlnet import write_controlnet

MODES = ("text to image", "image to image", "inpainting", "inpainting UNet", "control", "control, inpainting UNet")


@dataclass(frozen=True, order=True)
class Case:
    """One way to make a picture; ``sampler`` is empty for the one that the weights ship."""

    model: str
    mode: str
    sampler: str
    lora: bool

    @property
    def weights(self) -> tuple[str, bool]:
        """The model, and whether its UNet takes the blanked picture as an input."""
        return self.model, "inpainting UNet" in self.mode

    def __str__(self) -> str:
        return f"{self.model}, {self.mode}, {self.sampler or 'shipped'}{', LoRA' * self.lora}"


@cache
def every_case() -> tuple[Case, ...]:
    return tuple(
        Case(model, mode, sampler, lora)
        for model, card in CATALOG.items()
        for mode, sampler, lora in product(MODES, ("", *card.capabilities.samplers), (False, True))
        if card.family == "unet" or ("UNet" not in mode and "control" not in mode)
    )


def facts(case: Case) -> frozenset[Hashable]:
    """What has to occur in the sample; ``test_checkpoint.py`` has every sampler's state cut wherever it can be."""
    family = CATALOG[case.model].family
    return matrix.pairs(family=family, sampler=case.sampler) | matrix.pairs(
        model=case.model, mode=case.mode, lora=case.lora
    )


@cache
def sample() -> frozenset[Case]:
    cases = [case for case in every_case() if case.model in matrix.SAMPLED and case.mode != MODES[-1]]
    return matrix.covering(cases, facts, lambda case: case.weights)


def wish(case: Case) -> GenerationRequest:
    number = every_case().index(case)
    return matrix.wish(case, number, steps=4 + number % 2, strength=(0.6, 1.0, 0.75, 0.8)[number % 4])


@pytest.fixture(scope="module")
def engines(
    request: pytest.FixtureRequest,
    inpaint_weights: Callable[[str, bool], Path],
    ink: Callable[[Path], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LoadedModel, LoadedModel]]:
    """One model, loaded twice."""
    model, blanks = request.param
    folder, controlnets = inpaint_weights(model, blanks), {}
    if CATALOG[model].family == "unet":
        edges = tmp_path_factory.mktemp("controlnets") / "edges"
        write_controlnet(getattr(diffusers, CATALOG[model].pipeline).from_pretrained(folder), edges, seed=1)
        controlnets["edges"] = str(edges)
    spec = LoadSpec(model, weights=str(folder), device="cpu", loras=str(ink(folder)), controlnets=controlnets)
    yield load(spec), load(spec)


@pytest.mark.parametrize(
    ("engines", "case"),
    [
        pytest.param(case.weights, case, id=str(case), marks=() if case in sample() else pytest.mark.slow)
        for case in sorted(every_case(), key=lambda case: case.weights)
    ],
    indirect=["engines"],
    scope="module",  # else every case would load its model again
)
def test_resumed_elsewhere_it_is_the_undisturbed_picture_byte_for_byte(
    engines: tuple[LoadedModel, LoadedModel], case: Case
) -> None:
    here, there = engines
    request = wish(case)
    (undisturbed,) = resumed(here, request)
    saved = recorded(here, request)
    assert np.array_equal(saved.images[0], undisturbed)
    steps = sorted(step for _, step in saved.checkpoints)
    assert steps
    for step in {steps[0], steps[-1]}:
        (picture,) = resumed(there, request, {0: saved.checkpoints[0, step]})
        assert np.array_equal(picture, undisturbed), f"after step {step} of {steps[-1] + 1}"
