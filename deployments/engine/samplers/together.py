"""Many images' sampler steps in as few operations as their kinds allow; one that fails takes no other with it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from deployments.engine.samplers.rules import Rule
from deployments.engine.samplers.sampler import Sampler, columns


def scale_together(samplers: Sequence[Sampler], latents: Sequence[Tensor]) -> Tensor:
    """Each sampler's latents (1, …) as the model wants to see them, in one tensor (B, …)."""
    scaled: list[Tensor | None] = [None] * len(samplers)
    for rule, places in _kinds(samplers).items():
        if rule is None:
            for place in places:
                scaled[place] = samplers[place].scale(latents[place])
        else:
            together = torch.cat([latents[place] for place in places])
            rows = rule.scale(together, columns([samplers[place] for place in places], together))
            if len(places) == len(samplers):
                return rows
            for place, row in zip(places, rows.split(1), strict=True):
                scaled[place] = row
    return torch.cat([row for row in scaled if row is not None])


def step_together(samplers: Sequence[Sampler], outputs: Tensor, latents: Sequence[Tensor]) -> list[Tensor | Exception]:
    """One step of each sampler.

    Args:
        outputs: what the model predicts for each row, (B, …).
        latents: of each row, (1, …).

    Returns:
        for each row its next latents (1, …), or what its sampler raised.
    """
    stepped: list[Tensor | Exception | None] = [None] * len(samplers)
    for rule, places in _kinds(samplers).items():
        if rule is None:
            for place in places:
                stepped[place] = _alone(samplers[place], outputs[place : place + 1], latents[place])
            continue
        chosen = [samplers[place] for place in places]
        together = torch.cat([latents[place] for place in places])
        output = outputs if len(places) == len(samplers) else outputs[places]
        generators = [sampler.generator for sampler in chosen]
        try:
            rows = rule.step(output, together, columns(chosen, together), generators).split(1)
        except Exception as error:  # noqa: BLE001  (as below: rows of other kinds may have taken their steps)
            stepped = [error if place in places else row for place, row in enumerate(stepped)]
            continue
        for place, row in zip(places, rows, strict=True):
            samplers[place].advance()
            stepped[place] = row
    return [row for row in stepped if row is not None]


def _alone(sampler: Sampler, output: Tensor, latents: Tensor) -> Tensor | Exception:
    try:
        return sampler.step(output, latents)
    except Exception as error:  # noqa: BLE001  (it is this row's result, and its neighbours' are still to come)
        return error


def _kinds(samplers: Sequence[Sampler]) -> dict[Rule | None, list[int]]:
    """The places of the samplers of each rule."""
    kinds: dict[Rule | None, list[int]] = {}
    for place, sampler in enumerate(samplers):
        kinds.setdefault(sampler.rule, []).append(place)
    return kinds
