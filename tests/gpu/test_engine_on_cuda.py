"""The engine on a CUDA device: the same promises, with the bounds that half precision allows.

On a GPU kernels are chosen by shape, so a batch is compared with stock at the bound below, and alone at equality.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deployments.catalog import CATALOG, DEMO_WEIGHTS, card_for
from deployments.demo import demo_folder
from deployments.engine import Cancelled, Checkpoint, Engine, GenerationRequest, ImageReady, Progress

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

BATCH_BOUND = {"float32": 2, "bfloat16": 24}
"""Largest difference of an 8-bit pixel from stock, in a batch, by dtype."""


@pytest.fixture(scope="module", params=[(model, dtype) for model in CATALOG for dtype in BATCH_BOUND], ids=str)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Any, str]]:
    model, dtype = request.param
    folder: Path = demo_folder(model, tmp_path_factory.getbasetemp() / "demo")
    pipeline: Any = getattr(diffusers, card_for(model).pipeline)
    stock = pipeline.from_pretrained(folder, dtype=getattr(torch, dtype)).to("cuda")
    stock.set_progress_bar_config(disable=True)
    with Engine.load(model, weights=DEMO_WEIGHTS, device="cuda", dtype=dtype, max_batch=4) as engine:
        yield engine, stock, dtype


def stock_picture(engine: Engine, stock: Any, request: GenerationRequest) -> NDArray[np.int64]:
    card = engine.card
    extra: dict[str, Any] = {}
    if card.max_sequence_length is not None:
        extra["max_sequence_length"] = card.max_sequence_length
    extra["guidance_scale"] = card.default_guidance
    width, height = card.default_size
    assert request.seed is not None
    image = stock(
        request.prompt,
        width=width,
        height=height,
        num_inference_steps=request.steps,
        generator=torch.Generator("cpu").manual_seed(request.seed),
        **extra,
    ).images[0]
    return np.asarray(image).astype(int)


def test_alone_it_is_the_stock_pipelines_picture(pair: tuple[Engine, Any, str]) -> None:
    engine, stock, _ = pair
    request = GenerationRequest(prompt="a red circle", seed=7, steps=8)
    ours = np.asarray(engine.generate(request).images[0]).astype(int)
    assert np.array_equal(ours, stock_picture(engine, stock, request))


def test_in_a_batch_it_stays_within_the_bound_of_its_dtype(pair: tuple[Engine, Any, str]) -> None:
    engine, stock, dtype = pair
    request = GenerationRequest(prompt="a red circle", seed=7, steps=8, n=4)
    for index, image in enumerate(engine.generate(request).images):
        single = request.model_copy(update={"seed": 7 + index, "n": 1})
        difference = np.abs(np.asarray(image).astype(int) - stock_picture(engine, stock, single))
        assert difference.max() <= BATCH_BOUND[dtype]


def test_a_cancel_is_not_overrun_by_launched_steps(pair: tuple[Engine, Any, str]) -> None:
    engine, _, _ = pair
    request = GenerationRequest(prompt="a red circle", seed=7, steps=150)
    events = []
    for event in engine.stream(request):
        events.append(event)
        if isinstance(event, Progress) and event.step == 3:
            engine.cancel(request.id)
    assert isinstance(events[-1], Cancelled)
    assert sum(isinstance(event, Progress) for event in events) < 150


def test_a_checkpoint_goes_on_to_the_same_picture(pair: tuple[Engine, Any, str]) -> None:
    engine, _, _ = pair
    request = GenerationRequest(prompt="a boat", seed=5, steps=6, preview_every=0)
    events = list(engine.stream(request, checkpoint_every_s=0))
    (ready,) = (event for event in events if isinstance(event, ImageReady))
    saved = [event for event in events if isinstance(event, Checkpoint)]
    assert saved
    for checkpoint in saved:
        (image,) = engine.generate(request, resume={0: checkpoint.data}).images
        assert np.array_equal(np.asarray(image), np.asarray(ready.image)), checkpoint.step


def test_the_memory_of_the_device_is_told(pair: tuple[Engine, Any, str]) -> None:
    engine, _, _ = pair
    memory = engine.stats().memory
    assert memory is not None
    assert 0 < memory.used <= memory.reserved
