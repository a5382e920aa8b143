"""Fidelity is law from a picture on, too: image-to-image and inpainting, alone and in company.

One model of each pipeline, and in ``make full`` every one; ``test_fidelity_matrix.py`` has each model in each mode.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deployments.catalog import CATALOG, card_for
from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import Progress
from deployments.engine.families.base import Family
from deployments.engine.loader import load
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.matrix import FAMILIES, every_model
from tests.unit.deployments.engine.stock import Stock

SIZE = (64, 64)
UNETS = [model for model, card in CATALOG.items() if card.family == "unet"]


def wish(model: str, number: int = 0, *, masked: bool, **fields: Any) -> GenerationRequest:
    """A request unlike its neighbours."""
    can = card_for(model).capabilities
    varied: dict[str, Any] = {
        "prompt": f"{number} boats on a lake",
        "seed": 100 + number,
        "steps": 4 + number % 2,
        "strength": (0.6, 1.0, 0.45, 0.8)[number % 4],
        "image": photo(number, SIZE),
    }
    if can.supports_guidance:
        varied["guidance"] = (7.5, 1.0, 3.25)[number % 3]
    if masked:
        varied["mask"] = blot(number, SIZE)
    plain = {"model": model, "preview_every": 0, "width": 64, "height": 64}
    return GenerationRequest.model_validate(plain | varied | fields)


@pytest.fixture(scope="module", params=every_model())
def pair(
    request: pytest.FixtureRequest, inpaint_weights: Callable[[str, bool], Path]
) -> Iterator[tuple[str, Engine, Stock]]:
    folder = inpaint_weights(request.param, False)
    with Engine.load(request.param, weights=str(folder), device="cpu", max_batch=16) as engine:
        yield request.param, engine, Stock(request.param, folder)


def same(engine: Engine, stock: Stock, request: GenerationRequest) -> bool:
    return np.array_equal(np.asarray(engine.generate(request).images[0]), stock(request))


@pytest.mark.parametrize("mask", [False, True], ids=["image to image", "inpainting"])
def test_alone_it_is_the_stock_pipelines_picture_byte_for_byte(pair: tuple[str, Engine, Stock], mask: bool) -> None:
    model, engine, stock = pair
    for number in range(2):
        assert same(engine, stock, wish(model, number, masked=mask)), number


@pytest.mark.parametrize("mask", [False, True], ids=["image to image", "inpainting"])
def test_a_picture_of_another_size_is_resized_as_the_stock_processor_does(
    pair: tuple[str, Engine, Stock], mask: bool
) -> None:
    model, engine, stock = pair
    fields: dict[str, Any] = {"image": photo(size=(200, 90)), "width": 96, "height": 64}
    if mask:
        fields["mask"] = blot(size=(120, 140))
    assert same(engine, stock, wish(model, masked=mask, **fields))


@pytest.mark.parametrize("model", UNETS)
def test_a_unet_made_for_inpainting_does_nothing_else(model: str, inpaint_weights: Callable[[str, bool], Path]) -> None:
    loaded = load(LoadSpec(model, weights=str(inpaint_weights(model, True)), device="cpu"))
    for card in (loaded.card, card_for(model).override(loaded.overrides)):  # the service knows it by the overrides
        assert card.capabilities.inpaint
        assert not card.capabilities.txt2img
        assert not card.capabilities.img2img


def developed(family: Family, requests: list[GenerationRequest]) -> torch.Tensor:
    """Decoded floats in [0, 1], when one more neighbour joins at every step and each leaves when it is done."""
    with torch.no_grad():
        states = [family.start(item) for request in requests for item in family.prepare(request)]
        waiting, running, finished = states[::-1], [], []
        while waiting or running:
            running += [waiting.pop()] if waiting else []
            family.denoise(running)
            assert not [(state.item.request.sampler, state.error) for state in running if state.error]
            finished += [state for state in running if state.sampler.done]
            running = [state for state in running if not state.sampler.done]
        pixels = (family.pixels(sorted(finished, key=lambda s: s.item.seed)) / 2 + 0.5).clamp(0, 1)
    return pixels


@pytest.mark.parametrize("model", every_model(*FAMILIES))
def test_in_a_batch_of_all_modes_decoded_floats_differ_from_stock_by_at_most_1e_4(
    model: str, inpaint_weights: Callable[[str, bool], Path]
) -> None:
    folder = inpaint_weights(model, False)
    family, stock = load(LoadSpec(model, weights=str(folder), device="cpu")).family, Stock(model, folder)
    samplers = (None, *card_for(model).capabilities.samplers)
    requests = [wish(model, n, masked=n % 2 == 0, sampler=name, seed=n) for n, name in enumerate(samplers)]
    text = [
        wish(model, n, masked=False, image=None, strength=None, seed=len(requests) + n, sampler=samplers[-n])
        for n in range(3)
    ]
    requests += text
    for request, ours in zip(requests, developed(family, requests), strict=True):
        assert (ours - stock.floats(request)).abs().max() <= 1e-4, request


def test_steps_are_those_that_strength_leaves(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, _ = pair
    request = wish(model, masked=False, steps=10, strength=0.5)
    progress = [(event.step, event.total) for event in engine.stream(request) if isinstance(event, Progress)]
    assert progress == [(step, 5) for step in range(1, 6)]


def test_images_of_one_request_draw_latents_of_their_own(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    request = wish(model, masked=True, n=2)
    for number, image in enumerate(engine.generate(request).images):
        alone = stock(request.model_copy(update={"seed": 100 + number}))
        assert np.abs(np.asarray(image).astype(int) - alone.astype(int)).max() <= 1
