"""The FLUX family: flux-dev (guidance is an input of the model) and flux-schnell (no guidance)."""

import math
from collections.abc import Hashable, Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.flux.pipeline_flux import calculate_shift
from torch import Tensor

from deployments.catalog import steps_taken
from deployments.engine.adapters import applied_to_rows
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState, Item, advance, begin, foreseen
from deployments.engine.families.stock import Loaded, StockFamily
from deployments.engine.preview import LatentRGB
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler


class FluxFamily(StockFamily):
    """Runs a ``FluxPipeline`` step by step.

    Latents are packed: (1, H/16 · W/16, 64), one row per 2 × 2 patch of the VAE's 16 channels.

    Args:
        max_sequence_length: T5 tokens; every prompt is padded to it, so that prompts of all lengths batch together.
    """

    denoiser = "transformer"
    text_encoders = ("text_encoder",)

    def __init__(self, loaded: Loaded, latent_rgb: LatentRGB, max_sequence_length: int) -> None:
        super().__init__(loaded, latent_rgb)
        self._max_sequence_length = max_sequence_length
        self._has_guidance: bool = loaded.pipeline.transformer.config.guidance_embeds

    def _prompt_key(self, request: GenerationRequest) -> Hashable:
        return request.prompt

    def _encode(self, request: GenerationRequest) -> Conditioning:
        hidden, pooled, _ = self._pipeline.encode_prompt(
            prompt=request.prompt,
            prompt_2=None,
            device=self.device,
            num_images_per_prompt=1,
            max_sequence_length=self._max_sequence_length,
        )
        return Conditioning(hidden, pooled)

    @property
    def _granularity(self) -> int:
        return 2 * super()._granularity  # a packed latent covers 2 × 2 of the VAE's

    def start(self, item: Item) -> DenoiseState:
        key, source, generator = self.batch_key(item), item.source, item.generator()
        scheduler = self._scheduler(item, key.height * key.width)
        taken = steps_taken("flux", item.steps, item.strength)
        first = (item.steps - taken) * scheduler.order
        sampler = Sampler(scheduler, taken, generator, begin_index=first, alone=item.inpaints)
        vae, clean, mask = self._pipeline.vae, None, None
        if source is not None:
            drawn = source.draw(generator)
            clean = self._packed((drawn - vae.config.shift_factor) * vae.config.scaling_factor)
        width, height = item.size
        channels = self._pipeline.transformer.config.in_channels // 4
        noise, _ = self._pipeline.prepare_latents(1, channels, height, width, self.dtype, self.device, generator)
        if source is not None and item.inpaints:
            mask = self._packed(source.latent_mask(2 * key.height, 2 * key.width, noise).repeat(1, channels, 1, 1))
            source.draw_blanked(generator)
        return begin(item, key, sampler, noise=noise, pure=noise, clean=clean, mask=mask)

    def _scheduler(self, item: Item, tokens: int) -> Any:
        """The item's scheduler, its timesteps set as the stock pipeline sets them for a picture of ``tokens``."""
        config = self._pipeline.scheduler.config
        mu = calculate_shift(
            tokens,
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.15),
        )
        if item.request.sampler == "flow_heun":
            # the stock pipeline can't run Heun, which takes no sigmas and no mu: a shift of exp(mu) is the same curve
            shift = math.exp(mu) if config.use_dynamic_shifting else config.shift
            scheduler = self._samplers.scheduler(item.request.sampler, item.seed, shift=shift)
            scheduler.set_timesteps(item.steps, device="cpu")
            return scheduler
        scheduler = self._samplers.scheduler(item.request.sampler, item.seed)
        # a solver that has sigmas of its own is left to them; but from a picture on, the stock pipelines give it theirs
        given = item.source is not None and "sigmas" in signature(scheduler.set_timesteps).parameters
        if scheduler.config.get("use_flow_sigmas") and not given:
            scheduler.set_timesteps(item.steps, device="cpu", mu=mu)
        else:
            scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / item.steps, item.steps), device="cpu", mu=mu)
        return scheduler

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        key = states[0].key
        conditionings = [state.item.conditioning for state in states]
        timesteps = torch.tensor([s.sampler.timestep for s in states], dtype=torch.float32, device=self.device)
        timesteps = timesteps.to(self.dtype) / 1000  # cast first and then divided, as the stock pipeline does
        guidance = None
        if self._has_guidance:
            guidance = torch.tensor([s.item.guidance for s in states], dtype=torch.float32, device=self.device)
        latents = torch.cat([state.latents for state in states])  # (B, h·w, 64)
        adapters = [state.item.adapters for state in states]
        with applied_to_rows(self._pipeline, self.denoiser, adapters, self.device):
            output: Tensor = self._pipeline.transformer(
                hidden_states=latents,
                timestep=timesteps,  # (B,)
                guidance=guidance,
                pooled_projections=torch.cat([c.pooled for c in conditionings if c.pooled is not None]),  # (B, P)
                encoder_hidden_states=torch.cat([c.hidden for c in conditionings]),  # (B, T, D)
                txt_ids=torch.zeros(key.tokens, 3, device=self.device, dtype=self.dtype),
                img_ids=self._pipeline._prepare_latent_image_ids(1, key.height, key.width, self.device, self.dtype),
                return_dict=False,
            )[0]
        advance(states, latents, output)

    def rows(self, item: Item) -> int:
        return 1

    def preview(self, state: DenoiseState) -> Tensor:
        return self._latent_rgb(self._unpacked(foreseen(state), state.item))

    def _for_vae(self, states: Sequence[DenoiseState]) -> Tensor:
        vae = self._pipeline.vae
        latents = self._unpacked(torch.cat([state.latents for state in states]), states[0].item)
        return (latents / vae.config.scaling_factor) + vae.config.shift_factor

    def _packed(self, latents: Tensor) -> Tensor:
        """Latents (1, C, H/8, W/8) as the transformer has them, (1, h·w, 4C)."""
        packed: Tensor = self._pipeline._pack_latents(latents, *latents.shape)
        return packed

    def _unpacked(self, latents: Tensor, item: Item) -> Tensor:
        """Packed latents (B, h·w, 64) as the VAE has them, (B, 16, H/8, W/8)."""
        width, height = item.size
        unpacked: Tensor = self._pipeline._unpack_latents(latents, height, width, self._pipeline.vae_scale_factor)
        return unpacked
