"""The UNet family: SD 1.5, 2.1 and Turbo, SDXL and SDXL-Turbo."""

from collections.abc import Hashable, Sequence

import torch
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from deployments.catalog import steps_taken
from deployments.engine.adapters import applied_to_rows
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState, Item, advance, begin
from deployments.engine.families.control import Control, ControlReader
from deployments.engine.families.guidance import GuidedRows, is_guided
from deployments.engine.families.residuals import residuals
from deployments.engine.families.stock import Loaded, StockFamily
from deployments.engine.preview import LatentRGB
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler, scale_together


class UNetFamily(StockFamily):
    """Runs a ``StableDiffusionPipeline`` or ``StableDiffusionXLPipeline``, step by step.

    Latents are (1, C, H/8, W/8). ``conditioning.pooled`` is set for SDXL only, and says which of the two this is.
    """

    denoiser = "unet"
    text_encoders = ("text_encoder", "text_encoder_2")

    def __init__(self, loaded: Loaded, latent_rgb: LatentRGB) -> None:
        pipeline = loaded.pipeline
        if pipeline.unet.config.time_cond_proj_dim is not None:
            raise ValueError("UNets with an embedded guidance scale (time_cond_proj_dim) are not served yet")
        channels = pipeline.vae.config.latent_channels
        self._inpaints = pipeline.unet.config.in_channels == channels + 1 + channels
        if pipeline.unet.config.in_channels != channels and not self._inpaints:
            raise ValueError("UNets that take another picture beside the latents (instruct) are not served yet")
        super().__init__(loaded, latent_rgb, blanks=self._inpaints)
        self._is_xl = hasattr(pipeline, "text_encoder_2")
        powers = getattr(pipeline.scheduler, "alphas_cumprod", None)  # EDM's samplers have none
        self._powers: list[float] = [] if powers is None else powers.tolist()
        self._prediction: str = pipeline.scheduler.config.prediction_type
        self._read_control = ControlReader(loaded.controlnets, pipeline, self.device, self.dtype)

    def _control(self, request: GenerationRequest) -> Control | None:
        return self._read_control(request)

    def _prompt_key(self, request: GenerationRequest) -> Hashable:
        # an absent negative prompt is not an empty one: SDXL takes zeros for it
        return request.prompt, request.negative_prompt, is_guided(request)

    def _encode(self, request: GenerationRequest) -> Conditioning:
        embeddings = self._pipeline.encode_prompt(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            device=self.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=is_guided(request),
        )
        if self._is_xl:
            hidden, negative, pooled, negative_pooled = embeddings
            return Conditioning(hidden, pooled, negative, negative_pooled)
        hidden, negative = embeddings
        return Conditioning(hidden, negative_hidden=negative)

    def start(self, item: Item) -> DenoiseState:
        key, source, generator = self.batch_key(item), item.source, item.generator()
        scheduler = self._samplers.scheduler(item.request.sampler, item.seed)
        scheduler.set_timesteps(item.steps, device="cpu")
        taken = steps_taken("unet", item.steps, item.strength)
        # the SDXL pipeline always pins the first index, the SD 1.5 pipeline only when it starts from a picture
        first = (item.steps - taken) * scheduler.order if self._is_xl or source is not None else None
        sampler = Sampler(scheduler, taken, generator, begin_index=first, alone=item.inpaints and not self._inpaints)
        clean = mask = blanked = None
        if source is not None and not (self._inpaints and item.strength == 1.0):
            clean = self._scaled(source.draw(generator).to(self.dtype))
        shape = (1, self._pipeline.vae.config.latent_channels, key.height, key.width)
        noise = randn_tensor(shape, generator, self.device, self.dtype)
        if source is not None and item.inpaints:
            mask, blanked = source.latent_mask(key.height, key.width, noise), source.draw_blanked(generator)
        state = begin(
            item,
            key,
            sampler,
            noise=noise,
            pure=noise * scheduler.init_noise_sigma,
            clean=clean,
            mask=None if self._inpaints else mask,
        )
        if mask is not None and blanked is not None:
            state.extra = torch.cat([mask, self._scaled(blanked.to(self.dtype))], dim=1)
        return state

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        rows = GuidedRows(states)
        inputs = scale_together([state.sampler for state in states], [state.latents for state in states])
        timesteps = torch.tensor([s.sampler.timestep for s in rows.states], dtype=torch.float32, device=self.device)
        expanded, added = rows.expand(inputs), self._added(rows) if self._is_xl else None
        hidden = rows.hidden()
        controlled = residuals(rows, expanded, timesteps, hidden, added)
        if self._inpaints:
            extra = [state.extra for state in states if state.extra is not None]
            expanded = torch.cat([expanded, rows.expand(torch.cat(extra))], dim=1)
        adapters = [state.item.adapters for state in rows.states]
        with applied_to_rows(self._pipeline, self.denoiser, adapters, self.device):
            output: Tensor = self._pipeline.unet(
                expanded,  # (R, C, h, w)
                timesteps,  # (R,)
                encoder_hidden_states=hidden,  # (R, T, D)
                added_cond_kwargs=added,
                return_dict=False,
                **controlled,
            )[0]
        advance(states, inputs, rows.mix(output))

    def _added(self, rows: GuidedRows) -> dict[str, Tensor]:
        """SDXL's second conditioning: pooled text (R, P), and original size, crop and target size (R, 6)."""
        sizes = []
        for state in rows.states:
            width, height = state.item.size
            sizes.append([height, width, 0, 0, height, width])
        return {
            "text_embeds": rows.pooled(),
            "time_ids": torch.tensor(sizes, dtype=self.dtype, device=self.device),
        }

    def rows(self, item: Item) -> int:
        return 2 if is_guided(item.request) else 1

    def preview(self, state: DenoiseState) -> Tensor:
        glimpse = state.glimpse
        if glimpse is None or not self._powers:
            return self._latent_rgb(state.latents)
        power = self._powers[min(max(round(glimpse.timestep), 0), len(self._powers) - 1)]
        kept, noise = power**0.5, (1 - power) ** 0.5  # the input is kept × picture + noise × noise, for every sampler
        if self._prediction == "v_prediction":
            clean = kept * glimpse.inputs - noise * glimpse.predicted
        else:
            clean = (glimpse.inputs - noise * glimpse.predicted) / kept
        return self._latent_rgb(clean if state.kept is None else state.kept.over(clean))

    def _for_vae(self, states: Sequence[DenoiseState]) -> Tensor:
        vae = self._pipeline.vae
        latents = torch.cat([state.latents for state in states])  # (B, C, h, w)
        if self._is_xl:
            latents = latents.to(vae.dtype)
        if (shift := self._shift(latents)) is not None:
            mean, std = shift
            return latents * std / vae.config.scaling_factor + mean
        return latents / vae.config.scaling_factor

    def _scaled(self, drawn: Tensor) -> Tensor:
        """Latents as the VAE draws them, as the denoiser sees them."""
        factor: float = self._pipeline.vae.config.scaling_factor
        if (shift := self._shift(drawn)) is not None:
            mean, std = shift
            return (drawn - mean) * factor / std
        return factor * drawn

    def _shift(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Mean and deviation of the latents, (1, C, 1, 1), of an SDXL whose VAE tells them."""
        config = self._pipeline.vae.config
        if not (self._is_xl and getattr(config, "latents_mean", None) and getattr(config, "latents_std", None)):
            return None
        mean, std = (
            torch.tensor(one).view(1, -1, 1, 1).to(like.device, like.dtype)
            for one in (config.latents_mean, config.latents_std)
        )
        return mean, std
