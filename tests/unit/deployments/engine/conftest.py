"""Small real models with random weights, built and loaded as users' weights are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.demo.pipelines import build_pipeline


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
