"""Samplers: diffusers' schedulers, one with its own state for each image, stepped together where they can be."""

from deployments.engine.samplers.recipes import Recipe, SamplerKit
from deployments.engine.samplers.sampler import Sampler
from deployments.engine.samplers.state import SamplerState, UnsavableState, Value
from deployments.engine.samplers.together import scale_together, step_together

__all__ = [
    "Recipe",
    "Sampler",
    "SamplerKit",
    "SamplerState",
    "UnsavableState",
    "Value",
    "scale_together",
    "step_together",
]
