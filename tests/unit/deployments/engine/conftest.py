"""Small real models with random weights, built and loaded as users' weights are, and engines over none at all."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline

from deployments.demo.pipelines import build_pipeline
from deployments.engine import Engine
from tests.unit.deployments.engine.lora_files import write_diffusers
from tests.unit.deployments.engine.slow_motion import CARD, SlowMotionFamily


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model's folder in diffusers layout; its weights are the tests' own draw."""
    root = tmp_path_factory.mktemp("weights")

    def folder(model: str) -> Path:
        path = root / model
        if not path.is_dir():
            build_pipeline(model, seed=4).save_pretrained(path, safe_serialization=True)
        return path

    return folder


@pytest.fixture(scope="session")
def inpaint_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bool], Path]:
    """The same with as many latent channels as the stock inpainting pipelines insist on, and a map for previews.

    ``blanks``: a UNet that takes the mask and the blanked picture as inputs too.
    """
    root = tmp_path_factory.mktemp("inpaint-weights")

    def folder(model: str, blanks: bool) -> Path:
        path = root / f"{model}-{blanks}"
        if not path.is_dir():
            pipeline = build_pipeline(model, seed=4)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(5)
                _rebuild(pipeline, blanks)
            pipeline.save_pretrained(path, safe_serialization=True)
        return path

    return folder


@pytest.fixture(scope="session")
def ink(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """The folder of a LoRA, ``ink``, for the model in a folder in diffusers layout."""
    found: dict[Path, Path] = {}

    def folder(model: Path) -> Path:
        if model not in found:
            found[model] = tmp_path_factory.mktemp("ink")
            write_diffusers(DiffusionPipeline.from_pretrained(model), found[model], "ink")
        return found[model]

    return folder


def _rebuild(pipeline: Any, blanks: bool) -> None:
    if hasattr(pipeline, "unet"):
        _change(pipeline, "vae", latent_channels=4)
        _change(pipeline, "unet", in_channels=9 if blanks else 4, out_channels=4)
    else:
        patch = 2 * 2 if type(pipeline).__name__ == "FluxPipeline" else 1
        _change(pipeline, "vae", latent_channels=16)
        _change(pipeline, "transformer", in_channels=16 * patch, out_channels=16 * patch)


def _change(pipeline: Any, name: str, **config: int) -> None:
    part = getattr(pipeline, name)
    setattr(pipeline, name, type(part).from_config(part.config, **config).eval())


@pytest.fixture
def slow() -> Iterator[tuple[SlowMotionFamily, Engine]]:
    """An engine whose forwards wait to be let."""
    family = SlowMotionFamily(free=False)
    engine = Engine(family, CARD, max_batch=4)
    yield family, engine
    family.let_all()
    engine.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine that runs freely."""
    with Engine(SlowMotionFamily(), CARD, max_batch=4) as engine:
        yield engine
