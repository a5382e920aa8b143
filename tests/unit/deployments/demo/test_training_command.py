"""The command that makes the demo weights, in a trial of a few steps: what it writes is served like any weights."""

import json
from pathlib import Path

import pytest

from deployments.catalog import demo_overrides
from deployments.demo.training.__main__ import train
from deployments.engine import Engine, GenerationRequest

pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)
def test_one_command_trains_all_and_writes_folders_that_the_engine_serves(tmp_path: Path) -> None:
    train(work=tmp_path, device="cpu", share=0.0005)
    trial = tmp_path / "trial-0.0005"
    for model in ("sd15", "sdxl", "flux-dev", "flux-schnell"):
        folder = trial / "weights" / model
        assert json.loads((folder / "darkroom.json").read_text()) == demo_overrides(model)
        assert model in (folder / "README.md").read_text()
        with Engine.load(model, weights=str(folder), device="cpu", dtype="float32") as engine:
            result = engine.generate(GenerationRequest(prompt="a red circle", seed=1, steps=2))
            assert result.images[0].size == (128, 128)
    stored = [path for path in (trial / "weights").rglob("*.safetensors") if not path.is_symlink()]
    assert sum(path.stat().st_size for path in stored) <= 30e6
    assert {path.name.split("-")[0] for path in (trial / "samples").iterdir()} == {
        "autoencoder", "text", "sd15", "sdxl", "flux"
    }  # fmt: skip
