"""What a request may say, and how a model's card completes it."""

import math
import re
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError

from deployments.catalog import Capabilities, card_for
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.pictures import PictureRef
from deployments.engine.request import MAX_SEED, GenerationRequest
from deployments.engine.resolve import resolve

PICTURE = Image.new("RGB", (640, 427))
SD15 = card_for("sd15")
SCHNELL = card_for("flux-schnell")


def name_of(value: object) -> str:
    """A test's name for a value: without addresses, which are others in every process."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", str(value))


def test_absent_fields_take_the_models_defaults() -> None:
    resolved = resolve(GenerationRequest(prompt="a boat"), SD15)
    assert (resolved.model, resolved.width, resolved.height) == ("sd15", 512, 512)
    assert (resolved.steps, resolved.guidance) == (25, 7.5)
    assert resolved.seed is not None


def test_resolving_twice_changes_nothing() -> None:
    once = resolve(GenerationRequest(prompt="a boat", width=640), SD15)
    assert resolve(once, SD15) == once


def test_one_side_alone_means_a_square() -> None:
    resolved = resolve(GenerationRequest(prompt="", height=256), SD15)
    assert (resolved.width, resolved.height) == (256, 256)


def test_ids_are_drawn_and_differ() -> None:
    assert GenerationRequest(prompt="").id != GenerationRequest(prompt="").id


def test_guidance_scale_is_another_name_for_guidance() -> None:
    assert GenerationRequest.model_validate({"prompt": "", "guidance_scale": 3}).guidance == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 0},
        {"steps": "20"},
        {"steps": True},
        {"n": 0},
        {"n": 11},
        {"seed": -1},
        {"seed": MAX_SEED, "n": 1},
        {"guidance": math.nan},
        {"guidance": math.inf},
        {"guidance": -1.0},
        {"width": 0},
        {"prompt": "x" * 10_001},
        {"prompt": 7},
        {"image": "a/path.png"},
        {"image": b"no picture"},
        {"image": PICTURE, "strength": 0.0},
        {"image": PICTURE, "strength": 1.5},
        {"format": "gif"},
        {"quality": 0},
        {"preview_every": -1},
        {"id": "a/b"},
        {"colour": "red"},
    ],
    ids=name_of,
)
def test_a_value_outside_of_its_range_or_type_or_an_unknown_field_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GenerationRequest.model_validate({"prompt": "a boat"} | fields)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"width": 7, "height": 7}, "width"),
        ({"width": 512, "height": 509}, "height"),
        ({"width": 100_000, "height": 100_000}, "width"),
        ({"steps": 151}, "steps"),
        ({"strength": 0.5}, "strength"),
        ({"mask": PICTURE}, "mask"),
        ({"image": PICTURE, "strength": 0.01, "steps": 20}, "strength"),
        ({"image": PICTURE, "strength": 0.001}, "strength"),
    ],
    ids=name_of,
)
def test_what_the_card_does_not_allow_is_refused_and_named(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        resolve(GenerationRequest.model_validate({"prompt": "a boat"} | fields), SD15)
    assert refusal.value.field == field
    assert field in str(refusal.value)
    assert refusal.value.allowed


def test_too_many_pixels_are_refused_although_each_side_is_allowed() -> None:
    card = SD15.override({"max_pixels": 512 * 512})
    with pytest.raises(InvalidRequest, match="pixels"):
        resolve(GenerationRequest(prompt="", width=1024, height=1024), card)


@pytest.mark.parametrize(
    "fields",
    [
        {"negative_prompt": "rain"},
        {"guidance": 3.0},
        {"loras": [{"name": "ink"}]},
        {"sampler": "euler"},
    ],
    ids=name_of,
)
def test_what_a_model_has_no_ability_for_is_refused_as_unsupported(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedByModel, match="flux-schnell"):
        resolve(GenerationRequest.model_validate({"prompt": "a boat"} | fields), SCHNELL)


def test_an_empty_negative_prompt_and_zero_guidance_are_no_demands() -> None:
    resolved = resolve(GenerationRequest(prompt="", negative_prompt="", guidance=0), SCHNELL)
    assert resolved.negative_prompt is None
    assert resolved.guidance == 0


def test_a_sampler_that_can_take_few_steps_refuses_more_of_them() -> None:
    assert resolve(GenerationRequest(prompt="", sampler="lcm", steps=50), SD15).steps == 50
    with pytest.raises(InvalidRequest, match="1 to 50 with lcm"):
        resolve(GenerationRequest(prompt="", sampler="lcm", steps=51), SD15)


def test_a_listed_sampler_passes() -> None:
    card = SD15.override({"capabilities": {"samplers": ["euler"]}})
    assert card.capabilities == Capabilities(samplers=("euler",))
    assert resolve(GenerationRequest(prompt="", sampler="euler"), card).sampler == "euler"


def with_picture(**fields: Any) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "a boat", "image": PICTURE} | fields)


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((640, 427), (640, 424)), ((512, 512), (512, 512)), ((4000, 3000), (720, 536)), ((50, 40), (80, 64))],
    ids=name_of,
)
def test_a_picture_tells_the_size_as_far_as_the_model_goes(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    resolved = resolve(with_picture(image=Image.new("1", size)), SD15)
    assert (resolved.width, resolved.height) == fitted


def test_a_size_that_is_asked_for_wins_over_the_pictures() -> None:
    resolved = resolve(with_picture(width=256), SD15)
    assert (resolved.width, resolved.height) == (256, 256)


def test_a_picture_is_mostly_repainted_and_a_masked_part_wholly() -> None:
    assert resolve(with_picture(), SD15).strength == 0.75
    assert resolve(with_picture(mask=PICTURE), SD15).strength == 1.0
    assert resolve(GenerationRequest(prompt="a boat"), SD15).strength is None


def test_a_model_of_one_step_takes_as_many_as_leave_one() -> None:
    turbo = card_for("sd-turbo")
    assert resolve(with_picture(), turbo).steps == 2
    assert resolve(with_picture(strength=0.3), turbo).steps == 4


@pytest.mark.parametrize("fields", [{}, {"image": PICTURE}], ids=["from text", "without a mask"])
def test_a_model_that_only_inpaints_says_what_it_needs(fields: dict[str, Any]) -> None:
    card = SD15.override({"capabilities": {"txt2img": False, "img2img": False}})
    with pytest.raises(UnsupportedByModel, match="mask") as refusal:
        resolve(GenerationRequest.model_validate({"prompt": "a boat"} | fields), card)
    assert refusal.value.field == "image"
    assert resolve(with_picture(mask=PICTURE), card).strength == 1.0


@pytest.mark.parametrize(("fields", "field"), [({}, "image"), ({"mask": PICTURE}, "mask")], ids=["image", "mask"])
def test_a_model_without_the_ability_takes_no_picture(fields: dict[str, Any], field: str) -> None:
    card = SD15.override({"capabilities": {"img2img": False, "inpaint": False}})
    with pytest.raises(UnsupportedByModel) as refusal:
        resolve(with_picture(**fields), card)
    assert refusal.value.field == field


def test_a_kept_picture_survives_the_store_and_tells_its_size() -> None:
    kept = with_picture(image=PictureRef(key="a/input/image", width=640, height=427))
    again = GenerationRequest.model_validate_json(kept.model_dump_json())
    assert again == kept
    assert resolve(again, SD15).height == 424
