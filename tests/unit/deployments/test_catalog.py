"""The catalog: names, overrides, and what it refuses."""

import json
from pathlib import Path

import pytest

from deployments.catalog import CATALOG, DEMO_WEIGHTS, card_for, demo_overrides, find_card, read_overrides
from deployments.demo import demo_folder


def test_ids_aliases_and_repositories_name_exactly_one_model() -> None:
    names = [name for card in CATALOG.values() for name in (card.id, *card.aliases, card.weights.lower())]
    assert len(names) == len(set(names))
    for card in CATALOG.values():
        assert all(find_card(name.upper()) is card for name in (card.id, *card.aliases, card.weights))


@pytest.mark.parametrize("card", CATALOG.values(), ids=list(CATALOG))
def test_a_cards_own_defaults_are_within_its_own_bounds(card: object) -> None:
    from deployments.catalog import ModelCard
    from deployments.engine.request import GenerationRequest
    from deployments.engine.resolve import resolve

    assert isinstance(card, ModelCard)
    for width, height in (card.default_size, *card.supported_sizes):
        resolve(GenerationRequest(prompt="", width=width, height=height), card)


def test_demo_weights_are_small_in_every_process_without_being_read() -> None:
    assert card_for("sdxl", DEMO_WEIGHTS).default_size == (128, 128)


@pytest.mark.parametrize("model", CATALOG)
def test_the_demo_folders_say_what_the_catalog_says_of_them(model: str) -> None:
    assert read_overrides(demo_folder(model)) == demo_overrides(model)


def test_a_model_without_demo_weights_is_told_which_have_them() -> None:
    with pytest.raises(KeyError, match="sd15"):
        demo_folder("dall-e")


def test_a_folders_darkroom_json_overrides_the_card(tmp_path: Path) -> None:
    (tmp_path / "darkroom.json").write_text(json.dumps({"default_steps": 9, "capabilities": {"img2img": True}}))
    card = card_for("sd15", str(tmp_path))
    assert (card.default_steps, card.capabilities.img2img, card.capabilities.txt2img) == (9, True, True)


@pytest.mark.parametrize(
    "overrides",
    [{"id": "other"}, {"colour": 1}, {"capabilities": {"fly": True}}, {"default_steps": "nine"}, ["default_steps"]],
    ids=str,
)
def test_overrides_of_unknown_or_identifying_fields_are_refused(tmp_path: Path, overrides: object) -> None:
    (tmp_path / "darkroom.json").write_text(json.dumps(overrides))
    with pytest.raises(ValueError, match=r"darkroom\.json"):
        card_for("sd15", str(tmp_path))


def test_an_unknown_model_is_named_with_those_that_are_known() -> None:
    with pytest.raises(KeyError, match="flux-dev"):
        card_for("dall-e")
