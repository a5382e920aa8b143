"""Everything that stock diffusers can do, done alone: the same bytes; model by mode by sampler by LoRA by weights.

``make test`` runs a sample in which every pair of values occurs that can have to do with each other; ``make full`` runs
all of it and writes ``docs/fidelity.md``, where a hole can be seen.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from deployments.catalog import CATALOG
from deployments.engine import Engine, GenerationRequest
from tests.unit.deployments.engine import matrix
from tests.unit.deployments.engine.stock import Stock
from tests.unit.deployments.engine.weight_formats import (
    FORMATS,
    engine_options,
    formats_of,
    small_files,
    stock_pipeline,
)

TABLE = Path(__file__).parents[4] / "docs/fidelity.md"
MODES = ("text to image", "image to image", "inpainting", "inpainting UNet")


@dataclass(frozen=True, order=True)
class Case:
    """One way to make a picture; ``sampler`` is empty for the one that the weights ship."""

    model: str
    mode: str
    sampler: str
    lora: bool
    form: str

    @property
    def weights(self) -> tuple[str, str, bool]:
        """The model, the form of its weights, and whether its UNet takes the blanked picture as an input."""
        return self.model, self.form, self.mode == "inpainting UNet"

    def __str__(self) -> str:
        return f"{self.model}, {self.mode}, {self.sampler or 'shipped'}{', LoRA' * self.lora}, {self.form}"


@cache
def every_case() -> tuple[Case, ...]:
    return tuple(
        Case(model, mode, sampler, lora, form)
        for model, card in CATALOG.items()
        for form, mode, sampler, lora in product(
            formats_of(model), MODES, ("", *card.capabilities.samplers), (False, True)
        )
        if mode != "inpainting UNet" or card.family == "unet"
    )


def facts(case: Case) -> frozenset[Hashable]:
    """What has to occur in the sample. A model's pipeline and its mode are what all else can have to do with."""
    way = {"pipeline": CATALOG[case.model].pipeline, "mode": case.mode}
    others = {"sampler": case.sampler}, {"form": case.form, "lora": case.lora}
    every_model = matrix.pairs(model=case.model, mode=case.mode)
    return every_model.union(*(matrix.pairs(**way, **values) for values in others))


@cache
def sample() -> frozenset[Case]:
    return matrix.covering(every_case(), facts, lambda case: case.weights)


@pytest.fixture(scope="module")
def sides(
    request: pytest.FixtureRequest, inpaint_weights: Callable[[str, bool], Path], ink: Callable[[Path], Path]
) -> Iterator[tuple[Engine, Stock]]:
    """Ours and theirs, on the same weights and with the same LoRA."""
    model, form, blanks = request.param
    folder = inpaint_weights(model, blanks)
    options = engine_options(form, folder)
    with (
        small_files(model, form, folder),
        Engine.load(model, device="cpu", loras=str(ink(folder)), **options) as engine,
    ):
        yield engine, Stock(model, stock_pipeline(model, form, folder), ink(folder))


@pytest.fixture(scope="module")
def results() -> Iterator[dict[Case, bool]]:
    """What was found; written down if nothing was left out."""
    found: dict[Case, bool] = {}
    yield found
    if found.keys() == set(every_case()):
        TABLE.write_text(table(found))


def wish(case: Case) -> GenerationRequest:
    number = every_case().index(case)
    return matrix.wish(case, number, steps=4 + number % 3, strength=(0.6, 1.0, 0.45, 0.8)[number % 4])


@pytest.mark.parametrize(
    ("sides", "case"),
    [
        pytest.param(case.weights, case, id=str(case), marks=() if case in sample() else pytest.mark.slow)
        for case in sorted(every_case(), key=lambda case: case.weights)
    ],
    indirect=["sides"],
    scope="module",  # else every case would load its model again
)
def test_it_is_the_stock_pipelines_picture_byte_for_byte(
    sides: tuple[Engine, Stock], case: Case, results: dict[Case, bool]
) -> None:
    engine, stock = sides
    request = wish(case)
    equal = np.array_equal(np.asarray(engine.generate(request).images[0]), stock(request))
    results[case] = equal
    assert equal


def test_the_sample_has_every_fact_and_is_far_from_all() -> None:
    assert {fact for case in sample() for fact in facts(case)} == {
        fact for case in every_case() for fact in facts(case)
    }
    assert len(sample()) < len(every_case()) / 20


def table(found: dict[Case, bool]) -> str:
    """The page that says what was compared."""

    def cell(**wanted: str) -> str:
        cases = [case for case in found if wanted.items() <= asdict(case).items()]
        equal = sum(found[case] for case in cases)
        return f"{equal} of {len(cases)}" if cases else "—"

    rows = [f"| {model} | {' | '.join(cell(model=model, mode=mode) for mode in MODES)} |" for model in CATALOG]
    forms = [f"| {model} | {' | '.join(cell(model=model, form=form) for form in FORMATS)} |" for model in CATALOG]
    samplers = {card.family: card.capabilities.samplers for card in CATALOG.values()}
    return "\n".join(
        [
            "# Fidelity",
            "",
            "Pictures of Darkroom's engine that are the stock diffusers pipeline's, byte for byte, of those compared:",
            "on a CPU in float32, alone, small models of the real architectures with random weights, the same request",
            "and seed. Each cell counts every sampler of the model, and the one its weights ship, without and with a",
            "LoRA, in every form of weights. Written by `make full`",
            "(`tests/unit/deployments/engine/test_fidelity_matrix.py`).",
            "",
            f"| model | {' | '.join(MODES)} |",
            f"|---|{'---|' * len(MODES)}",
            *rows,
            "",
            "The same pictures by the form of the weights: a folder in diffusers layout, one safetensors checkpoint,",
            "GGUF (Q8_0), and linear layers of denoiser and text encoders in int8 or fp8, against stock with the same.",
            "",
            f"| model | {' | '.join(FORMATS)} |",
            f"|---|{'---|' * len(FORMATS)}",
            *forms,
            "",
            "Samplers: " + "; ".join(f"{family}: {', '.join(names)}" for family, names in samplers.items()) + ".",
            "",
            "In batches, with neighbours of all modes, samplers and LoRAs that come and go, decoded floats differ from",
            "stock by at most 1e-4, and 8-bit pixels by at most 1 (`test_fidelity*.py` beside it).",
            "ControlNets of SD 1.5 and SDXL are compared in every mode, alone and mixed, in `test_controlnet.py`.",
            "",
        ]
    )
