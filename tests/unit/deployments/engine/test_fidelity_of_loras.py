"""LoRAs per request: the stock pipeline's pictures with the same LoRAs, and no trace of them afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from deployments.catalog import card_for
from deployments.engine import Engine, GenerationRequest
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.events import Completed, ImageReady
from deployments.engine.resolve import resolve
from tests.unit.deployments.engine.listener import Listener
from tests.unit.deployments.engine.lora_files import write_diffusers, write_kohya
from tests.unit.deployments.engine.stock import Stock

MODELS = ("sd15", "sdxl", "sd3-medium", "flux-dev")
UNETS = ("sd15", "sdxl")


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory, weights: Callable[[str], Path]) -> Callable[[str], Path]:
    """The folder of a model's LoRAs: ``ink`` and ``oil``, and for UNets ``kohya``."""
    root = tmp_path_factory.mktemp("loras")

    def folder(model: str) -> Path:
        path = root / model
        if not path.is_dir():
            path.mkdir()
            kind = getattr(diffusers, card_for(model).pipeline)
            write_diffusers(kind.from_pretrained(weights(model)), path, "ink")
            write_diffusers(kind.from_pretrained(weights(model)), path, "oil", rank=2, alpha=8, seed=3)
            if model in UNETS:
                write_kohya(kind.from_pretrained(weights(model)), path, "kohya")
        return path

    return folder


@pytest.fixture(scope="module", params=MODELS)
def pair(
    request: pytest.FixtureRequest, weights: Callable[[str], Path], loras: Callable[[str], Path]
) -> Iterator[tuple[str, Engine, Stock]]:
    model = request.param
    folder, adapters = weights(model), loras(model)
    with Engine.load(model, weights=str(folder), device="cpu", max_batch=8, loras=str(adapters)) as engine:
        yield model, engine, Stock(model, folder, adapters)


def wish(*loras: tuple[str, float], seed: int = 7, **fields: Any) -> GenerationRequest:
    named = [{"name": name, "scale": scale} for name, scale in loras]
    plain = {"prompt": "a boat", "seed": seed, "steps": 3, "width": 64, "height": 64, "preview_every": 0}
    return GenerationRequest.model_validate(plain | {"loras": named} | fields)


def pixels(engine: Engine, request: GenerationRequest) -> np.ndarray[Any, Any]:
    return np.asarray(engine.generate(request).images[0])


def test_alone_it_is_the_stock_pipelines_picture_byte_for_byte(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    sets = [(("ink", 1.0),), (("oil", 0.6),), (("ink", 0.5), ("oil", -0.8))]
    if model in UNETS:
        sets += [(("kohya", 0.9),), (("kohya", 1.0), ("ink", 0.3))]
    plain = pixels(engine, wish())
    for chosen in sets:
        ours = pixels(engine, wish(*chosen))
        assert np.abs(ours.astype(int) - plain).max() > 3, "it does nothing"
        assert np.array_equal(ours, stock(wish(*chosen))), chosen


def test_the_base_models_picture_is_the_same_after_a_lora_came_and_went(pair: tuple[str, Engine, Stock]) -> None:
    _, engine, stock = pair
    before = pixels(engine, wish())
    pixels(engine, wish(("ink", 1.0)))
    assert np.array_equal(pixels(engine, wish()), before)
    assert np.array_equal(before, stock(wish()))


def test_rows_with_different_loras_share_forwards_and_keep_their_own(pair: tuple[str, Engine, Stock]) -> None:
    _, engine, stock = pair
    sets = [(), (("ink", 1.0),), (("oil", 1.0),), (("ink", 0.5), ("oil", 0.5)), (("ink", 1.0),)]
    requests = [wish(*chosen, seed=number, steps=4) for number, chosen in enumerate(sets)]
    crowd = []
    for request in requests:
        listener = Listener()
        engine.submit(request, listener)
        crowd.append(listener)
    for request, listener in zip(requests, crowd, strict=True):
        assert isinstance(listener.wait(), Completed), listener.events
        ready = listener.wait_for(ImageReady)
        assert isinstance(ready, ImageReady)
        difference = np.abs(np.asarray(ready.image).astype(int) - stock(request).astype(int))
        assert difference.max() <= 1, request.loras


def test_in_a_mixed_batch_floats_differ_from_stock_by_at_most_1e_4(pair: tuple[str, Engine, Stock]) -> None:
    _, engine, stock = pair
    family = engine._family
    sets = [(), (("ink", 1.0),), (("oil", 0.7),), (("oil", 0.5), ("ink", 0.5))]
    requests = [resolve(wish(*chosen, seed=number, steps=4), engine.card) for number, chosen in enumerate(sets)]
    with torch.no_grad():
        states = [family.start(item) for request in requests for item in family.prepare(request)]
        while not all(state.sampler.done for state in states):
            family.denoise([state for state in states if not state.sampler.done])
        floats = (family.pixels(states) / 2 + 0.5).clamp(0, 1)
    for request, ours in zip(requests, floats, strict=True):
        assert (ours - stock.floats(request)).abs().max() <= 1e-4, request.loras


def test_a_file_that_changes_is_read_anew(
    weights: Callable[[str], Path], loras: Callable[[str], Path], tmp_path: Path
) -> None:
    changing = tmp_path / "style.safetensors"
    changing.write_bytes((loras("sd15") / "ink.safetensors").read_bytes())
    with Engine.load("sd15", weights=str(weights("sd15")), device="cpu", loras=str(tmp_path)) as engine:
        first = pixels(engine, wish(("style", 1.0)))
        changing.write_bytes((loras("sd15") / "oil.safetensors").read_bytes())
        second = pixels(engine, wish(("style", 1.0)))
    stock = Stock("sd15", weights("sd15"), loras("sd15"))
    assert np.array_equal(first, stock(wish(("ink", 1.0))))
    assert np.array_equal(second, stock(wish(("oil", 1.0))))


def test_what_is_no_lora_of_the_model_is_refused_by_name(
    weights: Callable[[str], Path], loras: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "xl.safetensors").write_bytes((loras("sdxl") / "ink.safetensors").read_bytes())
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    layers = load_file(loras("sd15") / "kohya.safetensors")
    magnitude = {f"{next(iter(layers)).split('.')[0]}.dora_scale": torch.ones(1)}
    save_file(layers | magnitude, tmp_path / "dora.safetensors")
    (tmp_path / "pickle.ckpt").write_bytes(b"nonsense")
    with Engine.load("sd15", weights=str(weights("sd15")), device="cpu", loras=str(tmp_path)) as engine:
        assert engine.card.capabilities.lora
        for name in ("xl", "dora", "broken", "pickle", "absent", "../ink", str(loras("sd15") / "ink")):
            with pytest.raises(InvalidRequest, match="loras"):
                engine.generate(wish((name, 1.0)))
        with pytest.raises(InvalidRequest, match="once"):
            engine.generate(wish(("xl", 1.0), ("xl", 0.5)))
        assert len(engine.generate(wish()).images) == 1


def test_without_a_folder_a_model_takes_none(weights: Callable[[str], Path]) -> None:
    with (
        Engine.load("sd15", weights=str(weights("sd15")), device="cpu") as engine,
        pytest.raises(UnsupportedByModel, match="LoRA"),
    ):
        engine.generate(wish(("ink", 1.0)))
