"""What is inside a single file: which parts of a model, and what is to be refused before it is read."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from deployments.catalog import CHECKPOINT, ModelCard, is_gguf
from deployments.engine.weights.layout import denoiser_of

_IN_FILE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "StableDiffusionPipeline": {"text_encoder": ("cond_stage_model.",)},
    "StableDiffusionXLPipeline": {
        "text_encoder": ("conditioner.embedders.0.",),
        "text_encoder_2": ("conditioner.embedders.1.",),
    },
    "StableDiffusion3Pipeline": {
        "text_encoder": ("text_encoders.clip_l.",),
        "text_encoder_2": ("text_encoders.clip_g.",),
        "text_encoder_3": ("text_encoders.t5xxl.",),
    },
    "FluxPipeline": {},
}
"""How the names of a checkpoint's tensors begin, by the part that they belong to."""
_VAE_IN_FILE = ("first_stage_model.", "vae.")

_SCALES = ("scale_weight", "scale_input", "scaled_fp8", "weight_scale")
"""How names end in checkpoints whose weights are to be multiplied first; diffusers would pass them over."""


def held_parts(file: Path, names: Collection[str], card: ModelCard) -> set[str]:
    """The parts that a file with tensors of these names holds; the denoiser always.

    Raises:
        ValueError: its weights are not served.
    """
    if scaled := next((name for name in names if name.endswith(_SCALES)), None):
        raise ValueError(f"weights: {file} has scaled weights ({scaled}), which are not served; allowed: plain ones")
    prefixes = {"vae": _VAE_IN_FILE, **_IN_FILE[card.pipeline]}
    held = {part for part, starts in prefixes.items() if any(name.startswith(starts) for name in names)}
    return held | {denoiser_of(card)}


def tensor_names(file: Path, card: ModelCard) -> list[str]:
    """The names of a file's tensors. Raises ValueError if it can't be read, or not for this model."""
    if is_gguf(str(file)) and card.family == "unet":
        raise ValueError(f"weights: {file} is GGUF, which is read for FLUX and SD3; allowed: {CHECKPOINT}")
    try:
        if is_gguf(str(file)):
            from gguf import GGUFReader

            return [tensor.name for tensor in GGUFReader(file).tensors]
        with safe_open(file, framework="pt") as tensors:
            return list(tensors.keys())
    except ImportError as error:
        raise ValueError(f"weights: {file} needs the package gguf: pip install 'darkroom[quantized]'") from error
    except (SafetensorError, ValueError, IndexError, KeyError) as error:
        kind = "GGUF" if is_gguf(str(file)) else "safetensors"
        raise ValueError(f"weights: {file} can't be read as {kind} ({error})") from error


def refuse_other_guidance(file: Path, names: Collection[str], folder: Path, card: ModelCard) -> None:
    """FLUX.1-dev and -schnell differ in one embedder, which diffusers would drop without a word."""
    if card.family != "flux":
        return
    has = any("guidance_in." in name or "guidance_embedder." in name for name in names)
    wants = json.loads((folder / denoiser_of(card) / "config.json").read_text()).get("guidance_embeds", False)
    if has != wants:
        raise ValueError(f"weights: {file} is no whole {card.id} (it has {'an' if has else 'no'} embedder of guidance)")
