"""Fidelity is law: the engine makes the stock pipeline's pictures, alone and in company.

Both sides load the same folder. Stock means one image per call, no safety checker, no watermark, the scheduler that the
weights ship. CPU, float32, eager.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from deployments.catalog import CATALOG, card_for
from deployments.engine import Engine, GenerationRequest
from deployments.engine.events import Completed, ImageReady, Progress
from deployments.engine.families.base import Item
from deployments.engine.loader import load
from tests.unit.deployments.engine.listener import Listener

SIZE = {"width": 128, "height": 128}


FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
STOCK_SAMPLERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ddim": (diffusers.DDIMScheduler, {}),
    "ddpm": (diffusers.DDPMScheduler, {}),
    "pndm": (diffusers.PNDMScheduler, {}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_karras": (diffusers.EulerDiscreteScheduler, {"use_karras_sigmas": True}),
    "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "lms": (diffusers.LMSDiscreteScheduler, {}),
    "dpm2": (diffusers.KDPM2DiscreteScheduler, {}),
    "dpm2_a": (diffusers.KDPM2AncestralDiscreteScheduler, {}),
    "dpmpp_2s": (diffusers.DPMSolverSinglestepScheduler, {"lower_order_final": True}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (diffusers.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_2m_sde": (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_2m_sde_karras": (
        diffusers.DPMSolverMultistepScheduler,
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpmpp_sde": (diffusers.DPMSolverSDEScheduler, {}),
    "deis": (diffusers.DEISMultistepScheduler, {}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
    "flow_euler": (diffusers.FlowMatchEulerDiscreteScheduler, {}),
    "flow_heun": (diffusers.FlowMatchHeunDiscreteScheduler, {}),
    "flow_dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, FLOW),
    "flow_unipc": (diffusers.UniPCMultistepScheduler, FLOW),
}


class FluxHeun(diffusers.FlowMatchHeunDiscreteScheduler):
    """Heun as the stock FLUX pipeline can run it: the size's shift instead of sigmas and mu."""

    def set_timesteps(self, sigmas: Any, device: Any, mu: float) -> None:
        self.register_to_config(shift=float(np.exp(mu)) if self.config.use_dynamic_shifting else self.config.shift)
        fresh = diffusers.FlowMatchHeunDiscreteScheduler(shift=self.config.shift)
        self.sigma_min, self.sigma_max = fresh.sigma_min, fresh.sigma_max
        super().set_timesteps(len(sigmas), device)


class SeededLCM(diffusers.FlowMatchLCMScheduler):
    """LCM with noise from the request's seed, after what the pipeline drew of it: the stock pipeline gives it none."""

    def drawing_from(self, seed: int) -> Any:
        self._seed, self._generator = seed, None
        return self

    def step(self, model_output: Any, timestep: Any, sample: Any, **kwargs: Any) -> Any:
        if self._generator is None:
            self._generator = torch.Generator("cpu").manual_seed(self._seed)
            torch.randn(sample.shape, generator=self._generator)  # the pipeline's own draw
        return super().step(model_output, timestep, sample, generator=self._generator, **kwargs)


class Stock:
    """The stock pipeline of a model, called as its documentation says."""

    def __init__(self, model: str, folder: Path) -> None:
        self._card = card_for(model)
        self._pipeline: Any = getattr(diffusers, self._card.pipeline).from_pretrained(folder, dtype=torch.float32)
        self._pipeline.set_progress_bar_config(disable=True)
        self._shipped = self._pipeline.scheduler

    def __call__(self, request: GenerationRequest) -> NDArray[np.uint8]:
        return np.asarray(self._run(request, "pil"))

    def floats(self, request: GenerationRequest) -> torch.Tensor:
        """(3, H, W) in [0, 1], before they are rounded to 8 bits."""
        pixels: torch.Tensor = self._run(request, "pt")
        return pixels

    def _run(self, request: GenerationRequest, output_type: str) -> Any:
        extra: dict[str, Any] = {}
        if self._card.capabilities.supports_negative_prompt:
            extra["negative_prompt"] = request.negative_prompt
        if self._card.max_sequence_length is not None:
            extra["max_sequence_length"] = self._card.max_sequence_length
        extra["guidance_scale"] = self._card.default_guidance if request.guidance is None else request.guidance
        assert request.seed is not None
        self._pipeline.scheduler = self._scheduler(request)
        return self._pipeline(
            request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type=output_type,
            **extra,
        ).images[0]

    def _scheduler(self, request: GenerationRequest) -> Any:
        """The scheduler that a user of the stock pipeline would put in."""
        if request.sampler is None:
            return self._shipped
        flux = self._card.family == "flux"
        if request.sampler == "flow_heun" and flux:
            return FluxHeun.from_config(self._shipped.config)
        if request.sampler == "flow_lcm":
            return SeededLCM.from_config(self._shipped.config).drawing_from(request.seed)
        scheduler, changes = STOCK_SAMPLERS[request.sampler]
        if scheduler is diffusers.DPMSolverSDEScheduler:
            changes = {"noise_sampler_seed": request.seed}
        elif changes is FLOW and not flux:
            changes = FLOW | {"flow_shift": self._shipped.config.shift}
        return scheduler.from_config(self._shipped.config, **changes)


@pytest.fixture(scope="module", params=list(CATALOG))
def pair(request: pytest.FixtureRequest, weights: Callable[[str], Path]) -> Iterator[tuple[str, Engine, Stock]]:
    model = request.param
    with Engine.load(model, weights=str(weights(model)), device="cpu", max_batch=16) as engine:
        yield model, engine, Stock(model, weights(model))


def wish(model: str, number: int = 0, **fields: Any) -> GenerationRequest:
    """A request unlike its neighbours: prompt, seed, steps, and where the model has them guidance and a negative."""
    can = card_for(model).capabilities
    varied: dict[str, Any] = {"prompt": f"{number} boats on a lake", "seed": 100 + number, "steps": 2 + number % 5}
    if can.supports_guidance:
        varied["guidance"] = (7.5, 1.0, 3.25, 12.0)[number % 4]
    if can.supports_negative_prompt:
        varied["negative_prompt"] = (None, "rain", "")[number % 3]
    return GenerationRequest.model_validate({"model": model, "preview_every": 0} | SIZE | varied | fields)


def test_alone_it_is_the_stock_pipelines_picture_byte_for_byte(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    requests = [wish(model, steps=6), wish(model, 1), wish(model, 2), wish(model, 5, width=192, height=64)]
    for request in requests:
        ours = np.asarray(engine.generate(request).images[0])
        assert np.array_equal(ours, stock(request)), request


def test_with_every_sampler_it_is_the_stock_pipelines_picture_byte_for_byte(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    for number, sampler in enumerate(card_for(model).capabilities.samplers):
        request = wish(model, number, sampler=sampler, steps=4, width=64, height=64)
        ours = np.asarray(engine.generate(request).images[0])
        assert np.array_equal(ours, stock(request)), request


def test_pictures_depend_on_prompt_and_seed(pair: tuple[str, Engine, Stock]) -> None:
    """Else equality with the stock pipeline would say little."""
    model, engine, _ = pair
    base = np.asarray(engine.generate(wish(model)).images[0]).astype(int)
    other_prompt = np.asarray(engine.generate(wish(model, prompt="a red circle")).images[0]).astype(int)
    other_seed = np.asarray(engine.generate(wish(model, seed=1)).images[0]).astype(int)
    assert np.abs(base - other_prompt).max() > 3
    assert np.abs(base - other_seed).max() > 30


def test_sixteen_neighbours_that_come_and_go_differ_from_stock_by_at_most_one(
    pair: tuple[str, Engine, Stock],
) -> None:
    model, engine, stock = pair
    long = wish(model, 99, steps=20, seed=9)
    first = Listener()
    engine.submit(long, first)
    crowd: list[tuple[GenerationRequest, Listener]] = [(long, first)]
    for number in range(15):
        listener = Listener()
        crowd.append((engine.submit(wish(model, number), listener), listener))
        if number % 5 == 4:  # the next five arrive when the long one is further on
            first.wait_for(Progress, step=number)
    for request, listener in crowd:
        assert isinstance(listener.wait(), Completed)
        ready = next(event for event in listener.events if isinstance(event, ImageReady))
        difference = np.abs(np.asarray(ready.image).astype(int) - stock(request).astype(int))
        assert difference.max() <= 1, request


@pytest.mark.parametrize("model", list(CATALOG))
def test_in_a_batch_decoded_floats_differ_from_stock_by_at_most_1e_4(
    model: str, weights: Callable[[str], Path]
) -> None:
    family, stock = load(model, str(weights(model)), "cpu", "float32").family, Stock(model, weights(model))
    samplers = (None, *card_for(model).capabilities.samplers)
    requests = [wish(model, number, sampler=name, steps=3 + number % 5) for number, name in enumerate(samplers)]
    with torch.no_grad():
        states = [
            family.start(Item(request, 0, conditioning))
            for request, conditioning in zip(requests, family.encode(requests), strict=True)
        ]
        waiting, running, finished = states[::-1], [], []
        while waiting or running:
            running += [waiting.pop()] if waiting else []  # one more neighbour at every step, each leaves when done
            family.denoise(running)
            assert not [(state.item.request.sampler, state.error) for state in running if state.error]
            finished += [state for state in running if state.sampler.done]
            running = [state for state in running if not state.sampler.done]
        pixels = (family.pixels(finished) / 2 + 0.5).clamp(0, 1)
    for state, ours in zip(finished, pixels, strict=True):
        theirs = stock.floats(state.item.request)
        assert (ours - theirs).abs().max() <= 1e-4


def test_a_neighbour_that_was_cancelled_changes_nothing(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, stock = pair
    stays, leaves = Listener(), Listener()
    request = engine.submit(wish(model, steps=12), stays)
    other = engine.submit(wish(model, 3, steps=12), leaves)
    leaves.wait_for(Progress)
    engine.cancel(other.id)
    ready = stays.wait_for(ImageReady)
    assert isinstance(ready, ImageReady)
    assert np.abs(np.asarray(ready.image).astype(int) - stock(request).astype(int)).max() <= 1


def test_progress_is_the_stock_progress_bars(pair: tuple[str, Engine, Stock]) -> None:
    model, engine, _ = pair
    steps = [event.step for event in engine.stream(wish(model, steps=7)) if isinstance(event, Progress)]
    assert steps == [1, 2, 3, 4, 5, 6, 7]
