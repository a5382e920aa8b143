"""A family whose forwards a test runs one by one: the engine's behaviour without a neural network."""

import threading
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from PIL import Image
from torch import Tensor

from deployments.catalog import ModelCard, card_for
from deployments.engine.adapters import LoraLibrary
from deployments.engine.batching import BatchKey
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState, Item
from deployments.engine.request import GenerationRequest
from deployments.engine.samplers import Sampler

CARD: ModelCard = card_for("sd15").override({"default_size": [64, 64], "default_steps": 4})
"""The family's model: small pictures, few steps."""


class CountdownScheduler:
    """A scheduler in diffusers' shape that adds one to the latents at each step."""

    order = 1

    def __init__(self, steps: int) -> None:
        self.timesteps = torch.arange(steps, 0, -1)

    def step(self, output: Tensor, timestep: Tensor, sample: Tensor, return_dict: bool = True) -> tuple[Tensor]:
        return (sample + output,)


class SlowMotionFamily:
    """Each forward waits for :meth:`let`; what went through it is in :attr:`forwards`.

    A prompt may ask for an error: ``encode!``, ``denoise!``, ``oom!``, ``preview!``, ``decode!``.
    """

    dtype = torch.float32
    device = torch.device("cpu")

    def __init__(self, *, free: bool = True) -> None:
        self.loras = LoraLibrary(None, _none)
        self.forwards: list[list[str]] = []
        self.encoded: list[str] = []
        self._permits = threading.Semaphore(0)
        self._free = free
        self._ran = threading.Condition()

    def let(self, forwards: int = 1) -> None:
        """Allow so many more forwards."""
        self._permits.release(forwards)

    def let_until(self, prompt: str) -> None:
        """Allow forwards one by one until ``prompt`` took part in one."""
        with self._ran:
            while not any(prompt in forward for forward in self.forwards):
                before = len(self.forwards)
                self.let()
                assert self._ran.wait_for(lambda before=before: len(self.forwards) > before, timeout=30)

    def let_all(self) -> None:
        """Allow all from now on."""
        self._free = True
        self._permits.release(1)

    def prepare(self, request: GenerationRequest) -> list[Item]:
        self.encoded.append(request.prompt)
        _raise_if("encode!", request)
        conditioning = Conditioning(torch.zeros(1, 1, 1))
        return [Item(request, index, conditioning) for index in range(request.n)]

    def batch_key(self, item: Item) -> BatchKey:
        return BatchKey("slow", item.size[1] // 8, item.size[0] // 8, 1)

    def start(self, item: Item) -> DenoiseState:
        scheduler: Any = CountdownScheduler(item.steps)
        sampler = Sampler(scheduler, item.steps, item.generator())
        return DenoiseState(item, self.batch_key(item), sampler, torch.zeros(1, 1, 1, 1))

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        if not self._free:
            self._permits.acquire()
        with self._ran:
            self.forwards.append([state.item.request.prompt for state in states])
            self._ran.notify_all()
        for state in states:
            _raise_if("denoise!", state.item.request)
            if "oom!" in state.item.request.prompt:
                raise torch.OutOfMemoryError
        for state in states:
            state.latents = state.sampler.step(torch.ones(1), state.latents)

    def rows(self, item: Item) -> int:
        return 1

    def preview(self, state: DenoiseState) -> Tensor:
        _raise_if("preview!", state.item.request)
        return torch.full((2, 2, 3), int(state.latents.item()), dtype=torch.uint8)

    def decode(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> list[Image.Image]:
        for state in states:
            _raise_if("decode!", state.item.request)
        return [Image.new("RGB", state.item.size, (int(state.latents.item()), 0, 0)) for state in states]

    def pixels(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> Tensor:
        return torch.cat([state.latents for state in states])


def _none(*_: object) -> NoReturn:
    raise AssertionError("there is no folder to read from")


def _raise_if(wish: str, request: GenerationRequest) -> None:
    if wish in request.prompt:
        raise ValueError(f"secret detail of {wish}")
