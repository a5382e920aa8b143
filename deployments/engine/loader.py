"""From a model's id to a family adapter: finds the weights, loads them, and reads what they say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch

from deployments.catalog import DEMO_WEIGHTS, ModelCard, card_for, read_overrides
from deployments.demo import demo_folder
from deployments.engine.families.base import Family
from deployments.engine.families.flux import FluxFamily
from deployments.engine.families.sd3 import SD3Family
from deployments.engine.families.unet import UNetFamily
from deployments.engine.preview import LatentRGB

_UNTOUCHED: Mapping[str, Mapping[str, Any]] = {
    "StableDiffusionPipeline": {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
    "StableDiffusionXLPipeline": {"add_watermarker": False},
}
"""What keeps a pipeline from changing the model's own picture: no safety checker, no watermark."""

MAX_TILE = 512
"""Pixels of a side of the tiles that a picture is decoded in where it does not fit whole."""

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model ready to run: its adapter, its effective card, and what the weights change of the catalog's card."""

    family: Family
    card: ModelCard
    overrides: Mapping[str, Any]


def load(model: str, weights: str | None, device: str, dtype: str, loras: str | None = None) -> LoadedModel:
    """Find the weights, load them, and put them on the device.

    Args:
        model: an id or alias of the catalog.
        weights: ``"demo"``, a folder in diffusers layout, or a hub repository; the catalog's repository if ``None``.
        device: ``"auto"`` (CUDA, else MPS, else CPU) or a torch device.
        dtype: ``"auto"`` (float32 on CPU, bfloat16 elsewhere), ``"float32"``, ``"float16"`` or ``"bfloat16"``.
        loras: the folder of the LoRAs that requests may name, as safetensors files; ``None`` for none.

    Raises:
        KeyError: the model is not in the catalog.
        ValueError: an unknown device or dtype, or invalid overrides.
        OSError: the weights can't be found or read. Only safetensors are: pickles are never loaded.
    """
    card = card_for(model, weights)
    where = pick_device(device)
    precision = pick_dtype(dtype, where)
    source = str(demo_folder(card.id)) if card.weights == DEMO_WEIGHTS else card.weights
    if source.startswith((".", "/", "~")) and not Path(source).is_dir():
        raise FileNotFoundError(f"weights: there is no folder {source}")
    pipeline = _from_pretrained(card, source, precision).to(where)
    folder = _local_folder(source)
    if loras is not None and not Path(loras).is_dir():
        raise FileNotFoundError(f"loras: there is no folder {loras}")
    overrides = read_overrides(folder) if folder else {}
    abilities = overrides.get("capabilities", {}) | _abilities(pipeline) | ({"lora": True} if loras else {})
    if abilities:
        overrides = {**overrides, "capabilities": abilities}
    card = card.override(overrides)
    return LoadedModel(_adapter(card, pipeline, folder, Path(loras) if loras else None), card, overrides)


def pick_device(device: str) -> torch.device:
    """The torch device that a setting means. Raises ValueError for one that is not there."""
    if device == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(name)
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device: got {device!r}, allowed: auto, cpu, cuda, cuda:N, mps") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device: got {device!r}, but torch sees no CUDA device here")
    return chosen


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype that a setting means on ``device``. Raises ValueError for an unknown one."""
    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if dtype not in _DTYPES:
        raise ValueError(f"dtype: got {dtype!r}, allowed: auto, {', '.join(_DTYPES)}")
    return _DTYPES[dtype]


def _from_pretrained(card: ModelCard, source: str, dtype: torch.dtype) -> Any:
    """The stock pipeline, whose components and methods the adapters use."""
    pipeline = getattr(diffusers, card.pipeline).from_pretrained(
        source, dtype=dtype, use_safetensors=True, **_UNTOUCHED.get(card.pipeline, {})
    )
    pipeline.set_progress_bar_config(disable=True)
    # tiles no larger than SD 1.5's: a VAE made for 1024 pixels would not divide a picture of its own size
    vae = pipeline.vae
    vae.tile_sample_min_size = min(vae.tile_sample_min_size, MAX_TILE)
    vae.tile_latent_min_size = min(vae.tile_latent_min_size, MAX_TILE // 2 ** (len(vae.config.block_out_channels) - 1))
    return pipeline


def _abilities(pipeline: Any) -> dict[str, bool]:
    """What the weights' own shape changes of the card: a UNet that takes a masked picture does nothing but inpaint."""
    if (
        "unet" in pipeline.components
        and pipeline.unet.config.in_channels == 2 * pipeline.vae.config.latent_channels + 1
    ):
        return {"txt2img": False, "img2img": False, "inpaint": True}
    return {}


def _local_folder(source: str) -> Path | None:
    """Where the weights' small files are on this disk."""
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(source, "model_index.json")
    return Path(index).parent if isinstance(index, str) else None


def _adapter(card: ModelCard, pipeline: Any, folder: Path | None, loras: Path | None) -> Family:
    if card.family == "unet":
        space = "sdxl" if card.pipeline == "StableDiffusionXLPipeline" else "sd15"
        return UNetFamily(card.id, pipeline, LatentRGB.load(folder, space), loras)
    if card.max_sequence_length is None:
        raise ValueError(f"{card.id}: a card of the family {card.family} needs max_sequence_length")
    family = FluxFamily if card.family == "flux" else SD3Family
    return family(card.id, pipeline, LatentRGB.load(folder, card.family), card.max_sequence_length, loras)
