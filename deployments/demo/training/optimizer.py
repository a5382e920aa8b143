"""The optimiser of all trainings: AdamW, and Muon for the matrices inside of a network where a stage asks for it."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from diffusers.optimization import get_cosine_schedule_with_warmup
from torch import Tensor, nn

_SMALLEST = 8
"""Matrices no wider than this have little to orthogonalise."""


class Optimizer:
    """Takes steps with gradients clipped to norm 1.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) orthogonalises the update of a hidden matrix; a
    convolution counts as the matrix of its output channels by everything else. Updates are scaled to the size of
    AdamW's (Liu et al. 2025, https://arxiv.org/abs/2502.16982). Embeddings, first and last layers stay with AdamW, as
    is usual.

    Args:
        modules: what learns.
        muon: whether hidden matrices go to Muon.
    """

    def __init__(self, modules: nn.Module, learning_rate: float, steps: int, *, muon: bool) -> None:
        self.parameters = [p for p in modules.parameters() if p.requires_grad]
        hidden = list(_hidden(modules)) if muon else []
        # Muon takes matrices only: each is a view of its parameter
        self._views = [(p, nn.Parameter(p.data.view(len(p), -1))) for p in hidden]
        own = {id(p) for p in hidden}
        others = [p for p in self.parameters if id(p) not in own]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.99), weight_decay=0.01)
        ]
        if hidden:
            matrices = [view for _, view in self._views]
            self._optimizers.append(
                torch.optim.Muon(
                    matrices, lr=2 * learning_rate, momentum=0.95, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
                )
            )
        warm_up = min(100, steps // 10)
        self._schedules = [get_cosine_schedule_with_warmup(each, warm_up, steps) for each in self._optimizers]

    def step(self, loss: Tensor) -> None:
        """Change the parameters so that ``loss`` (a scalar) falls."""
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for parameter, view in self._views:
            view.grad = None if parameter.grad is None else parameter.grad.view(view.shape)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()

    def state_dict(self) -> dict[str, Any]:
        return {
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "schedules": [schedule.state_dict() for schedule in self._schedules],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for part, stored in zip(self._optimizers, state["optimizers"], strict=True):
            part.load_state_dict(stored)
        for schedule, stored in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(stored)


def _hidden(modules: nn.Module) -> Iterable[nn.Parameter]:
    """The matrices and convolutions inside of the networks' blocks (``layers``, as CLIP calls them)."""
    for name, parameter in modules.named_parameters():
        inside = ("block" in name or "layers" in name) and parameter.ndim in (2, 4) and parameter.requires_grad
        if inside and min(len(parameter), parameter[0].numel()) > _SMALLEST:
            yield parameter
