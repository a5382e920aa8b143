"""What steps change of a diffusers scheduler, told as values that can be written down.

Schedulers keep what they need of earlier steps in plain attributes: an index, scalars, tensors, lists of them. So what
has changed since the first step is a sampler's state, whatever its kind, and laid over a fresh scheduler of the same
request it is that sampler again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

Value: TypeAlias = "Tensor | bool | int | float | str | list[Value] | tuple[Value, ...] | None"
"""What an attribute may hold to be told."""

_REMADE = frozenset({"noise_sampler"})
"""Left out, because the scheduler makes it again when it is not there. DPM++ SDE draws from a Brownian tree that is
grown from the image's seed alone: its answers do not depend on what it was asked before."""


class UnsavableState(TypeError):
    """The scheduler holds something that is neither a tensor nor a plain value."""


@dataclass(frozen=True, slots=True)
class SamplerState:
    """A sampler between two steps.

    Attributes:
        forwards_taken: at least 1, and fewer than there are.
        steps_done: as people count them.
        scheduler: the attributes that are not what they were before the first step.
        generator: where the image's noise has got to, uint8, as ``torch.Generator.get_state`` tells it.
    """

    forwards_taken: int
    steps_done: int
    scheduler: Mapping[str, Value]
    generator: Tensor


class Beginning:
    """A scheduler before its first step, remembered to know what steps have changed."""

    def __init__(self, scheduler: Any) -> None:
        # held in memory, so that no later value can have the identity of one of these
        self._held = [list(value) if isinstance(value, list) else value for value in vars(scheduler).values()]
        self._marks = {name: _mark(value) for name, value in vars(scheduler).items()}

    def changes(self, scheduler: Any) -> dict[str, Value]:
        """The attributes that hold something else now. Tensors are the scheduler's own.

        Raises:
            UnsavableState: one of them can't be told.
        """
        return {
            name: _told(name, value)
            for name, value in vars(scheduler).items()
            if name not in _REMADE and self._marks.get(name) != _mark(value)
        }


def _mark(value: object) -> object:
    """Equal for two looks at one object that nobody has written into in between; looks at no numbers."""
    if isinstance(value, list):
        return [_mark(one) for one in value]
    return (id(value), value._version) if isinstance(value, Tensor) else id(value)


def _told(name: str, value: Any) -> Value:
    if isinstance(value, list):
        return [_told(name, one) for one in value]
    if isinstance(value, tuple):  # also torch.Size
        return tuple(_told(name, one) for one in value)
    # exact types: numpy's scalars are floats too, but count otherwise
    if value is None or isinstance(value, Tensor) or type(value) in {bool, int, float, str}:
        told: Value = value
        return told
    raise UnsavableState(f"its {name} holds a {type(value).__name__}")
