"""ControlNets: the stock pipelines' pictures alone, and rows that mix ControlNets, or have none, in one forward."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from deployments.engine import Engine, GenerationRequest
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.loader import load
from deployments.engine.resolve import resolve
from deployments.engine.spec import LoadSpec
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.lora_files import write_diffusers
from tests.unit.deployments.engine.matrix import covering, pairs
from tests.unit.deployments.engine.stock import Stock

MODELS = ("sd15", "sdxl")
MODES: dict[str, dict[str, Any]] = {
    "text": {},
    "image": {"image": photo(2), "strength": 0.7},
    "inpaint": {"image": photo(2), "mask": blot(1), "strength": 0.8},
    "all of the inside": {"image": photo(2), "mask": blot(1), "strength": 1.0},
}


def write_controlnet(pipeline: Any, folder: Path, seed: int) -> Any:
    """A small ControlNet for the pipeline's UNet, every layer of it in action."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = pipeline.vae.config.latent_channels  # also beside a UNet that takes the blanked picture
        plain = diffusers.UNet2DConditionModel.from_config(pipeline.unet.config, in_channels=channels)
        network = diffusers.ControlNetModel.from_unet(
            plain, conditioning_channels=3, load_weights_from_unet=False, controlnet_conditioning_channel_order="rgb"
        )
        for parameter in network.parameters():
            parameter.data += 0.03 * torch.randn_like(parameter)  # its own zeros would add nothing
    network.eval().save_pretrained(folder)
    return diffusers.ControlNetModel.from_pretrained(folder)


class Sides:
    """Ours and theirs, on the same weights and with the same ControlNets."""

    def __init__(self, model: str, folder: Path, scratch: Path) -> None:
        kind = diffusers.StableDiffusionXLPipeline if model == "sdxl" else diffusers.StableDiffusionPipeline
        pipeline = kind.from_pretrained(folder)
        write_diffusers(pipeline, scratch, "ink")
        pipeline = kind.from_pretrained(folder)
        self.model = model
        self.paths = {name: str(scratch / name) for name in ("edges", "depth")}
        networks = {
            name: write_controlnet(pipeline, scratch / name, seed) for seed, name in enumerate(("edges", "depth"))
        }
        self.spec = LoadSpec(model, weights=str(folder), device="cpu", loras=str(scratch), controlnets=self.paths)
        self.engine = Engine.of(self.spec)
        self.stock = Stock(model, folder, scratch, networks)


SIDES = [(model, blanks) for model in MODELS for blanks in (False, True)]
"""Models, and whether the UNet takes the blanked picture as an input: then it does nothing but inpaint."""


@pytest.fixture(scope="module", params=SIDES, ids=str)
def sides(
    request: pytest.FixtureRequest,
    inpaint_weights: Callable[[str, bool], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Sides]:
    model, blanks = request.param
    both = Sides(model, inpaint_weights(model, blanks), tmp_path_factory.mktemp("controlnets"))
    yield both
    both.engine.close()


def wish(seed: int = 3, **fields: Any) -> GenerationRequest:
    asked = {"prompt": f"{seed} kites", "seed": seed, "steps": 5, "width": 64, "height": 64, "preview_every": 0}
    return GenerationRequest.model_validate(asked | fields)


def controlled(seed: int = 3, **fields: Any) -> GenerationRequest:
    return wish(seed, **({"control_image": photo(5), "controlnet": "edges"} | fields))


def fits(sides: Sides, request: GenerationRequest) -> bool:
    """Whether the sides' UNet can do it: one that takes the blanked picture does nothing but inpaint."""
    return sides.engine.card.capabilities.txt2img or request.mask is not None


HOWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weaker": {"control_scale": 0.45},
    "in the middle": {"control_start": 0.25, "control_end": 0.7},
    "without guidance": {"guidance": 1.0},
    "by another sampler": {"sampler": "heun", "control_end": 0.5},
    "with a LoRA": {"loras": [{"name": "ink", "scale": 0.8}], "sampler": "euler_a"},
}
CASES = [(side, mode, how) for side in SIDES for mode in MODES for how in HOWS if not side[1] or "mask" in MODES[mode]]


@cache
def sample() -> frozenset[Any]:
    """Cases in which each pair of side, mode and how occurs."""
    return covering(CASES, lambda case: pairs(side=case[0], mode=case[1], how=case[2]))


@pytest.mark.parametrize(
    ("sides", "case"),
    [
        pytest.param(case[0], case, id=", ".join(map(str, case)), marks=() if case in sample() else pytest.mark.slow)
        for case in sorted(CASES)
    ],
    indirect=["sides"],
    scope="module",  # else every case would load its model again
)
def test_alone_it_is_the_stock_pipelines_picture_byte_for_byte(sides: Sides, case: tuple[Any, str, str]) -> None:
    _, mode, how = case
    request = controlled(**(MODES[mode] | HOWS[how]))
    assert np.array_equal(np.asarray(sides.engine.generate(request).images[0]), sides.stock(request))


def test_in_a_batch_of_all_kinds_floats_differ_from_stock_by_at_most_1e_4(sides: Sides) -> None:
    requests = [
        one
        for seed, fields in enumerate(MODES.values())
        for one in (
            wish(seed, **fields),
            controlled(seed + 10, **fields),
            controlled(seed + 20, **fields, controlnet="depth", control_scale=0.6, control_end=0.5),
        )
        if fits(sides, one)
    ]
    family = load(sides.spec).family
    with torch.no_grad():
        states = [family.start(item) for one in requests for item in family.prepare(resolve(one, sides.engine.card))]
        while not all(state.sampler.done for state in states):
            family.denoise([state for state in states if not state.sampler.done])
        floats = (family.pixels(states) / 2 + 0.5).clamp(0, 1)
    for request, ours in zip(requests, floats, strict=True):
        assert (ours - sides.stock.floats(request)).abs().max() <= 1e-4


def test_the_control_image_and_its_scale_show(sides: Sides) -> None:
    fields = MODES["inpaint"]
    paint = sides.engine.generate
    pictures = [
        np.asarray(paint(request).images[0])
        for request in (
            wish(**fields),
            controlled(**fields),
            controlled(**fields, control_scale=0.3),
            controlled(**fields, control_image=photo(1)),
            controlled(**fields, controlnet="depth"),
        )
    ]
    assert all(not np.array_equal(one, two) for i, one in enumerate(pictures) for two in pictures[:i])


def test_a_scale_of_nothing_is_no_control(sides: Sides) -> None:
    fields = MODES["inpaint"]
    without, none = (
        np.asarray(sides.engine.generate(one).images[0])
        for one in (wish(**fields), controlled(**fields, control_scale=0))
    )
    assert np.array_equal(without, none)


def test_capabilities_tell_the_control_nets(sides: Sides) -> None:
    able = sides.engine.card.capabilities
    assert able.controlnet
    assert able.controlnets == ("edges", "depth")


def test_the_first_one_is_taken_where_none_is_named(sides: Sides) -> None:
    fields = MODES["inpaint"]
    named, first = (
        np.asarray(sides.engine.generate(controlled(**fields, controlnet=name)).images[0]) for name in ("edges", None)
    )
    assert np.array_equal(named, first)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"controlnet": "pose"}, "controlnet"),
        ({"control_start": 0.6, "control_end": 0.5}, "control_start"),
        ({"control_image": None}, "controlnet"),
        ({"control_image": None, "controlnet": None, "control_scale": 0.5}, "control_scale"),
    ],
)
def test_a_wrong_control_is_refused_by_name(sides: Sides, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        sides.engine.generate(controlled(**MODES["inpaint"], **fields))
    assert refused.value.field == field


def test_a_model_without_control_nets_refuses_the_image(weights: Callable[[str], Path]) -> None:
    with Engine.load("sd15", weights=str(weights("sd15")), device="cpu") as engine:
        assert not engine.card.capabilities.controlnet
        with pytest.raises(UnsupportedByModel, match="control_image"):
            engine.generate(controlled())


def test_control_nets_are_for_unets_alone(weights: Callable[[str], Path]) -> None:
    with pytest.raises(ValueError, match=r"controlnets: got \['edges'\], allowed: none for flux-schnell"):
        load(LoadSpec("flux-schnell", weights=str(weights("flux-schnell")), device="cpu", controlnets={"edges": "x"}))


def test_a_control_net_of_another_model_is_refused(weights: Callable[[str], Path], tmp_path: Path) -> None:
    write_controlnet(diffusers.StableDiffusionXLPipeline.from_pretrained(weights("sdxl")), tmp_path, seed=1)
    spec = LoadSpec("sd15", weights=str(weights("sd15")), device="cpu", controlnets={"edges": str(tmp_path)})
    with pytest.raises(ValueError, match=r"controlnets\.edges: not one for this model: its block_out_channels"):
        load(spec)


@pytest.mark.parametrize(("key", "value"), [("conditioning_channels", 6), ("global_pool_conditions", True)])
def test_a_control_net_that_would_break_a_forward_is_refused(
    key: str, value: Any, weights: Callable[[str], Path], tmp_path: Path
) -> None:
    network = write_controlnet(diffusers.StableDiffusionPipeline.from_pretrained(weights("sd15")), tmp_path, seed=1)
    diffusers.ControlNetModel.from_config(network.config, **{key: value}).save_pretrained(tmp_path)
    spec = LoadSpec("sd15", weights=str(weights("sd15")), device="cpu", controlnets={"edges": str(tmp_path)})
    with pytest.raises(ValueError, match=rf"controlnets\.edges: not one for this model: its {key} is {value}"):
        load(spec)


def test_a_folder_of_something_else_is_no_control_net(weights: Callable[[str], Path]) -> None:
    folder = weights("sd15")
    spec = LoadSpec("sd15", weights=str(folder), device="cpu", controlnets={"edges": str(folder / "unet")})
    with pytest.raises(ValueError, match=r"controlnets\.edges: .* is no whole ControlNet \(it is a UNet2DCondition"):
        load(spec)


@pytest.mark.parametrize("suffix", ["safetensors", "ckpt"])
def test_a_control_net_in_a_file_is_refused(suffix: str, weights: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / f"edges.{suffix}"
    path.write_bytes(b"")
    spec = LoadSpec("sd15", weights=str(weights("sd15")), device="cpu", controlnets={"edges": str(path)})
    with pytest.raises(ValueError, match=r"controlnets\.edges: .*allowed: a folder or repository"):
        load(spec)


def test_a_control_net_that_is_not_there_is_named(weights: Callable[[str], Path]) -> None:
    spec = LoadSpec("sd15", weights=str(weights("sd15")), device="cpu", controlnets={"edges": "/nowhere"})
    with pytest.raises(FileNotFoundError, match=r"controlnets\.edges: there is no folder /nowhere"):
        load(spec)
