"""ControlNets in shared forwards: each runs on the rows that ask for it, the others get nothing added."""

from typing import Any

import torch
from torch import Tensor

from deployments.engine.families.control import Control
from deployments.engine.families.guidance import GuidedRows


def residuals(
    rows: GuidedRows, inputs: Tensor, timesteps: Tensor, hidden: Tensor, added: dict[str, Tensor] | None
) -> dict[str, Any]:
    """What the ControlNets add inside of the UNet, as its arguments; empty where none acts on this forward.

    Args:
        inputs: the latents as the model sees them, (R, C, h, w).
        timesteps: (R,).
        hidden: the rows' token states, (R, T, D).
        added: SDXL's second conditioning, of all rows.
    """
    by_network: dict[int, tuple[list[int], list[Control]]] = {}
    for row, state in enumerate(rows.states):
        control = state.item.control
        if control is not None and control.acts(state.sampler):
            places, controls = by_network.setdefault(id(control.network), ([], []))
            places.append(row)
            controls.append(control)
    summed: list[Tensor] = []
    for places, controls in by_network.values():
        everyone = len(places) == len(inputs)
        index = torch.tensor(places, device=inputs.device)

        def own(tensor: Tensor, everyone: bool = everyone, index: Tensor = index) -> Tensor:
            return tensor if everyone else tensor[index]

        down, middle = controls[0].network(
            own(inputs),
            own(timesteps),
            encoder_hidden_states=own(hidden),
            controlnet_cond=torch.cat([control.image for control in controls]),
            added_cond_kwargs=None if added is None else {name: own(value) for name, value in added.items()},
            return_dict=False,
        )
        scales = torch.tensor([control.scale for control in controls], dtype=torch.float32, device=inputs.device)
        # scaled in float32 and rounded once, as torch does for a Python float times a half tensor
        scaled = [(part.float() * scales.view(-1, 1, 1, 1)).to(part.dtype) for part in (*down, middle)]
        if everyone:
            summed = scaled
            continue
        if not summed:
            summed = [part.new_zeros(len(inputs), *part.shape[1:]) for part in scaled]
        summed = [whole.index_copy(0, index, part) for whole, part in zip(summed, scaled, strict=True)]
    if not summed:
        return {}
    *down, middle = summed
    return {"down_block_additional_residuals": tuple(down), "mid_block_additional_residual": middle}
