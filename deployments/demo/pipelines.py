"""Puts the parts of the demo models together as stock diffusers pipelines."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from diffusers import AutoencoderKL, FluxPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, T5EncoderModel

from deployments.demo import architectures as arch
from deployments.demo.tokens import clip_tokenizer, t5_tokenizer

MODELS = ("sd15", "sdxl", "flux-dev", "flux-schnell")
"""The models that there are demo weights for."""


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
    if model not in MODELS:
        raise KeyError(f"no demo weights for {model!r}; there are: {', '.join(MODELS)}")
    return {
        "sd15": arch.unet,
        "sdxl": arch.unet_xl,
        "flux-dev": lambda: arch.flux_transformer(guidance_embeds=True),
        "flux-schnell": lambda: arch.flux_transformer(guidance_embeds=False),
    }[model]()


def assemble(model: str, shared: Shared, network: nn.Module) -> Any:
    """The stock pipeline of ``model`` from these parts."""
    if model == "sd15":
        return StableDiffusionPipeline(
            vae=shared.vae,
            text_encoder=shared.clip,
            tokenizer=shared.tokenizer,
            unet=network,
            scheduler=arch.pndm(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    if model == "sdxl":
        return StableDiffusionXLPipeline(
            vae=shared.vae,
            text_encoder=shared.clip,
            text_encoder_2=shared.clip_2,
            tokenizer=shared.tokenizer,
            tokenizer_2=shared.tokenizer_2,
            unet=network,
            scheduler=arch.euler(),
            force_zeros_for_empty_prompt=True,
            add_watermarker=False,
        )
    return FluxPipeline(
        vae=shared.vae,
        text_encoder=shared.clip,
        tokenizer=shared.tokenizer,
        text_encoder_2=shared.t5,
        tokenizer_2=shared.t5_tokenizer,
        transformer=network,
        scheduler=arch.flow_euler(shift=model == "flux-dev"),
    )


def build_pipeline(model: str, seed: int) -> Any:
    """A pipeline of ``model``'s architecture with random weights: the same for the same seed and torch version.

    Leaves the caller's random state as it was.

    Raises:
        KeyError: there are no demo weights for ``model``.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return assemble(model, Shared.untrained(), denoiser(model))
