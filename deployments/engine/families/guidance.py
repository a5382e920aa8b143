"""Classifier-free guidance in shared forwards: two rows for each image that wants it, one for the others."""

from collections.abc import Sequence

import torch
from torch import Tensor

from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState
from deployments.engine.request import GenerationRequest


def is_guided(request: GenerationRequest) -> bool:
    """The stock pipelines' rule: a scale of at most 1 switches classifier-free guidance off."""
    return request.guidance is not None and request.guidance > 1


class GuidedRows:
    """The rows of one forward: the unconditional half of every guided state, then all states in order.

    That is the stock pipelines' order for a batch of one.

    Attributes:
        states: the state of each row.
    """

    def __init__(self, states: Sequence[DenoiseState]) -> None:
        self._places = [place for place, state in enumerate(states) if is_guided(state.item.request)]
        self._guided = [states[place] for place in self._places]
        self._all = states
        self.states = [*self._guided, *states]

    def expand(self, inputs: Tensor) -> Tensor:
        """One row for each state (B, …) as one for each row (R, …)."""
        return torch.cat([inputs[self._places], inputs]) if self._guided else inputs

    def hidden(self) -> Tensor:
        """The rows' token states, (R, T, D)."""
        negative, positive = self._conditionings()
        return torch.cat([_there(c.negative_hidden) for c in negative] + [c.hidden for c in positive])

    def pooled(self) -> Tensor:
        """The rows' sentence states, (R, P)."""
        negative, positive = self._conditionings()
        return torch.cat([_there(c.negative_pooled) for c in negative] + [_there(c.pooled) for c in positive])

    def mix(self, output: Tensor) -> Tensor:
        """The model's ``output`` (R, …) as one guided prediction for each state, (B, …)."""
        count = len(self._guided)
        unconditional, conditional = output[:count], output[count:]
        if not count:
            return conditional
        everyone = count == len(self._all)
        text = conditional if everyone else conditional[self._places]
        scales = torch.tensor([state.item.guidance for state in self._guided], dtype=torch.float32)
        column = scales.view(-1, *[1] * (output.dim() - 1)).to(output.device)
        # the product is taken in float32 and rounded once, as torch does for a Python float times a half tensor
        mixed = unconditional + (column * (text - unconditional)).to(output.dtype)
        if everyone:
            return mixed
        return conditional.index_copy(0, torch.tensor(self._places, device=output.device), mixed)

    def _conditionings(self) -> tuple[list[Conditioning], list[Conditioning]]:
        return [s.item.conditioning for s in self._guided], [s.item.conditioning for s in self._all]


def _there(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise ValueError("a guided state needs the conditioning of its negative prompt, and of its pooled text")
    return tensor
