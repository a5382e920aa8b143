"""Where a model computes: on the CPU on one thread, so that OpenMP has one team; on a GPU wherever it is called."""

import os
import sys
import threading
from collections.abc import Sequence

import pytest
import torch
from PIL import Image
from torch import Tensor

from deployments.engine import Engine, GenerationRequest
from deployments.engine.compute import GIVES_WAY_BY, Compute
from deployments.engine.families.base import DenoiseState, Item
from tests.unit.deployments.engine.slow_motion import CARD, SlowMotionFamily


class Watched(SlowMotionFamily):
    """Notes the threads on which it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: dict[str, threading.Thread] = {}

    def _note(self, call: str) -> None:
        self.threads[call] = threading.current_thread()

    def prepare(self, request: GenerationRequest) -> list[Item]:
        self._note("prepare")
        return super().prepare(request)

    def start(self, item: Item) -> DenoiseState:
        self._note("start")
        return super().start(item)

    def denoise(self, states: Sequence[DenoiseState]) -> None:
        self._note("denoise")
        super().denoise(states)

    def preview(self, state: DenoiseState) -> Tensor:
        self._note("preview")
        return super().preview(state)

    def decode(self, states: Sequence[DenoiseState], *, tiled: bool = False) -> list[Image.Image]:
        self._note("decode")
        return super().decode(states, tiled=tiled)


def test_an_engine_on_the_cpu_computes_on_one_thread() -> None:
    family = Watched()
    with Engine(family, CARD) as engine:
        engine.generate(GenerationRequest(prompt="a", seed=1, preview_every=1))
    assert set(family.threads) == {"prepare", "start", "denoise", "preview", "decode"}
    assert len(set(family.threads.values())) == 1
    assert threading.current_thread() not in family.threads.values()


def test_the_thread_ends_with_its_engine() -> None:
    family = Watched()
    with Engine(family, CARD) as engine:
        engine.generate(GenerationRequest(prompt="a", seed=1))
    assert not family.threads["denoise"].is_alive()


def test_what_the_work_raises_reaches_its_caller() -> None:
    compute = Compute(torch.device("cpu"))
    with pytest.raises(ZeroDivisionError):
        compute(lambda: 1 // 0)
    compute.close()


def test_on_a_gpu_the_callers_thread_computes() -> None:
    compute = Compute(torch.device("cuda"))
    assert compute(threading.current_thread) is threading.current_thread()
    compute.close()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_what_computes_gives_way_to_the_rest_of_its_process() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    compute = Compute(torch.device("cpu"))
    before = niceness()
    assert compute(niceness) == min(19, before + GIVES_WAY_BY)
    assert niceness() == before
    compute.close()
