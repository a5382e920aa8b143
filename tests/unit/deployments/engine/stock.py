"""The other side of every fidelity test: diffusers' own pipelines and schedulers."""

import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from deployments.catalog import card_for
from deployments.engine import GenerationRequest
from deployments.engine.pictures import Picture
from deployments.engine.request import LoraRef

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
STOCK_SAMPLERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ddim": (diffusers.DDIMScheduler, {}),
    "ddpm": (diffusers.DDPMScheduler, {}),
    "pndm": (diffusers.PNDMScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_karras": (diffusers.EulerDiscreteScheduler, {"use_karras_sigmas": True}),
    "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "lms": (diffusers.LMSDiscreteScheduler, {}),
    "dpm2": (diffusers.KDPM2DiscreteScheduler, {}),
    "dpm2_a": (diffusers.KDPM2AncestralDiscreteScheduler, {}),
    "dpmpp_2s": (diffusers.DPMSolverSinglestepScheduler, {"lower_order_final": True}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2m_sde_karras": (
        diffusers.DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_sde": (diffusers.DPMSolverSDEScheduler, {}),
    "deis": (diffusers.DEISMultistepScheduler, {}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
    "flow_euler": (diffusers.FlowMatchEulerDiscreteScheduler, {}),
    "flow_heun": (diffusers.FlowMatchHeunDiscreteScheduler, {}),
}


class FluxHeun(diffusers.FlowMatchHeunDiscreteScheduler):
    """Heun as the stock FLUX pipeline can run it: the size's shift instead of sigmas and mu."""

    def set_timesteps(self, sigmas: Any, device: Any, mu: float) -> None:
        self.register_to_config(shift=float(np.exp(mu)) if self.config.use_dynamic_shifting else self.config.shift)
        fresh = diffusers.FlowMatchHeunDiscreteScheduler(shift=self.config.shift)
        self.sigma_min, self.sigma_max = fresh.sigma_min, fresh.sigma_max
        super().set_timesteps(len(sigmas), device)


class SeededLCM(diffusers.FlowMatchLCMScheduler):
    """LCM with noise from the request's seed, after what the pipeline drew of it: the stock pipeline gives it none."""

    def drawing_from(self, seed: int, drawn: int) -> Any:
        self._seed, self._drawn, self._generator = seed, drawn, None
        return self

    def step(self, model_output: Any, timestep: Any, sample: Any, **kwargs: Any) -> Any:
        if self._generator is None:
            self._generator = torch.Generator("cpu").manual_seed(self._seed)
            for _ in range(self._drawn):  # the pipeline's own draws
                torch.randn(sample.shape, generator=self._generator)
        return super().step(model_output, timestep, sample, generator=self._generator, **kwargs)


class FlowDPM(diffusers.DPMSolverMultistepScheduler):
    """As a flow's pipeline asks for noise, which the solver that came to flows later calls by another name."""

    def scale_noise(self, sample: Any, timestep: Any, noise: Any) -> Any:
        return self.add_noise(sample, noise, timestep)

    def set_timesteps(self, num_inference_steps: Any = None, device: Any = None, mu: Any = None, sigmas: Any = None):  # type: ignore[no-untyped-def]
        # FLUX's pipelines from a picture on give sigmas, which this one does not take
        super().set_timesteps(num_inference_steps or len(sigmas), device, mu=mu)


class FlowUniPC(diffusers.UniPCMultistepScheduler):
    """The same for the other one."""

    def scale_noise(self, sample: Any, timestep: Any, noise: Any) -> Any:
        return self.add_noise(sample, noise, timestep)


FLOW_SAMPLERS: dict[str, Any] = {"flow_dpmpp_2m": FlowDPM, "flow_unipc": FlowUniPC}


class Stock:
    """The stock pipelines of a model, called as their documentation says."""

    def __init__(
        self, model: str, weights: Path | Any, loras: Path | None = None, controlnets: Mapping[str, Any] | None = None
    ) -> None:
        """``weights``: a folder in diffusers layout, or a pipeline that was loaded by other means."""
        self._loras = loras
        self._loaded: set[str] = set()
        self._controlnets = controlnets or {}
        self._card = card_for(model)
        if isinstance(weights, Path):
            weights = getattr(diffusers, self._card.pipeline).from_pretrained(weights, dtype=torch.float32)
        self._text = weights
        self._shipped = self._text.scheduler

    def __call__(self, request: GenerationRequest) -> NDArray[np.uint8]:
        return np.asarray(self._run(request, "pil"))

    def floats(self, request: GenerationRequest) -> torch.Tensor:
        """(3, H, W) in [0, 1], before they are rounded to 8 bits."""
        pixels: torch.Tensor = self._run(request, "pt")
        return pixels

    @cached_property
    def _image(self) -> Any:
        return diffusers.AutoPipelineForImage2Image.from_pipe(self._text)

    @cached_property
    def _inpaint(self) -> Any:
        return diffusers.AutoPipelineForInpainting.from_pipe(self._text)

    def _controlled(self, request: GenerationRequest) -> Any:
        """The stock pipeline of the request's mode, with its ControlNet."""
        kind: Any = diffusers.AutoPipelineForText2Image
        if request.image is not None:
            inpaint = request.mask is not None
            kind = diffusers.AutoPipelineForInpainting if inpaint else diffusers.AutoPipelineForImage2Image
        assert request.controlnet is not None
        return kind.from_pipe(self._text, controlnet=self._controlnets[request.controlnet])

    def _run(self, request: GenerationRequest, output_type: str) -> Any:
        extra: dict[str, Any] = {}
        if self._card.capabilities.supports_negative_prompt:
            extra["negative_prompt"] = request.negative_prompt
        if self._card.max_sequence_length is not None:
            extra["max_sequence_length"] = self._card.max_sequence_length
        extra["guidance_scale"] = self._card.default_guidance if request.guidance is None else request.guidance
        assert request.seed is not None
        pipeline, drawn = self._text, 1
        if request.image is not None:
            pipeline, drawn = (self._image, 2) if request.mask is None else (self._inpaint, 3)
            extra |= {"image": plain(request.image), "strength": request.strength}
        if request.control_image is not None:
            pipeline = self._controlled(request)
            extra |= {
                "image" if request.image is None else "control_image": plain(request.control_image),
                "controlnet_conditioning_scale": 1.0 if request.control_scale is None else request.control_scale,
                "control_guidance_start": request.control_start or 0.0,
                "control_guidance_end": request.control_end or 1.0,
            }
        if request.mask is not None:
            extra["mask_image"] = plain(request.mask)
        if "height" in signature(pipeline.__call__).parameters:
            extra |= {"width": request.width, "height": request.height}
        elif request.image is not None:  # these take the picture's own size
            extra["image"] = extra["image"].resize((request.width, request.height), Image.Resampling.LANCZOS)
        pipeline.scheduler = self._scheduler(request, drawn)
        if request.sampler == "flow_heun" and request.image is not None:
            # FLUX's pipelines take the number of timesteps for that of steps: Heun, which they can't run, has more
            pipeline.get_timesteps = lambda _, *rest: type(pipeline).get_timesteps(pipeline, request.steps, *rest)
        else:
            vars(pipeline).pop("get_timesteps", None)
        pipeline.set_progress_bar_config(disable=True)
        self._put_on(pipeline, request.loras)
        return pipeline(
            request.prompt,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type=output_type,
            **extra,
        ).images[0]

    def _put_on(self, pipeline: Any, loras: Sequence[LoraRef]) -> None:
        """Give the pipelines, which share their networks, these LoRAs and no others; each is loaded once."""
        for lora in loras:
            if lora.name not in self._loaded:
                assert self._loras is not None
                with warnings.catch_warnings(action="ignore"):  # PEFT wonders at a second adapter
                    pipeline.load_lora_weights(str(self._loras / f"{lora.name}.safetensors"), adapter_name=lora.name)
                self._loaded.add(lora.name)
        if loras:
            pipeline.enable_lora()
            pipeline.set_adapters([lora.name for lora in loras], [lora.scale for lora in loras])
        elif self._loaded:
            pipeline.disable_lora()

    def _scheduler(self, request: GenerationRequest, drawn: int) -> Any:
        """The scheduler that a user of the stock pipeline would put in."""
        if request.sampler is None:
            return type(self._shipped).from_config(self._shipped.config)
        flux = self._card.family == "flux"
        if request.sampler == "flow_heun" and flux:
            return FluxHeun.from_config(self._shipped.config)
        if request.sampler == "flow_lcm":
            return SeededLCM.from_config(self._shipped.config).drawing_from(request.seed, drawn)
        if (flow := FLOW_SAMPLERS.get(request.sampler)) is not None:
            changes = FLOW if flux else FLOW | {"flow_shift": self._shipped.config.shift}
            return flow.from_config(self._shipped.config, **changes)
        scheduler, changes = STOCK_SAMPLERS[request.sampler]
        if scheduler is diffusers.DPMSolverSDEScheduler:
            changes = {"noise_sampler_seed": request.seed}
        return scheduler.from_config(self._shipped.config, **changes)


def plain(picture: Any) -> Image.Image:
    """The PIL image of a request's picture, which the tests give as one."""
    assert isinstance(picture, Picture)
    assert isinstance(picture.source, Image.Image)
    return picture.source
