"""Samplers: counted as stock counts, each with a state of its own, and in a batch exact to the last bit."""

from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
    PNDMScheduler,
)
from torch import Tensor

from deployments.catalog import CATALOG
from deployments.engine.samplers import Sampler, SamplerKit, scale_together, step_together
from deployments.engine.samplers.recipes import RECIPES


@pytest.mark.parametrize(
    ("template", "forwards"),
    [(PNDMScheduler(skip_prk_steps=True), 9), (HeunDiscreteScheduler(), 15), (EulerDiscreteScheduler(), 8)],
    ids=["pndm", "heun", "euler"],
)
def test_steps_are_counted_as_the_stock_progress_bar_counts_them(template: Any, forwards: int) -> None:
    scheduler = SamplerKit(template).scheduler(None, 0)
    scheduler.set_timesteps(8)
    sampler = Sampler(scheduler, 8, torch.Generator())
    latents, counts = torch.ones(1, 1, 2, 2), []
    assert sampler.forwards_left == forwards
    while not sampler.done:
        latents = sampler.step(torch.zeros_like(latents), sampler.scale(latents) * 0 + latents)
        counts.append(sampler.steps_done)
    assert len(counts) == forwards
    assert counts == sorted(counts)
    assert counts[-1] == 8
    assert sampler.forwards_left == 0


def test_samplers_of_one_template_share_no_state() -> None:
    template = EulerDiscreteScheduler()
    kit = SamplerKit(template)
    first, second = kit.scheduler(None, 0), kit.scheduler(None, 0)
    first.set_timesteps(5)
    second.set_timesteps(9)
    assert (len(first.timesteps), len(second.timesteps)) == (5, 9)


VECTORISED = {
    "euler, epsilon": EulerDiscreteScheduler(),
    "euler, v": EulerDiscreteScheduler(prediction_type="v_prediction", timestep_spacing="trailing"),
    "euler_a, epsilon": EulerAncestralDiscreteScheduler(),
    "euler_a, v": EulerAncestralDiscreteScheduler(prediction_type="v_prediction"),
    "ddim, epsilon": DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "ddim, v": DDIMScheduler(clip_sample=False, prediction_type="v_prediction", rescale_betas_zero_snr=True),
    "flow": FlowMatchEulerDiscreteScheduler(shift=3.0),
}


def draw(seed: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", VECTORISED)
def test_rows_that_step_together_get_the_schedulers_own_result(name: str, dtype: torch.dtype) -> None:
    """Bit for bit in float32; in half precision up to the rounding of a scalar, which much noise amplifies."""

    def same(ours: Tensor, stock: Tensor) -> bool:
        if dtype == torch.float32:
            return torch.equal(ours, stock)
        return bool((ours - stock).abs().max() <= 16 * torch.finfo(dtype).eps * stock.abs().max())

    kit = SamplerKit(VECTORISED[name])
    samplers, stocks, latents = [], [], []
    for row, steps in enumerate((3, 5, 8)):
        for made in (samplers, stocks):
            scheduler = kit.scheduler(None, 0)
            scheduler.set_timesteps(steps)
            made.append(Sampler(scheduler, steps, torch.Generator().manual_seed(row)))
        latents.append(draw(row, dtype))
    assert all(sampler.rule is not None for sampler in samplers)
    for turn in range(8):
        alive = [row for row in range(3) if not samplers[row].done]
        chosen, before = [samplers[row] for row in alive], [latents[row] for row in alive]
        scaled = scale_together(chosen, before)
        outputs = torch.cat([draw(100 * turn + row, dtype) for row in alive])
        after = step_together(chosen, outputs, before)
        for place, row in enumerate(alive):
            assert same(scaled[place : place + 1], stocks[row].scale(before[place]))
            assert same(after[place], stocks[row].step(outputs[place : place + 1], before[place])), (row, turn)
            latents[row] = after[place]
    assert [sampler.steps_done for sampler in samplers] == [3, 5, 8]


def test_kinds_that_meet_in_a_batch_each_step_their_own_way() -> None:
    samplers, stocks = [], []
    for made in (samplers, stocks):
        for name in ("euler", "dpmpp_2m", "ddim", "heun", "euler"):
            scheduler = SamplerKit(PNDMScheduler(skip_prk_steps=True)).scheduler(name, 0)
            scheduler.set_timesteps(4)
            made.append(Sampler(scheduler, 4, torch.Generator()))
    latents = [draw(row, torch.float32) for row in range(5)]
    expected = list(latents)
    for turn in range(4):
        scaled = scale_together(samplers, latents)
        outputs = torch.cat([draw(100 * turn + row, torch.float32) for row in range(5)])
        latents = step_together(samplers, outputs, latents)  # type: ignore[assignment]
        for row, stock in enumerate(stocks):
            assert torch.equal(scaled[row : row + 1], stock.scale(expected[row]))
            expected[row] = stock.step(outputs[row : row + 1], expected[row])
            assert torch.equal(latents[row], expected[row])


class Broken(HeunDiscreteScheduler):
    def step(self, *args: Any, **kwargs: Any) -> Any:
        raise ArithmeticError("no way on")


def test_a_sampler_that_fails_takes_no_neighbour_with_it() -> None:
    samplers = []
    for template in (Broken(), EulerDiscreteScheduler(), HeunDiscreteScheduler()):
        scheduler = SamplerKit(template).scheduler(None, 0)
        scheduler.set_timesteps(4)
        samplers.append(Sampler(scheduler, 4, torch.Generator()))
    latents = [draw(row, torch.float32) for row in range(3)]
    scale_together(samplers, latents)
    results = step_together(samplers, torch.cat(latents), latents)
    assert isinstance(results[0], ArithmeticError)
    assert all(isinstance(result, Tensor) for result in results[1:])
    assert [sampler.forwards_left for sampler in samplers[1:]] == [3, 6]


def test_every_sampler_of_the_catalog_has_a_recipe_and_every_recipe_a_model() -> None:
    offered = {name for card in CATALOG.values() for name in card.capabilities.samplers}
    assert offered == set(RECIPES)
