"""Requests that are saved after every step, and taken up by another engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import Checkpoint, Completed, ImageReady
from deployments.engine.loader import LoadedModel
from tests.unit.deployments.engine.listener import Listener

Pixels = NDArray[np.uint8]


class Unhurried:
    """Another family, each of whose forwards waits until the listener has what was saved of the one before it."""

    def __init__(self, family: Any, listener: Listener) -> None:
        self._family = family
        self._listener = listener
        self._begun: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._family, name)

    def denoise(self, states: Sequence[Any]) -> None:
        for state in states:
            index, step = state.item.index, state.sampler.steps_done
            if step > self._begun.setdefault(index, step):
                self._listener.wait_for(Checkpoint, index=index, step=step)
        self._family.denoise(states)


@dataclass(frozen=True)
class Record:
    """What came of a request: its images by index, and its checkpoints by index and step."""

    images: list[Pixels]
    checkpoints: dict[tuple[int, int], bytes]
    listener: Listener


def recorded(model: LoadedModel, request: GenerationRequest, resume: Mapping[int, bytes] | None = None) -> Record:
    """Make the request's images in an engine of its own that saves them after every step."""
    listener = Listener()
    with Engine(Unhurried(model.family, listener), model.card, weights_id=model.weights_id) as engine:
        engine.submit(request, listener, resume=resume, checkpoint_every_s=0)
        assert isinstance(listener.wait(), Completed), listener.events[-1]
    saved = [event for event in listener.events if isinstance(event, Checkpoint)]
    return Record(pictures(listener.events), {(event.index, event.step): event.data for event in saved}, listener)


def resumed(model: LoadedModel, request: GenerationRequest, resume: Mapping[int, bytes] | None = None) -> list[Pixels]:
    """Make the request's images in an engine of its own."""
    with Engine(model.family, model.card, weights_id=model.weights_id) as engine:
        return [np.asarray(image) for image in engine.generate(request, resume=resume).images]


def pictures(events: Sequence[object]) -> list[Pixels]:
    """The images among ``events``, by index."""
    ready = sorted((event for event in events if isinstance(event, ImageReady)), key=lambda event: event.index)
    return [np.asarray(event.image) for event in ready]
