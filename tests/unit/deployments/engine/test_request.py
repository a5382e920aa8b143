"""What a request may say, and how a model's card completes it."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.catalog import Capabilities, card_for
from deployments.engine.errors import InvalidRequest, UnsupportedByModel
from deployments.engine.request import MAX_SEED, GenerationRequest, resolve

SD15 = card_for("sd15")
SCHNELL = card_for("flux-schnell")


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
        {"format": "gif"},
        {"quality": 0},
        {"preview_every": -1},
        {"id": "a/b"},
        {"colour": "red"},
    ],
    ids=str,
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
        ({"mask": b"png"}, "mask"),
    ],
    ids=str,
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
        {"image": b"png"},
        {"image": b"png", "mask": b"png"},
        {"loras": [{"name": "ink"}]},
        {"sampler": "euler"},
    ],
    ids=str,
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
