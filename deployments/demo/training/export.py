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
    folder, scratch = root / model, root / f".{model}"
    shutil.rmtree(scratch, ignore_errors=True)
    _write(model, pipeline.to(torch.float16), latent_rgb, scratch)
    (scratch / "README.md").write_text(card(model, pipeline))
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


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


def share_equals(root: Path) -> None:
    """Store every weights or tokenizer file that several models of ``root`` have once, in ``root``/shared.

    The models' folders link to it, so that each still is a whole model. A shared file's name holds its hash: a model
    that is trained again changes no file that others link to. What nobody links to any more is removed.
    """
    shared = root / "shared"
    users: dict[str, list[Path]] = {}
    for path in sorted([*root.rglob("*.safetensors"), *root.rglob("tokenizer.json")]):
        if not path.is_relative_to(shared):
            users.setdefault(hashlib.sha256(path.read_bytes()).hexdigest()[:12], []).append(path)
    kept = set()
    for digest, paths in users.items():
        if len(paths) == 1 and not paths[0].is_symlink():
            continue
        first = paths[0]
        original = shared / f"{first.parent.name}-{digest}{first.suffix}"
        kept.add(original)
        if not original.exists():
            shared.mkdir(exist_ok=True)
            shutil.copyfile(first, original)
        for path in paths:
            path.unlink()
            path.symlink_to(os.path.relpath(original, path.parent))
    for path in shared.glob("*"):
        if path not in kept:
            path.unlink()
