"""Trains SD 1.5's and SDXL's denoisers: they learn to see the noise in a picture, told what it shows."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from deployments.catalog import DEMO_WEIGHTS, card_for
from deployments.demo.pipelines import Shared, assemble
from deployments.demo.training import prompts
from deployments.demo.training.latents import LatentLibrary
from deployments.demo.training.samples import contact_sheet
from deployments.demo.training.stage import SEED, Stage

_BATCH = 32
_LARGEST_SNR = 5.0
"""Min-SNR weighting (Hang et al. 2023, https://arxiv.org/abs/2303.09556): easy, low-noise steps count for less."""
_OFFSET = 0.05
"""Noise that is the same all over a channel, as SDXL was trained with (Podell et al. 2023, appendix A,
https://arxiv.org/abs/2307.01952): the mean colour still shows through the most noise of this schedule, and sampling
starts where it does not."""


class UNetStage(Stage):
    """Noise prediction on the schedule of the latent diffusion models."""

    learning_rate = 1e-3
    muon = True
    small_first: ClassVar[float]
    """The share of steps that see small pictures: what is where is learnt there at a quarter of the work a picture."""

    def __init__(
        self, model: str, shared: Shared, unet: nn.Module, library: LatentLibrary, device: torch.device
    ) -> None:
        self._unet = unet
        self._library = library
        self._device = device
        self._card = card_for(model, DEMO_WEIGHTS)
        self._pipeline = assemble(model, shared, unet)
        self._pipeline.set_progress_bar_config(disable=True)
        self._noise = DDPMScheduler.from_config(self._pipeline.scheduler.config)
        powers = self._noise.alphas_cumprod.to(device)
        snr = powers / (1 - powers)
        self._weights = snr.clamp(max=_LARGEST_SNR) / snr  # (1000,)

    @property
    def modules(self) -> dict[str, nn.Module]:
        return {"unet": self._unet}

    def loss(self, step: int) -> Tensor:
        rng = np.random.default_rng([SEED, 6, step])
        latents, pictures, size = self._library.batch(rng, _BATCH, small=step < self.small_first * self.steps)
        latents = latents.to(self._device)
        noise = torch.randn_like(latents)
        noise += _OFFSET * torch.randn(*noise.shape[:2], 1, 1, device=self._device)
        # drawn by their weight instead of weighed: no forward is spent on what hardly counts
        timesteps = torch.multinomial(self._weights, len(latents), replacement=True)
        noisy = self._noise.add_noise(latents, noise, timesteps)
        told = self._told(prompts.prompts(pictures, rng), size, rng)
        predicted = self._unet(noisy, timesteps, return_dict=False, **told)[0]
        return (predicted - noise).square().mean()

    def sample(self, path: Path) -> None:
        contact_sheet(self._pipeline, self._card, path.with_suffix(".png"))

    def _told(self, texts: list[str], size: tuple[int, int], rng: np.random.Generator) -> dict[str, Any]:
        """The network's inputs besides latents and timesteps, for pictures of ``size`` (width, height)."""
        return {"encoder_hidden_states": prompts.unet_text(self._pipeline, texts, self._device)}


class SD15Stage(UNetStage):
    """SD 1.5."""

    name = "sd15"
    steps = 9000
    small_first = 0.27


class SDXLStage(UNetStage):
    """SDXL: pooled text and sizes as further inputs."""

    name = "sdxl"
    steps = 8000
    small_first = 0.275

    def _told(self, texts: list[str], size: tuple[int, int], rng: np.random.Generator) -> dict[str, Any]:
        hidden, pooled = prompts.unet_xl_text(self._pipeline, texts, self._device, rng)
        sizes = prompts.unet_xl_sizes(size, len(texts), self._device)
        return {"encoder_hidden_states": hidden, "added_cond_kwargs": {"text_embeds": pooled, "time_ids": sizes}}
