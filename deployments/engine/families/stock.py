"""What all families have in common: a stock pipeline, whose parts and methods they use."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
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
from deployments.engine.families.control import Control
from deployments.engine.families.source import SourceReader
from deployments.engine.preview import LatentRGB
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import SamplerKit


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stock pipeline in memory, and what its adapter can't see from it.

    Attributes:
        model: the catalog's id.
        device: where forwards run, wherever the weights wait.
        dtype: of latents and conditioning, whatever the weights are stored in.
        encoder: the VAE that reads pictures, in the dtype that it must have for that; often the pipeline's own.
        controlnets: by the names that requests use.
        loras: the folder of the LoRAs that requests may name.
    """

    model: str
    pipeline: Any
    device: torch.device
    dtype: torch.dtype
    encoder: Any
    controlnets: Mapping[str, Any]
    loras: Path | None = None


class StockFamily(ABC):
    """A :class:`~deployments.engine.families.base.Family` around a diffusers pipeline, but for its denoise loop.

    Args:
        latent_rgb: the map that previews are made with.
        blanks: the denoiser takes the blanked picture as an input.
    """

    denoiser: str
    """The name of the pipeline's denoising part."""
    text_encoders: tuple[str, ...]
    """The names of the parts that LoRAs may change while a prompt is encoded."""

    def __init__(self, loaded: Loaded, latent_rgb: LatentRGB, *, blanks: bool = False) -> None:
        self._model = loaded.model
        self._pipeline = loaded.pipeline
        self.dtype = loaded.dtype
        self.device = loaded.device
        self._latent_rgb = latent_rgb.to(self.device)
        self._cache = ConditioningCache()
        self._samplers = SamplerKit(loaded.pipeline.scheduler)
        read = partial(read_lora, pipeline=loaded.pipeline, device=loaded.device, dtype=loaded.dtype)
        self.loras = LoraLibrary(loaded.loras, read)
        self._look = SourceReader(loaded.encoder, self.device, self.dtype, blanks=blanks)

    def prepare(self, request: GenerationRequest) -> list[Item]:
        adapters = self.loras.adapters(request.loras)
        conditioning = self._cache.get(
            (self._prompt_key(request), versions(adapters)), partial(self._encode_with, request, adapters)
        )
        source, control = self._look(request), self._control(request)
        return [Item(request, index, conditioning, source, adapters, control) for index in range(request.n)]

    def _encode_with(self, request: GenerationRequest, adapters: Adapters) -> Conditioning:
        with applied(self._pipeline, self.text_encoders, adapters):
            return self._encode(request)

    @abstractmethod
    def _prompt_key(self, request: GenerationRequest) -> Hashable:
        """What of a request its conditioning depends on."""

    @abstractmethod
    def _encode(self, request: GenerationRequest) -> Conditioning:
        """The conditioning of a resolved request, by the pipeline's own ``encode_prompt``."""

    def _control(self, request: GenerationRequest) -> Control | None:
        """The request's control image; a family without ControlNets has none."""
        return None

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
