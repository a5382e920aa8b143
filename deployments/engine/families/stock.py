"""What all families have in common: a stock pipeline, whose parts and methods they use."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image
from torch import Tensor

from deployments.engine.adapters import Adapters, LoraLibrary, applied, read_lora, versions
from deployments.engine.batching import BatchKey
from deployments.engine.conditioning import Conditioning, ConditioningCache
from deployments.engine.families.base import DenoiseState, Item
from deployments.engine.families.source import SourceReader
from deployments.engine.preview import LatentRGB
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import SamplerKit


class StockFamily(ABC):
    """A :class:`~deployments.engine.families.base.Family` around a diffusers pipeline, but for its denoise loop.

    Args:
        model: the catalog's id.
        pipeline: loaded, on its device.
        latent_rgb: the map that previews are made with.
        loras: the folder of the LoRAs that requests may name.
    """

    denoiser: str
    """The name of the pipeline's denoising part."""
    text_encoders: tuple[str, ...]
    """The names of the parts that LoRAs may change while a prompt is encoded."""

    def __init__(self, model: str, pipeline: Any, latent_rgb: LatentRGB, loras: Path | None = None) -> None:
        network = getattr(pipeline, self.denoiser)
        self._model = model
        self._pipeline = pipeline
        self.dtype: torch.dtype = network.dtype
        self.device: torch.device = network.device
        self._latent_rgb = latent_rgb.to(self.device)
        self._cache = ConditioningCache()
        self._samplers = SamplerKit(pipeline.scheduler)
        self.loras = LoraLibrary(loras, partial(read_lora, pipeline=pipeline))
        self._look = SourceReader(pipeline.vae, self.dtype)

    def prepare(self, request: GenerationRequest) -> list[Item]:
        adapters = self.loras.adapters(request.loras)
        conditioning = self._cache.get(
            (self._prompt_key(request), versions(adapters)), partial(self._encode_with, request, adapters)
        )
        source = self._look(request)
        return [Item(request, index, conditioning, source, adapters) for index in range(request.n)]

    def _encode_with(self, request: GenerationRequest, adapters: Adapters) -> Conditioning:
        with applied(self._pipeline, self.text_encoders, adapters):
            return self._encode(request)

    @abstractmethod
    def _prompt_key(self, request: GenerationRequest) -> Hashable:
        """What of a request its conditioning depends on."""

    @abstractmethod
    def _encode(self, request: GenerationRequest) -> Conditioning:
        """The conditioning of a resolved request, by the pipeline's own ``encode_prompt``."""

    def batch_key(self, item: Item) -> BatchKey:
        width, height = item.size
        factor = self._granularity
        return BatchKey(self._model, height // factor, width // factor, item.conditioning.hidden.shape[1])

    @property
    def _granularity(self) -> int:
        """Pixels of a side of one latent, as the denoiser sees latents."""
        factor: int = self._pipeline.vae_scale_factor
        return factor

    def decode(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> list[Image]:
        pixels = self.pixels(states, tiled=tiled)
        images: list[Image] = self._pipeline.image_processor.postprocess(pixels, output_type="pil")
        return images

    def pixels(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> Tensor:
        vae = self._pipeline.vae
        latents = self._for_vae(states)
        large = max(latents.shape[-2:]) > vae.tile_latent_min_size
        decode = vae.tiled_decode if tiled and large else vae.decode
        pixels: Tensor = decode(latents, return_dict=False)[0]
        return pixels

    @abstractmethod
    def _for_vae(self, states: Sequence[DenoiseState]) -> Tensor:
        """Finished latents of equal keys as the VAE has them, (B, C, h, w)."""
