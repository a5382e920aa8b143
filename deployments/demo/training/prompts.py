"""What a denoiser is told: prompts of pictures, encoded by the pipelines' own text parts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from deployments.catalog import DEMO_T5_TOKENS
from deployments.demo.world.caption import caption
from deployments.demo.world.picture import Picture

UNTOLD = 0.1
"""The share of pictures shown without a word, from which a model learns what guidance leads away from."""


def prompts(pictures: Sequence[Picture], rng: np.random.Generator, untold: float = UNTOLD) -> list[str]:
    """A fresh prompt for each picture, a share of ``untold`` of them empty."""
    return ["" if rng.random() < untold else caption(picture, rng) for picture in pictures]


@torch.no_grad()
def unet_text(pipeline: Any, texts: Sequence[str], device: torch.device) -> Tensor:
    """SD 1.5's conditioning: hidden states (B, 77, D)."""
    hidden: Tensor = pipeline.encode_prompt(list(texts), device, 1, False)[0]
    return hidden


@torch.no_grad()
def unet_xl_text(
    pipeline: Any, texts: Sequence[str], device: torch.device, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """SDXL's conditioning: hidden states of both encoders (B, 77, D), and pooled text (B, P).

    Half of the empty prompts, by lot, are zeros: what the pipeline gives the model when there is no negative prompt.
    """
    hidden, _, pooled, _ = pipeline.encode_prompt(
        list(texts), device=device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    silent = [index for index, text in enumerate(texts) if not text and rng.random() < 0.5]
    hidden[silent], pooled[silent] = 0.0, 0.0
    return hidden, pooled


def unet_xl_sizes(size: tuple[int, int], count: int, device: torch.device) -> Tensor:
    """SDXL's other conditioning: the size (width, height) of ``count`` pictures that were not cut, (count, 6)."""
    width, height = size
    sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=device)
    return sizes.repeat(count, 1)


@torch.no_grad()
def flux_text(
    pipeline: Any, texts: Sequence[str], device: torch.device, length: int = DEMO_T5_TOKENS
) -> tuple[Tensor, Tensor]:
    """FLUX's conditioning: T5's hidden states (B, ``length``, D), and CLIP's pooled text (B, P).

    Text tokens have no places, so a network that learns with few of them gets on with more: half of its work is text.
    """
    hidden, pooled, _ = pipeline.encode_prompt(
        prompt=list(texts), prompt_2=None, device=device, max_sequence_length=length
    )
    return hidden, pooled
