"""Writes the trained parts as model folders in diffusers layout, each with its card."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from deployments.catalog import OVERRIDES_FILE, demo_overrides
from deployments.demo.pipelines import build_pipeline
from deployments.demo.training.autoencoder import paintings
from deployments.demo.training.cards import card
from deployments.demo.training.latents import fit_latent_rgb
from deployments.demo.training.stage import SEED

MAP_FILE = "latent_rgb.json"


def export(model: str, pipeline: Any, latent_rgb: Mapping[str, Any], root: Path) -> None:
    """Write ``root``/``model``, in float16, in place of what is there. The pipeline's parts are float16 afterwards."""
    folder = root / model
    shutil.rmtree(folder, ignore_errors=True)
    _write(model, pipeline.to(torch.float16), latent_rgb, folder)
    (folder / "README.md").write_text(card(model))


def write_untrained(model: str, folder: Path) -> None:
    """Write ``model`` with random weights, the same ones every time, to ``folder``.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    pipeline = build_pipeline(model, SEED)
    pixels = paintings(32, [SEED])
    with torch.no_grad():
        latents = pipeline.vae.encode(pixels).latent_dist.mean * pipeline.vae.config.scaling_factor
    _write(model, pipeline, fit_latent_rgb(latents, pixels), folder)


def _write(model: str, pipeline: Any, latent_rgb: Mapping[str, Any], folder: Path) -> None:
    pipeline.save_pretrained(folder, safe_serialization=True)
    (folder / MAP_FILE).write_text(json.dumps(latent_rgb) + "\n")
    (folder / OVERRIDES_FILE).write_text(json.dumps(dict(demo_overrides(model)), indent=2) + "\n")


def link_equals(root: Path) -> None:
    """Replace every weights or tokenizer file under ``root`` by a link to an earlier one with the same bytes.

    What models share is stored once, and each folder still is a whole model.
    """
    first: dict[str, Path] = {}
    for path in sorted([*root.rglob("*.safetensors"), *root.rglob("tokenizer.json")]):
        if path.is_symlink():
            continue
        original = first.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
        if original is not path:
            path.unlink()
            path.symlink_to(os.path.relpath(original, path.parent))
