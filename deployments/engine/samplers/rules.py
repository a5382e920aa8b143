"""Steps of the plain samplers for many rows at once: the arithmetic of diffusers' schedulers, in their order.

In float32 a row's result is the scheduler's own, bit for bit on the CPU. The schedulers multiply half tensors by
float32 scalars, which gives half tensors: :func:`_times` and :func:`_over` round there too, though torch's kernels do
not agree among themselves whether the scalar is rounded first.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import torch
from diffusers import (
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor


class Rule(Protocol):
    """One kind of sampler. Latents, outputs and results are (B, …); each of ``columns`` is (B, 1, …) float32."""

    def coefficients(self, scheduler: Any, timesteps: Tensor) -> list[tuple[float, ...]]:
        """The numbers of the steps at ``timesteps``, the last ones of a scheduler whose beginning is set."""
        ...

    def scale(self, latents: Tensor, columns: Sequence[Tensor]) -> Tensor:
        """What ``scale_model_input`` makes of each row."""
        ...

    def step(
        self, output: Tensor, latents: Tensor, columns: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> Tensor:
        """What ``step`` makes of each row; a sampler that draws noise takes each row's from its own generator."""
        ...


class _Euler:
    """``EulerDiscreteScheduler``, without churn."""

    def coefficients(self, scheduler: Any, timesteps: Tensor) -> list[tuple[float, ...]]:
        return _pairs(scheduler, timesteps)

    def scale(self, latents: Tensor, columns: Sequence[Tensor]) -> Tensor:
        return _over(latents, (columns[0] ** 2 + 1) ** 0.5)

    def step(
        self, output: Tensor, latents: Tensor, columns: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> Tensor:
        sigma, following = columns
        sample = latents.to(torch.float32)
        derivative = (sample - self._clean(output, sample, sigma)) / sigma
        return (sample + derivative * (following - sigma)).to(output.dtype)

    def _clean(self, output: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        return sample - _times(output, sigma)


class _EulerV(_Euler):
    """The same for models that predict v."""

    def _clean(self, output: Tensor, sample: Tensor, sigma: Tensor) -> Tensor:
        return _times(output, -sigma / (sigma**2 + 1) ** 0.5) + sample / (sigma**2 + 1)


class _Ancestral(_Euler):
    """``EulerAncestralDiscreteScheduler``."""

    def step(
        self, output: Tensor, latents: Tensor, columns: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> Tensor:
        sigma, following = columns
        sample = latents.to(torch.float32)
        derivative = (sample - self._clean(output, sample, sigma)) / sigma
        up = (following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5
        down = (following**2 - up**2) ** 0.5
        sample = sample + derivative * (down - sigma)
        shape = (1, *output.shape[1:])
        noise = torch.cat([randn_tensor(shape, generator, output.device, output.dtype) for generator in generators])
        return (sample + _times(noise, up)).to(output.dtype)


class _AncestralV(_EulerV, _Ancestral):
    """The same for models that predict v."""


class _DDIM:
    """``DDIMScheduler`` with eta 0."""

    def coefficients(self, scheduler: Any, timesteps: Tensor) -> list[tuple[float, ...]]:
        config, powers = scheduler.config, scheduler.alphas_cumprod
        stride = config.num_train_timesteps // scheduler.num_inference_steps
        found: list[tuple[float, ...]] = []
        for timestep in timesteps.tolist():
            before = timestep - stride
            last = scheduler.final_alpha_cumprod
            found.append((powers[timestep].item(), (powers[before] if before >= 0 else last).item()))
        return found

    def scale(self, latents: Tensor, columns: Sequence[Tensor]) -> Tensor:
        return latents

    def step(
        self, output: Tensor, latents: Tensor, columns: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> Tensor:
        power, following = columns
        clean, noise = self._parts(output, latents, power, 1 - power)
        return _times(clean, following**0.5) + _times(noise, (1 - following) ** 0.5)

    def _parts(self, output: Tensor, latents: Tensor, power: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        """The picture and the noise that the model sees in the latents."""
        return _over(latents - _times(output, rest**0.5), power**0.5), output


class _DDIMV(_DDIM):
    """The same for models that predict v."""

    def _parts(self, output: Tensor, latents: Tensor, power: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
        return (
            _times(latents, power**0.5) - _times(output, rest**0.5),
            _times(output, power**0.5) + _times(latents, rest**0.5),
        )


class _FlowEuler:
    """``FlowMatchEulerDiscreteScheduler``, deterministic."""

    def coefficients(self, scheduler: Any, timesteps: Tensor) -> list[tuple[float, ...]]:
        return _pairs(scheduler, timesteps)

    def scale(self, latents: Tensor, columns: Sequence[Tensor]) -> Tensor:
        return latents

    def step(
        self, output: Tensor, latents: Tensor, columns: Sequence[Tensor], generators: Sequence[torch.Generator]
    ) -> Tensor:
        sigma, following = columns
        return (latents.to(torch.float32) + _times(output, following - sigma)).to(output.dtype)


_NOISE: dict[type, Rule] = {
    EulerDiscreteScheduler: _Euler(),
    EulerAncestralDiscreteScheduler: _Ancestral(),
    DDIMScheduler: _DDIM(),
}
_V: dict[type, Rule] = {
    EulerDiscreteScheduler: _EulerV(),
    EulerAncestralDiscreteScheduler: _AncestralV(),
    DDIMScheduler: _DDIMV(),
}
_FLOW_EULER = _FlowEuler()


def rule_for(scheduler: Any) -> Rule | None:
    """The rule that steps rows as ``scheduler`` does; ``None`` if there is none for its class or configuration."""
    kind = type(scheduler)
    if kind is FlowMatchEulerDiscreteScheduler:
        return None if scheduler.config.stochastic_sampling else _FLOW_EULER
    if kind not in _NOISE or scheduler.config.get("thresholding") or scheduler.config.get("clip_sample"):
        return None
    return {"epsilon": _NOISE, "v_prediction": _V}.get(scheduler.config.prediction_type, {}).get(kind)


def _pairs(scheduler: Any, timesteps: Tensor) -> list[tuple[float, ...]]:
    """Each step's sigma and the one after it."""
    first = scheduler.begin_index
    if first is None:
        first = scheduler.index_for_timestep(timesteps[0])
    sigmas = scheduler.sigmas.tolist()[first : first + len(timesteps) + 1]
    return list(pairwise(sigmas))


def _times(tensor: Tensor, column: Tensor) -> Tensor:
    return (tensor.to(torch.float32) * column).to(tensor.dtype)


def _over(tensor: Tensor, column: Tensor) -> Tensor:
    return (tensor.to(torch.float32) / column).to(tensor.dtype)
