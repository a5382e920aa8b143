"""Samplers by name: which of diffusers' schedulers each one is, and what it changes of the weights' configuration."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import diffusers


@dataclass(frozen=True, slots=True)
class Recipe:
    """A scheduler class of diffusers by name, and the configuration that makes it the sampler people mean."""

    scheduler: str
    changes: Mapping[str, Any] = field(default_factory=dict)


_KARRAS = {"use_karras_sigmas": True}
_SDE = {"algorithm_type": "sde-dpmsolver++"}
_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}

RECIPES: Mapping[str, Recipe] = {
    "ddim": Recipe("DDIMScheduler"),
    "ddpm": Recipe("DDPMScheduler"),
    "pndm": Recipe("PNDMScheduler"),
    "euler": Recipe("EulerDiscreteScheduler"),
    "euler_karras": Recipe("EulerDiscreteScheduler", _KARRAS),
    "euler_a": Recipe("EulerAncestralDiscreteScheduler"),
    "heun": Recipe("HeunDiscreteScheduler"),
    "lms": Recipe("LMSDiscreteScheduler"),
    "dpm2": Recipe("KDPM2DiscreteScheduler"),
    "dpm2_a": Recipe("KDPM2AncestralDiscreteScheduler"),
    "dpmpp_2s": Recipe("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    "dpmpp_2m": Recipe("DPMSolverMultistepScheduler"),
    "dpmpp_2m_karras": Recipe("DPMSolverMultistepScheduler", _KARRAS),
    "dpmpp_2m_sde": Recipe("DPMSolverMultistepScheduler", _SDE),
    "dpmpp_2m_sde_karras": Recipe("DPMSolverMultistepScheduler", _SDE | _KARRAS),
    "dpmpp_sde": Recipe("DPMSolverSDEScheduler"),
    "deis": Recipe("DEISMultistepScheduler"),
    "unipc": Recipe("UniPCMultistepScheduler"),
    "lcm": Recipe("LCMScheduler"),
    "flow_euler": Recipe("FlowMatchEulerDiscreteScheduler"),
    "flow_heun": Recipe("FlowMatchHeunDiscreteScheduler"),
    "flow_dpmpp_2m": Recipe("DPMSolverMultistepScheduler", _FLOW),
    "flow_unipc": Recipe("UniPCMultistepScheduler", _FLOW),
    "flow_lcm": Recipe("FlowMatchLCMScheduler"),
}
"""Names as ComfyUI, A1111 and diffusers' own table of names
(https://huggingface.co/docs/diffusers/api/schedulers/overview) have them."""


class SamplerKit:
    """Makes schedulers for one model. Used by one thread.

    Args:
        template: the scheduler that the weights ship: its configuration is every sampler's ground.
    """

    def __init__(self, template: Any) -> None:
        self._templates: dict[str | None, Any] = {None: template}

    def scheduler(self, name: str | None, seed: int, **changes: Any) -> Any:
        """A scheduler that nobody else uses, its timesteps not yet set; the one that the weights ship for ``None``.

        It is what ``Class.from_config(pipeline.scheduler.config, **changes)`` makes. A sampler with a noise source of
        its own gets ``seed`` for it.

        Args:
            changes: of the configuration, beyond the recipe's.

        Raises:
            KeyError: there is no such sampler.
        """
        scheduler = self._made(name, changes) if changes else copy.deepcopy(self._template(name))
        if hasattr(scheduler, "noise_sampler_seed"):
            scheduler.noise_sampler_seed = seed
        return scheduler

    def _template(self, name: str | None) -> Any:
        if name not in self._templates:
            self._templates[name] = self._made(name, {})
        return self._templates[name]

    def _made(self, name: str | None, changes: Mapping[str, Any]) -> Any:
        shipped = self._templates[None]
        if name is None:
            return type(shipped).from_config(shipped.config, **changes)
        recipe = RECIPES[name]
        return getattr(diffusers, recipe.scheduler).from_config(shipped.config, **{**recipe.changes, **changes})
