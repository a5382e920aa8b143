"""Writes LoRA files for small models as trainers do: diffusers' layout and kohya's."""

from pathlib import Path
from typing import Any

import torch
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT = ["q_proj", "k_proj", "v_proj", "out_proj"]


def write_diffusers(pipeline: Any, folder: Path, name: str, *, rank: int = 4, alpha: float = 4, seed: int = 0) -> None:
    """A LoRA for the denoiser's attention and convolutions, and the first text encoder."""
    torch.manual_seed(seed)
    denoiser = pipeline.unet if hasattr(pipeline, "unet") else pipeline.transformer
    more = ["conv1", "conv2", "time_emb_proj", "proj_in"] if hasattr(pipeline, "unet") else ["proj_mlp", "linear"]
    layers = {
        key: _random(part, LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets))
        for key, part, targets in (
            ("denoiser", denoiser, ATTENTION + more),
            ("text_encoder", pipeline.text_encoder, TEXT),
        )
    }
    key = "unet_lora_layers" if hasattr(pipeline, "unet") else "transformer_lora_layers"
    text = layers["text_encoder"]
    if hasattr(pipeline, "unet"):
        text = convert_state_dict_to_diffusers(text)
    pipeline.save_lora_weights(
        folder, **{key: layers["denoiser"], "text_encoder_lora_layers": text}, weight_name=f"{name}.safetensors"
    )


def write_kohya(pipeline: Any, folder: Path, name: str, *, rank: int = 3, alpha: float = 2, seed: int = 1) -> None:
    """A LoRA with an alpha of its own for each layer, by kohya's names; for UNet pipelines."""
    torch.manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for prefix, part, targets in (
        ("lora_unet", pipeline.unet, ATTENTION),
        (_te(pipeline), pipeline.text_encoder, TEXT),
    ):
        state = _random(part, LoraConfig(r=rank, lora_alpha=rank, target_modules=targets))
        for number, (key, value) in enumerate(state.items()):
            layer, which = key.removesuffix(".weight").rsplit(".lora_", 1)
            if prefix != "lora_unet" and not layer.startswith("text_model."):
                layer = f"text_model.{layer}"
            stem = f"{prefix}_{layer.replace('.', '_')}"
            tensors[f"{stem}.lora_{'down' if which == 'A' else 'up'}.weight"] = value.contiguous()
            tensors.setdefault(f"{stem}.alpha", torch.tensor(alpha if number % 4 else 2 * alpha))
    save_file(tensors, folder / f"{name}.safetensors")


def _te(pipeline: Any) -> str:
    return "lora_te1" if hasattr(pipeline, "text_encoder_2") else "lora_te"


def _random(part: Any, config: LoraConfig) -> dict[str, Tensor]:
    """The layers of a fresh adapter on ``part``, strong enough to be seen; ``part`` is left as it was."""
    part.add_adapter(config, adapter_name="made")
    state = get_peft_model_state_dict(part, adapter_name="made")
    made = {key: torch.randn_like(value) * 0.12 for key, value in state.items()}
    part.delete_adapter("made") if hasattr(part, "delete_adapter") else part.delete_adapters("made")
    return made
