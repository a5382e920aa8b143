"""A request's own sampler: a diffusers scheduler with its own state, stepped at the request's own pace."""

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from deployments.engine.samplers.rules import Rule, rule_for
from deployments.engine.samplers.state import Beginning, SamplerState


class Sampler:
    """One image's walk down its timesteps.

    Schedulers of diffusers hold scalar state (the step index, the history of multi-step solvers), so every image has a
    copy of its own. Steps are counted as the stock pipelines' progress bar counts them: a scheduler may take more
    forwards than the requested ``total`` (PNDM takes one more, Heun nearly twice as many).

    Attributes:
        total: the steps that were requested.
        steps_done: how many of them are done.
        steps_told: how many of them the loop has told its listeners.
        generator: the source of noise for samplers that draw some of their own.
        rule: how this sampler steps many rows at once; ``None`` for one that must step alone.

    Args:
        scheduler: a scheduler of the image's own, its timesteps set, on the CPU: schedulers look at their values, and
            each look at a device tensor would wait for the device.
        total: the steps that were requested.
        begin_index: where in the timesteps the walk starts; ``None`` starts at the first and lets the scheduler look
            its index up, as stock pipelines do that never call ``set_begin_index``.
        alone: step by the scheduler itself whatever its kind, so that :meth:`noised` can be asked after each step.
    """

    def __init__(
        self,
        scheduler: Any,
        total: int,
        generator: torch.Generator,
        *,
        begin_index: int | None = None,
        alone: bool = False,
    ) -> None:
        self._scheduler = scheduler
        self._timesteps: Tensor = scheduler.timesteps[begin_index or 0 :]  # (T,), the scheduler's dtype
        self._values: list[float] = self._timesteps.tolist()
        self._cursor = 0
        # as in the stock pipelines: the forwards by which a scheduler with more timesteps than steps runs ahead
        self._warmup = max(len(self._values) - total * scheduler.order, 0)
        self._extra: dict[str, Any] = {}
        parameters = inspect.signature(scheduler.step).parameters
        if "eta" in parameters:
            self._extra["eta"] = 0.0
        if "generator" in parameters:
            self._extra["generator"] = generator
        if begin_index is not None and hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin_index)
        self.total = total
        self.generator = generator
        self.steps_done = 0
        self.steps_told = 0
        self.rule: Rule | None = None if alone else rule_for(scheduler)
        self._coefficients = [] if self.rule is None else self.rule.coefficients(scheduler, self._timesteps)
        self._beginning = Beginning(scheduler)

    @property
    def timestep(self) -> float:
        """The timestep of the next forward. Raises IndexError when the walk is over."""
        return self._values[self._cursor]

    @property
    def coefficients(self) -> tuple[float, ...]:
        """What :attr:`rule` needs to know of the next step. Raises IndexError when the walk is over."""
        return self._coefficients[self._cursor]

    @property
    def done(self) -> bool:
        """No forward is left."""
        return self._cursor == len(self._values)

    @property
    def forwards_taken(self) -> int:
        """Forwards taken."""
        return self._cursor

    @property
    def forwards_left(self) -> int:
        """Forwards still to take."""
        return len(self._values) - self._cursor

    def scale(self, latents: Tensor) -> Tensor:
        """``latents`` (1, …) as the model wants to see them at :attr:`timestep`."""
        if self.rule is not None:
            return self.rule.scale(latents, columns([self], latents))
        if not hasattr(self._scheduler, "scale_model_input"):
            return latents
        scaled: Tensor = self._scheduler.scale_model_input(latents, self._timesteps[self._cursor])
        return scaled

    def step(self, output: Tensor, latents: Tensor) -> Tensor:
        """One step by the scheduler itself: the model's ``output`` for ``latents`` gives the next latents."""
        following: Tensor = self._scheduler.step(
            output, self._timesteps[self._cursor], latents, **self._extra, return_dict=False
        )[0]
        self.advance()
        return following

    def noised(self, clean: Tensor, noise: Tensor) -> Tensor:
        """``clean`` (1, …) with as much of ``noise`` as there is at :attr:`timestep`."""
        scheduler = copy.copy(self._scheduler)  # some move their tables to the latents' device, or begin to count
        timestep = self._timesteps[self._cursor : self._cursor + 1]
        if hasattr(scheduler, "scale_noise"):
            mixed: Tensor = scheduler.scale_noise(clean, timestep, noise)
            return mixed
        added: Tensor = scheduler.add_noise(clean, noise, timestep)
        return added

    def advance(self) -> None:
        """Count a step that was made."""
        self._cursor += 1
        if self.done or (self._cursor > self._warmup and self._cursor % self._scheduler.order == 0):
            self.steps_done += 1

    def state(self) -> SamplerState:
        """How far it has got and what it remembers. Tensors are its own: the next step may replace what they show.

        Raises:
            UnsavableState: its scheduler holds something that can't be told.
        """
        changes = self._beginning.changes(self._scheduler)
        return SamplerState(self._cursor, self.steps_done, changes, self.generator.get_state())

    def restore(self, state: SamplerState) -> None:
        """Go on where another sampler of the same image was, as if this one had taken its steps and told of them.

        This one must not have taken a step. ``state``'s tensors are its own from now on, and where its latents are.

        Raises:
            ValueError: no forward of ``state`` is in this walk, or none is left after it.
        """
        if not 0 < state.forwards_taken < len(self._values):
            raise ValueError(f"{state.forwards_taken} of {len(self._values)} forwards are taken")
        self.generator.set_state(state.generator)
        vars(self._scheduler).update(state.scheduler)
        self._cursor = state.forwards_taken
        self.steps_done = self.steps_told = state.steps_done


def columns(samplers: Sequence[Sampler], like: Tensor) -> list[Tensor]:
    """The samplers' coefficients as columns (B, 1, …), float32, on the device of ``like``."""
    table = torch.tensor([sampler.coefficients for sampler in samplers], dtype=torch.float32).T.to(like.device)
    return [column.view(-1, *[1] * (like.dim() - 1)) for column in table]
