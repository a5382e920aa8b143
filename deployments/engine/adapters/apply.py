"""LoRAs over a forward: each row gets the low-rank terms of its own, and the weights stay as they are.

Terms are added to a layer's output by a hook that is there for one forward only. So nothing has to be undone for the
base model to be itself again, loading changes no module, and rows with different LoRAs, or none, share a forward.
A hook acts in the thread that placed it alone: models of one process may share their text encoders.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from deployments.engine.adapters.library import Adapters
from deployments.engine.adapters.lora import LowRank

_Terms = list[tuple[LowRank, float, Tensor | None]]
"""Of one layer: the term, its strength, and the rows it is for; ``None`` for all."""


@contextmanager
def applied(pipeline: Any, components: Sequence[str], adapters: Adapters) -> Iterator[None]:
    """While inside, ``adapters`` act on every row of the pipeline's ``components``."""
    terms: dict[nn.Module, _Terms] = {}
    for component in components:
        _collect(terms, getattr(pipeline, component, None), component, adapters, None)
    with _hooked(terms):
        yield


@contextmanager
def applied_to_rows(pipeline: Any, component: str, rows: Sequence[Adapters], device: torch.device) -> Iterator[None]:
    """While inside, row i of each tensor in the component's forward, on ``device``, is changed by ``rows[i]``."""
    groups: dict[Adapters, list[int]] = {}
    for row, adapters in enumerate(rows):
        if adapters:
            groups.setdefault(adapters, []).append(row)
    terms: dict[nn.Module, _Terms] = {}
    module = getattr(pipeline, component)
    for adapters, places in groups.items():
        everyone = len(places) == len(rows)
        index = None if everyone else torch.tensor(places, device=device)
        _collect(terms, module, component, adapters, index)
    with _hooked(terms):
        yield


def _collect(
    terms: dict[nn.Module, _Terms], module: nn.Module | None, component: str, adapters: Adapters, rows: Tensor | None
) -> None:
    if module is None:
        return
    for lora, strength in adapters:
        for name, term in lora.parts.get(component, {}).items():
            terms.setdefault(module.get_submodule(name), []).append((term, strength, rows))


@contextmanager
def _hooked(terms: dict[nn.Module, _Terms]) -> Iterator[None]:
    me = get_ident()
    handles = [layer.register_forward_hook(partial(_add, own, me)) for layer, own in terms.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _add(terms: _Terms, thread: int, layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
    if get_ident() != thread:
        return output
    (inputs,) = args
    for term, strength, rows in terms:
        if rows is None:
            output = output + _through(layer, inputs, term, strength)
        else:
            output = output.index_add(0, rows, _through(layer, inputs[rows], term, strength))
    return output


def _through(layer: nn.Module, inputs: Tensor, term: LowRank, strength: float) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        low = functional.conv2d(inputs, term.down, None, layer.stride, layer.padding, layer.dilation)
        return functional.conv2d(low, term.up) * (strength * term.scaling)
    # rows laid end to end, as torch multiplies by the stock pipeline's trainable weights: it decides the last bit
    flat = inputs.reshape(-1, inputs.shape[-1])
    added = functional.linear(functional.linear(flat, term.down), term.up).unflatten(0, inputs.shape[:-1])
    return added * (strength * term.scaling)
