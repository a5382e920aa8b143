"""The SD3 family: SD3 medium, SD3.5 large and large-turbo. A transformer, rectified flow, classifier-free guidance."""

from collections.abc import Hashable, Sequence
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from deployments.catalog import steps_taken
from deployments.engine.adapters import applied_to_rows
from deployments.engine.batching import BatchKey
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState, Item, advance, begin, foreseen
from deployments.engine.families.guidance import GuidedRows, is_guided
from deployments.engine.families.stock import Loaded, StockFamily
from deployments.engine.preview import LatentRGB
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler


class SD3Family(StockFamily):
    """Runs a ``StableDiffusion3Pipeline`` step by step. Latents are (1, 16, H/8, W/8).

    Args:
        max_sequence_length: T5 tokens; every prompt is padded to it, so that prompts of all lengths batch together.
    """

    denoiser = "transformer"
    text_encoders = ("text_encoder", "text_encoder_2")

    def __init__(self, loaded: Loaded, latent_rgb: LatentRGB, max_sequence_length: int) -> None:
        super().__init__(loaded, latent_rgb)
        self._max_sequence_length = max_sequence_length

    def _prompt_key(self, request: GenerationRequest) -> Hashable:
        return request.prompt, request.negative_prompt or "", is_guided(request)

    def _encode(self, request: GenerationRequest) -> Conditioning:
        hidden, negative, pooled, negative_pooled = self._pipeline.encode_prompt(
            prompt=request.prompt,
            prompt_2=None,
            prompt_3=None,
            negative_prompt=request.negative_prompt,
            do_classifier_free_guidance=is_guided(request),
            device=self.device,
            max_sequence_length=self._max_sequence_length,
        )
        return Conditioning(hidden, pooled, negative, negative_pooled)

    def start(self, item: Item) -> DenoiseState:
        key, source, generator = self.batch_key(item), item.source, item.generator()
        scheduler = self._scheduler(item, key)
        taken = steps_taken("sd3", item.steps, item.strength)
        first = None if source is None else (item.steps - taken) * scheduler.order
        sampler = Sampler(scheduler, taken, generator, begin_index=first, alone=item.inpaints)
        vae, clean, mask = self._pipeline.vae, None, None
        if source is not None:
            clean = (source.draw(generator) - vae.config.shift_factor) * vae.config.scaling_factor
        channels = self._pipeline.transformer.config.in_channels
        noise = randn_tensor((1, channels, key.height, key.width), generator, self.device, self.dtype)
        if source is not None and item.inpaints:
            mask = source.latent_mask(key.height, key.width, noise)
            source.draw_blanked(generator)
        return begin(item, key, sampler, noise=noise, pure=noise, clean=clean, mask=mask)

    def _scheduler(self, item: Item, key: BatchKey) -> Any:
        """The item's scheduler, its timesteps set as the stock pipeline sets them."""
        shipped = self._pipeline.scheduler.config
        sampler = item.request.sampler
        # the solvers that were made for flows later have a shift of their own; the weights' one is what was trained
        changes = {"flow_shift": shipped.shift} if sampler in {"flow_dpmpp_2m", "flow_unipc"} else {}
        scheduler = self._samplers.scheduler(sampler, item.seed, **changes)
        config, patch = scheduler.config, self._pipeline.patch_size
        moved = {}
        if config.get("use_dynamic_shifting"):
            moved["mu"] = calculate_shift(
                (key.height // patch) * (key.width // patch),
                config.get("base_image_seq_len", 256),
                config.get("max_image_seq_len", 4096),
                config.get("base_shift", 0.5),
                config.get("max_shift", 1.16),
            )
        scheduler.set_timesteps(item.steps, device="cpu", **moved)
        return scheduler

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        rows = GuidedRows(states)
        latents = torch.cat([state.latents for state in states])  # (B, C, h, w)
        timesteps = torch.tensor([s.sampler.timestep for s in rows.states], dtype=torch.float32, device=self.device)
        adapters = [state.item.adapters for state in rows.states]
        with applied_to_rows(self._pipeline, self.denoiser, adapters, self.device):
            output: Tensor = self._pipeline.transformer(
                hidden_states=rows.expand(latents),  # (R, C, h, w)
                timestep=timesteps,  # (R,)
                encoder_hidden_states=rows.hidden(),  # (R, T, D)
                pooled_projections=rows.pooled(),  # (R, P)
                return_dict=False,
            )[0]
        advance(states, latents, rows.mix(output))

    def rows(self, item: Item) -> int:
        return 2 if is_guided(item.request) else 1

    def preview(self, state: DenoiseState) -> Tensor:
        return self._latent_rgb(foreseen(state))

    def _for_vae(self, states: Sequence[DenoiseState]) -> Tensor:
        vae = self._pipeline.vae
        latents = torch.cat([state.latents for state in states])  # (B, C, h, w)
        return (latents / vae.config.scaling_factor) + vae.config.shift_factor
