"""The application on engines that hold one LoRA each: what the tests of routing deploy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from ray.serve import Application

from deployments.engine.events import Cancelled, Completed, Event, ImageReady, Started, Timings
from deployments.engine.request import GenerationRequest
from deployments.engine.stats import Memory, Work
from serve_app.app import compose
from serve_app.settings import AppArgs, ModelSettings

SHADES = {"ink": 0, "oil": 255}
"""The LoRAs that there are, and how light the pictures of the replica are that holds one."""

WAIT = "wait"
"""The prompt of a request that runs until it is cancelled."""


@dataclass(frozen=True)
class Load:
    running: int
    max_batch: int
    loras: tuple[str, ...]
    backlog_s: float = 0.0
    batch: int = 1
    seconds_per_row: float | None = 0.01
    device: str = "cpu"
    overrides: dict[str, Any] = field(default_factory=lambda: {"capabilities": {"loras": tuple(SHADES)}})
    work: Work = field(default_factory=Work)
    memory: Memory | None = None


class HoldingEngine:
    """Answers at once with a picture that tells which LoRA it holds; it never holds another one."""

    def __init__(self, lora: str, max_batch: int) -> None:
        self._lora = lora
        self._max_batch = max_batch
        self._waiting: dict[str, Callable[[list[Event]], None]] = {}

    def submit(
        self,
        request: GenerationRequest,
        on_events: Callable[[list[Event]], None],
        *,
        resume: Mapping[int, bytes] | None,
        checkpoint_every_s: float | None,
    ) -> GenerationRequest:
        on_events([Started(request.id)])
        if request.prompt == WAIT:
            self._waiting[request.id] = on_events
        else:
            picture = Image.new("L", (64, 64), SHADES[self._lora]).convert("RGB")
            done = Completed(request.id, Timings(queued=0, encode=0, denoise=0, decode=0, total=0))
            on_events([ImageReady(request.id, picture, request.seed or 0, 0), done])
        return request

    def cancel(self, request_id: str) -> bool:
        on_events = self._waiting.pop(request_id, None)
        if on_events is not None:
            on_events([Cancelled(request_id)])
        return on_events is not None

    def stats(self) -> Load:
        return Load(len(self._waiting), self._max_batch, (self._lora,))

    def check(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class MakeHoldingEngine:
    """Each engine that is made holds another one of :data:`SHADES`; ``taken`` is a folder that they share."""

    taken: Path
    max_batch: int

    def __call__(self) -> HoldingEngine:
        return HoldingEngine(next(lora for lora in SHADES if self._take(lora)), self.max_batch)

    def _take(self, lora: str) -> bool:
        try:
            (self.taken / lora).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def _engine(model: ModelSettings) -> MakeHoldingEngine:
    assert model.loras is not None
    return MakeHoldingEngine(model.loras, model.max_batch)


def build(args: AppArgs) -> Application:
    """What ``serve_app:build`` does, over engines that hold one LoRA each."""
    return compose(args, _engine)
