"""Puts the parts of the demo models together as stock diffusers pipelines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FluxPipeline,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, T5EncoderModel

from deployments.catalog import CATALOG
from deployments.demo import architectures as arch
from deployments.demo.tokens import clip_tokenizer, t5_tokenizer

_NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "sd15": arch.unet,
    "sd21": arch.unet_21,
    "sd-turbo": arch.unet_21,
    "sdxl": arch.unet_xl,
    "sdxl-turbo": arch.unet_xl,
    "sd3-medium": partial(arch.sd3_transformer, qk_norm=False),
    "sd35-large": partial(arch.sd3_transformer, qk_norm=True),
    "sd35-large-turbo": partial(arch.sd3_transformer, qk_norm=True),
    "flux-dev": partial(arch.flux_transformer, guidance_embeds=True),
    "flux-schnell": partial(arch.flux_transformer, guidance_embeds=False),
}

_SAMPLERS: Mapping[str, Callable[[], Any]] = {
    "sd15": arch.pndm,
    "sd21": arch.ddim_v,
    "sd-turbo": arch.euler_trailing,
    "sdxl": arch.euler,
    "sdxl-turbo": arch.euler_a_trailing,
    "sd3-medium": arch.sd3_flow_euler,
    "sd35-large": arch.sd3_flow_euler,
    "sd35-large-turbo": arch.sd3_flow_euler,
    "flux-dev": partial(arch.flow_euler, shift=True),
    "flux-schnell": partial(arch.flow_euler, shift=False),
}


@dataclass(frozen=True)
class Shared:
    """The parts that several models use: one autoencoder, three text encoders and their tokenizers."""

    vae: AutoencoderKL
    clip: CLIPTextModel
    clip_2: CLIPTextModelWithProjection
    t5: T5EncoderModel

    @cached_property
    def tokenizer(self) -> Any:
        return clip_tokenizer()

    @cached_property
    def tokenizer_2(self) -> Any:
        return clip_tokenizer(pad_token="!")

    @cached_property
    def t5_tokenizer(self) -> Any:
        return t5_tokenizer()

    @classmethod
    def untrained(cls) -> "Shared":
        """Parts with weights drawn from torch's global generator."""
        tokenizer = clip_tokenizer()
        return cls(
            vae=arch.autoencoder(),
            clip=arch.clip_text(tokenizer),
            clip_2=arch.clip_text_2(tokenizer),
            t5=arch.t5_text(len(t5_tokenizer())),
        )


def denoiser(model: str) -> nn.Module:
    """The untrained denoiser of ``model``.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    if model not in _NETWORKS:
        raise KeyError(f"no demo weights for {model!r}; there are: {', '.join(_NETWORKS)}")
    return _NETWORKS[model]()


def assemble(model: str, shared: Shared, network: nn.Module) -> Any:
    """The stock pipeline of ``model`` from these parts; SD3's two CLIPs are its own, untrained."""
    parts: dict[str, Any] = {
        "vae": shared.vae,
        "text_encoder": shared.clip,
        "tokenizer": shared.tokenizer,
        "scheduler": _SAMPLERS[model](),
    }
    match CATALOG[model].pipeline:
        case "StableDiffusionPipeline":
            return StableDiffusionPipeline(
                **parts, unet=network, safety_checker=None, feature_extractor=None, requires_safety_checker=False
            )
        case "StableDiffusionXLPipeline":
            return StableDiffusionXLPipeline(
                **parts,
                unet=network,
                text_encoder_2=shared.clip_2,
                tokenizer_2=shared.tokenizer_2,
                force_zeros_for_empty_prompt=True,
                add_watermarker=False,
            )
        case "StableDiffusion3Pipeline":
            first, second = arch.sd3_texts(shared.tokenizer)
            return StableDiffusion3Pipeline(
                **parts | {"text_encoder": first},
                transformer=network,
                text_encoder_2=second,
                tokenizer_2=shared.tokenizer_2,
                text_encoder_3=shared.t5,
                tokenizer_3=shared.t5_tokenizer,
            )
        case _:
            return FluxPipeline(**parts, transformer=network, text_encoder_2=shared.t5, tokenizer_2=shared.t5_tokenizer)


def build_pipeline(model: str, seed: int) -> Any:
    """A pipeline of ``model``'s architecture with random weights: the same for the same seed and torch version.

    Leaves the caller's random state as it was.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return assemble(model, Shared.untrained(), denoiser(model))
