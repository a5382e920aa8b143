"""The engine that a replica serves, and how it is loaded there."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from deployments.engine.events import Event
from deployments.engine.request import GenerationRequest
from deployments.engine.spec import LoadSpec
from deployments.engine.stats import Memory, Work


class EngineLoad(Protocol):
    """How an engine stands (:class:`deployments.engine.EngineStats`), as far as a heartbeat tells it."""

    @property
    def running(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def max_batch(self) -> int: ...
    @property
    def backlog_s(self) -> float: ...
    @property
    def seconds_per_row(self) -> float | None: ...
    @property
    def device(self) -> str: ...
    @property
    def overrides(self) -> Mapping[str, Any]: ...
    @property
    def loras(self) -> tuple[str, ...]: ...
    @property
    def work(self) -> Work: ...
    @property
    def memory(self) -> Memory | None: ...


class ServedEngine(Protocol):
    """The part of :class:`deployments.engine.Engine` that a replica uses; thread-safe."""

    def submit(
        self,
        request: GenerationRequest,
        on_events: Callable[[list[Event]], None],
        *,
        resume: Mapping[int, bytes] | None,
        checkpoint_every_s: float | None,
    ) -> GenerationRequest: ...
    def cancel(self, request_id: str) -> bool: ...
    def stats(self) -> EngineLoad: ...
    def check(self) -> None: ...
    def close(self) -> None: ...


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class LoadEngine:
    """The engine factory of the application: loads the model when the replica calls it.

    ``threads``: torch's intra-op threads; ``None`` for all cores that this process may use. Torch's own choice would be
    one, because Ray sets ``OMP_NUM_THREADS=1`` for a replica that reserves no CPU.
    """

    spec: LoadSpec
    max_batch: int
    threads: int | None

    def __call__(self) -> ServedEngine:
        import torch

        from deployments.engine import Engine

        torch.set_num_threads(self.threads or available_cores())
        return Engine.of(self.spec, max_batch=self.max_batch)
