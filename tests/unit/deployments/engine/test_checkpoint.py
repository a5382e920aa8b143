"""Checkpoints as bytes: every sampler goes on from them to the last bit, and damaged ones are known as such."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, PNDMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deployments.engine import GenerationRequest
from deployments.engine.batching import BatchKey
from deployments.engine.checkpoint import Snapshot, UnfitCheckpoint, resume
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import DenoiseState, Item, advance
from deployments.engine.samplers import Sampler, SamplerKit, UnsavableState, scale_together
from deployments.engine.samplers.recipes import RECIPES
from tests.unit.deployments.engine.slow_motion import CountdownScheduler

STEPS = 9
MARK = "the image's fingerprint"
TEMPLATES: dict[str, Any] = {
    "flow": FlowMatchEulerDiscreteScheduler(shift=3.0),
    "noise": PNDMScheduler(skip_prk_steps=True),
    "prk": PNDMScheduler(),
}


def begun(
    sampler: str | None, *, template: str = "", dtype: torch.dtype = torch.float32, steps: int = STEPS
) -> DenoiseState:
    """An image before its first step; the same at each call."""
    request = GenerationRequest(prompt="a boat", seed=5, steps=steps, width=64, height=64, preview_every=0)
    item = Item(request, 0, Conditioning(torch.zeros(1, 1, 1)))
    kit = SamplerKit(TEMPLATES[template or ("flow" if sampler and sampler.startswith("flow") else "noise")])
    scheduler, generator = kit.scheduler(sampler, item.seed), item.generator()
    scheduler.set_timesteps(steps, device="cpu")
    noise = torch.randn(1, 4, 8, 8, generator=generator).to(dtype)
    return DenoiseState(item, BatchKey("", 8, 8, 1), Sampler(scheduler, steps, generator), noise)


def steps_of(state: DenoiseState) -> Iterator[int]:
    """Walk on, with a stand-in for the network, and tell each step that is done."""
    while not state.sampler.done:
        before, inputs = state.sampler.steps_done, scale_together([state.sampler], [state.latents])
        advance([state], inputs, torch.tanh(inputs * 0.7 + state.sampler.timestep / 999))
        assert state.error is None
        if state.sampler.steps_done > before:
            yield state.sampler.steps_done


def walked(state: DenoiseState, until: int = STEPS) -> DenoiseState:
    """The same image after step ``until``."""
    next(step for step in steps_of(state) if step == until)
    return state


def taken_up(saved: DenoiseState, fresh: DenoiseState) -> DenoiseState:
    """``fresh``, where ``saved`` was."""
    resume(fresh, Snapshot(saved, MARK).data(), MARK)
    return fresh


@pytest.mark.parametrize("sampler", RECIPES)
@given(
    cuts=st.lists(st.integers(1, STEPS - 1), unique=True, min_size=1, max_size=4).map(sorted),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
)
@settings(max_examples=6, deadline=None, derandomize=True)
def test_a_walk_that_is_cut_and_taken_up_any_number_of_times_ends_where_it_would_have(
    sampler: str, cuts: list[int], dtype: torch.dtype
) -> None:
    whole = walked(begun(sampler, dtype=dtype)).latents
    state = begun(sampler, dtype=dtype)
    for cut in cuts:
        state = taken_up(walked(state, cut), begun(sampler, dtype=dtype))
        assert (state.sampler.steps_done, state.sampler.steps_told) == (cut, cut)
    assert torch.equal(walked(state).latents, whole)


def test_a_solver_that_sums_up_in_place_is_told_as_it_was() -> None:
    whole = walked(begun(None, template="prk")).latents
    for cut in range(1, STEPS):
        state = taken_up(walked(begun(None, template="prk"), cut), begun(None, template="prk"))
        assert torch.equal(walked(state).latents, whole)


def test_many_steps_of_the_sampler_that_draws_from_a_brownian_tree_are_exact_too() -> None:
    """It is asked less than a tree that was there from the beginning, and answers the same."""
    whole = walked(begun("dpmpp_sde", steps=60), 60).latents
    for cut in (1, 30, 59):
        state = taken_up(walked(begun("dpmpp_sde", steps=60), cut), begun("dpmpp_sde", steps=60))
        assert torch.equal(walked(state, 60).latents, whole)


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_2m", "pndm"])
def test_forwards_left_are_those_after_the_step(sampler: str) -> None:
    saved = walked(begun(sampler), 3)
    fresh = taken_up(saved, begun(sampler))
    assert fresh.sampler.forwards_left == saved.sampler.forwards_left
    assert fresh.sampler.timestep == saved.sampler.timestep


def test_a_snapshot_is_of_its_moment() -> None:
    state = walked(begun("pndm"), 4)
    snapshot = Snapshot(state, MARK)
    before = state.latents.clone()
    walked(state)
    fresh = begun("pndm")
    resume(fresh, snapshot.data(), MARK)
    assert torch.equal(fresh.latents, before)
    assert torch.equal(walked(fresh).latents, state.latents)


def test_latents_keep_their_layout() -> None:
    """By it kernels choose their order of sums."""
    state = walked(begun("euler"), 2)
    state.latents = state.latents.to(memory_format=torch.channels_last)
    fresh = taken_up(state, begun("euler"))
    assert fresh.latents.stride() == state.latents.stride() != fresh.latents.contiguous().stride()
    assert torch.equal(fresh.latents, state.latents)


class Remembering(CountdownScheduler):
    """Holds on to something from its first step on."""

    def __init__(self, memory: Any) -> None:
        super().__init__(STEPS)
        self._given = memory
        self.table = torch.ones(3)

    def step(self, *args: Any, **kwargs: Any) -> tuple[Tensor]:
        self.memory = self._given
        self.table += 1
        return super().step(*args, **kwargs)


def remembering(memory: Any) -> DenoiseState:
    state = begun("euler")
    state.sampler = Sampler(Remembering(memory), STEPS, state.item.generator())
    return state


@pytest.mark.parametrize(
    "memory",
    [
        None,
        True,
        7,
        1 / 3,
        float("inf"),
        'a "name"',
        (1, (2.5, None)),
        [[torch.arange(3)], torch.tensor(2.5, dtype=torch.float64)],
        torch.zeros(2, 3, dtype=torch.bfloat16),
    ],
    ids=str,
)
def test_whatever_a_scheduler_remembers_comes_back_as_it_was(memory: Any) -> None:
    fresh = taken_up(walked(remembering(memory), 2), remembering("something else"))
    found = fresh.sampler.state().scheduler
    assert _same(found["memory"], memory)
    assert torch.equal(found["table"], torch.full((3,), 3.0)), "a tensor that was written into"


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, list | tuple):
        return type(one) is type(two) and len(one) == len(two) and all(map(_same, one, two))
    if isinstance(one, Tensor):
        return one.dtype == two.dtype and torch.equal(one, two)
    return type(one) is type(two) and one == two


@pytest.mark.parametrize("strange", [object(), {"a": 1}, np.float64(1), [{1}]], ids=lambda value: type(value).__name__)
def test_what_cannot_be_told_is_refused(strange: Any) -> None:
    with pytest.raises(UnsavableState, match="its memory holds a"):
        Snapshot(walked(remembering(strange), 1), MARK)


def test_a_checkpoint_is_a_small_safetensors_file() -> None:
    data = Snapshot(walked(begun("euler_a"), 4), MARK).data()
    latents, generator = 4 * 8 * 8 * 4, 5056
    assert len(data) < latents + generator + 1500


def refused(data: bytes, mark: str = MARK) -> str:
    """Why; having looked that nothing was changed."""
    fresh = begun("dpmpp_2m")
    before = fresh.latents
    with pytest.raises(UnfitCheckpoint) as why:
        resume(fresh, data, mark)
    assert fresh.latents is before
    assert (fresh.sampler.forwards_taken, fresh.sampler.steps_done) == (0, 0)
    assert torch.equal(walked(fresh).latents, walked(begun("dpmpp_2m")).latents)
    return str(why.value)


SAVED = Snapshot(walked(begun("dpmpp_2m"), 4), MARK).data()


def test_a_checkpoint_of_another_image_is_refused() -> None:
    assert "another image" in refused(SAVED, "another fingerprint")


@given(place=st.integers(0, len(SAVED) - 1), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_one_wrong_bit_anywhere_is_noticed(place: int, bit: int) -> None:
    damaged = bytearray(SAVED)
    damaged[place] ^= 1 << bit
    refused(bytes(damaged))


@given(length=st.integers(0, len(SAVED) - 1))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_a_part_of_a_checkpoint_is_refused(length: int) -> None:
    refused(SAVED[:length])


@given(data=st.binary(max_size=200))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_anything_else_is_refused(data: bytes) -> None:
    refused(data)


def test_a_checkpoint_with_more_behind_it_is_refused() -> None:
    refused(SAVED + b"\0")


def test_a_whole_checkpoint_that_does_not_fit_its_image_is_refused() -> None:
    """Fingerprints keep it from happening; a request would fail if they did not."""
    half = Snapshot(walked(begun("dpmpp_2m", dtype=torch.float16), 4), MARK).data()
    assert "torch.float16" in refused(half)
    long = Snapshot(walked(begun("dpmpp_2m", steps=30), 20), MARK).data()
    assert "forwards are taken" in refused(long)
