"""Fidelity is law: the engine makes the stock pipeline's pictures, alone and in company.

Both sides load the same folder. Stock means one image per call, no safety checker, no watermark, the scheduler that the
weights ship. CPU, float32, eager. One model of each pipeline, and in ``make full`` every one; each model in each mode
is in ``test_fidelity_matrix.py``.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deployments.catalog import card_for
from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import Completed, ImageReady, Progress
from deployments.engine.loader import load
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.listener import Listener
from tests.unit.deployments.engine.matrix import FAMILIES, every_model
from tests.unit.deployments.engine.stock import Stock

SIZE = {"width": 128, "height": 128}
SMALL = {"width": 64, "height": 64}


@pytest.fixture(scope="module", params=every_model())
def pair(request: pytest.FixtureRequest, weights: Callable[[str], Path]) -> Iterator[tuple[str, Engine, Stock]]:
    model = request.param
    with Engine.load(model, weights=str(weights(model)), device="cpu", max_batch=16) as engine:
        yield model, engine, Stock(model, weights(model))


def wish(model: str, number: int = 0, **fields: Any) -> GenerationRequest:
    """A request unlike its neighbours: prompt, seed, steps, and where the model has them guidance and a negative."""
    can = card_for(model).capabilities
    varied: dict[str, Any] = {"prompt": f"{number} boats on a lake", "seed": 100 + number, "steps": 2 + number % 5}
    if can.supports_guidance:
        varied["guidance"] = (7.5, 1.0, 3.25, 12.0)[number % 4]
    if can.supports_negative_prompt:
        varied["negative_prompt"] = (None, "rain", "")[number % 3]
    return GenerationRequest.model_validate({"model": model, "preview_every": 0} | SIZE | varied | fields)


def test_alone_it_is_the_stock_pipelines_picture_byte_for_byte(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    requests = [wish(model, steps=6), wish(model, 1), wish(model, 2), wish(model, 5, width=192, height=64)]
    for request in requests:
        ours = np.asarray(engine.generate(request).images[0])
        assert np.array_equal(ours, stock(request)), request


def test_pictures_depend_on_prompt_and_seed(pair: tuple[str, Engine, Stock]) -> None:
    """Else equality with the stock pipeline would say little."""
    model, engine, _ = pair
    base = np.asarray(engine.generate(wish(model)).images[0]).astype(int)
    other_prompt = np.asarray(engine.generate(wish(model, prompt="a red circle")).images[0]).astype(int)
    other_seed = np.asarray(engine.generate(wish(model, seed=1)).images[0]).astype(int)
    assert np.abs(base - other_prompt).max() > 3
    assert np.abs(base - other_seed).max() > 30


def test_sixteen_neighbours_that_come_and_go_differ_from_stock_by_at_most_one(
    pair: tuple[str, Engine, Stock],
) -> None:
    model, engine, stock = pair
    long = wish(model, 99, steps=12, seed=9, **SMALL)
    first = Listener()
    engine.submit(long, first)
    crowd: list[tuple[GenerationRequest, Listener]] = [(long, first)]
    for number in range(15):
        listener = Listener()
        crowd.append((engine.submit(wish(model, number, steps=2 + number % 3, **SMALL), listener), listener))
        if number % 5 == 4:  # the next five arrive when the long one is further on
            first.wait_for(Progress, step=number // 2)
    for request, listener in crowd:
        assert isinstance(listener.wait(), Completed)
        ready = next(event for event in listener.events if isinstance(event, ImageReady))
        difference = np.abs(np.asarray(ready.image).astype(int) - stock(request).astype(int))
        assert difference.max() <= 1, request


@pytest.mark.parametrize("model", every_model(*FAMILIES))
def test_in_a_batch_decoded_floats_differ_from_stock_by_at_most_1e_4(
    model: str, weights: Callable[[str], Path]
) -> None:
    family = load(LoadSpec(model, weights=str(weights(model)), device="cpu")).family
    stock = Stock(model, weights(model))
    samplers = (None, *card_for(model).capabilities.samplers)
    requests = [wish(model, n, sampler=name, steps=4 + n % 2, **SMALL) for n, name in enumerate(samplers)]
    with torch.no_grad():
        states = [family.start(item) for request in requests for item in family.prepare(request)]
        waiting, running, finished = states[::-1], [], []
        while waiting or running:
            running += [waiting.pop()] if waiting else []  # one more neighbour at every step, each leaves when done
            family.denoise(running)
            assert not [(state.item.request.sampler, state.error) for state in running if state.error]
            finished += [state for state in running if state.sampler.done]
            running = [state for state in running if not state.sampler.done]
        pixels = (family.pixels(finished) / 2 + 0.5).clamp(0, 1)
    for state, ours in zip(finished, pixels, strict=True):
        theirs = stock.floats(state.item.request)
        assert (ours - theirs).abs().max() <= 1e-4


def test_a_neighbour_that_was_cancelled_changes_nothing(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    stays, leaves = Listener(), Listener()
    request = engine.submit(wish(model, steps=12), stays)
    other = engine.submit(wish(model, 3, steps=12), leaves)
    leaves.wait_for(Progress)
    engine.cancel(other.id)
    ready = stays.wait_for(ImageReady)
    assert isinstance(ready, ImageReady)
    assert np.abs(np.asarray(ready.image).astype(int) - stock(request).astype(int)).max() <= 1


def test_progress_is_the_stock_progress_bars(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, _ = pair
    steps = [event.step for event in engine.stream(wish(model, steps=7)) if isinstance(event, Progress)]
    assert steps == [1, 2, 3, 4, 5, 6, 7]
