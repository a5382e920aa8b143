"""Whatever is made, in whatever way: saved, and taken up by another engine, it is the same picture, byte for byte.

``make test`` runs a sample in which every pair of values occurs; ``make full`` runs all of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest

from deployments.catalog import CATALOG, card_for
from deployments.engine import GenerationRequest
from deployments.engine.loader import LoadedModel, load
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.lora_files import write_diffusers
from tests.unit.deployments.engine.pairs import covering
from tests.unit.deployments.engine.resuming import recorded, resumed
from tests.unit.deployments.engine.test_controlnet import write_controlnet

MODES = ("text", "image", "inpainting", "inpainting UNet", "control", "control, inpainting UNet")
SAMPLED = ("sd15", "sdxl", "sd3-medium", "flux-dev")
"""One model of each family; the others differ from them in sizes and schedules."""


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


@cache
def sample() -> frozenset[Case]:
    return covering(case for case in every_case() if case.model in SAMPLED and case.mode != MODES[-1])


def wish(case: Case) -> GenerationRequest:
    """Different in prompt, seed, steps, guidance and strength from case to case; the same in every run."""
    number = every_case().index(case)
    fields: dict[str, Any] = {
        "model": case.model,
        "prompt": f"{number} boats on a lake",
        "seed": number,
        "steps": 4 + number % 2,
        "sampler": case.sampler or None,
        "width": 64,
        "height": 64,
        "preview_every": 0,
        "loras": [{"name": "ink", "scale": 0.8}] if case.lora else [],
    }
    if card_for(case.model).capabilities.supports_guidance:
        fields["guidance"] = (7.5, 1.0, 3.25)[number % 3]
    if case.mode == "image" or "inpainting" in case.mode:
        fields |= {"image": photo(number % 7), "strength": (0.6, 1.0, 0.75, 0.8)[number % 4]}
    if "inpainting" in case.mode:
        fields["mask"] = blot(number)
    if "control" in case.mode:
        fields |= {"control_image": photo(number % 5), "controlnet": "edges", "control_end": (0.6, 1.0)[number % 2]}
    return GenerationRequest.model_validate(fields)


@pytest.fixture(scope="module")
def engines(
    request: pytest.FixtureRequest,
    inpaint_weights: Callable[[str, bool], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[LoadedModel, LoadedModel]]:
    """One model, loaded twice."""
    model, blanks = request.param
    folder, scratch = inpaint_weights(model, blanks), tmp_path_factory.mktemp("loras")
    pipeline = getattr(diffusers, card_for(model).pipeline).from_pretrained(folder)
    controlnets = {}
    if card_for(model).family == "unet":
        write_controlnet(pipeline, scratch / "edges", seed=1)
        controlnets["edges"] = str(scratch / "edges")
    write_diffusers(pipeline, scratch, "ink")
    spec = LoadSpec(model, weights=str(folder), device="cpu", loras=str(scratch), controlnets=controlnets)
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
