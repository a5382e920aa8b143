"""Fingerprints: whatever decides an image's bits shows in them, and nothing else does."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from deployments.catalog import CATALOG, ModelCard, card_for
from deployments.engine import GenerationRequest
from deployments.engine.adapters.lora import Lora
from deployments.engine.conditioning import Conditioning
from deployments.engine.families.base import Item
from deployments.engine.fingerprint import fingerprints, model_facts
from deployments.engine.images import encode
from deployments.engine.spec import LoadSpec
from deployments.engine.weights import Origin, identity
from tests.unit.deployments.engine.gallery import blot, photo
from tests.unit.deployments.engine.slow_motion import SlowMotionFamily

CARD = card_for("sd15")
WHOLE: dict[str, Any] = {
    "model": "sd15",
    "prompt": "a boat",
    "negative_prompt": "rain",
    "width": 64,
    "height": 64,
    "steps": 5,
    "guidance": 3.0,
    "seed": 7,
    "sampler": "euler",
    "image": photo(1),
    "mask": blot(1),
    "strength": 0.5,
    "control_image": photo(2),
    "controlnet": "edges",
    "control_scale": 1.0,
    "control_start": 0.1,
    "control_end": 0.9,
    "loras": [{"name": "ink", "scale": 1.0}],
}
MATTERS: dict[str, Any] = {
    "model": "sd21",
    "prompt": "a boat.",
    "negative_prompt": None,
    "width": 72,
    "height": 72,
    "steps": 6,
    "guidance": 3.0000001,
    "seed": 8,
    "sampler": None,
    "image": photo(2),
    "mask": blot(2),
    "strength": 0.6,
    "control_image": photo(1),
    "controlnet": "depth",
    "control_scale": 0.9,
    "control_start": 0.2,
    "control_end": 0.8,
    "loras": [{"name": "ink", "scale": 0.5}],
}
MATTERS_NOT: dict[str, Any] = {"id": "another", "n": 3, "preview_every": 1, "format": "webp", "quality": 3}


def items(lora: str = "its bytes", **fields: Any) -> list[Item]:
    request = GenerationRequest.model_validate(WHOLE | fields)
    adapters = ((Lora("ink", (1, 1), lora, {}), 1.0),)
    return [Item(request, index, Conditioning(torch.zeros(1)), None, adapters) for index in range(request.n)]


def mark(card: ModelCard = CARD, weights: str = "", family: Any = None, lora: str = "its bytes", **fields: Any) -> str:
    """The fingerprint of a request's first image."""
    return fingerprints(items(lora, **fields), model_facts(card, family or SlowMotionFamily(), weights))[0]


def test_each_field_of_a_request_is_looked_at() -> None:
    assert set(GenerationRequest.model_fields) == set(MATTERS) | set(MATTERS_NOT)


def test_what_decides_the_picture_shows() -> None:
    marks = [mark(), *(mark(**{field: value}) for field, value in MATTERS.items())]
    assert len(set(marks)) == len(marks)


def test_what_does_not_decide_it_does_not_show() -> None:
    assert {mark(), *(mark(**{field: value}) for field, value in MATTERS_NOT.items())} == {mark()}


def test_the_model_shows() -> None:
    half, cuda = SlowMotionFamily(), SlowMotionFamily()
    half.dtype, cuda.device = torch.float16, torch.device("cuda:1")
    marks = [
        mark(),
        mark(weights="others"),
        mark(family=half),
        mark(family=cuda),
        mark(card=CATALOG["sdxl"]),
        mark(card=replace(CARD, max_sequence_length=77)),
    ]
    assert len(set(marks)) == len(marks)


def test_a_lora_counts_by_its_content() -> None:
    assert mark(lora="other bytes") != mark()


def test_an_image_counts_by_its_own_seed() -> None:
    model = model_facts(CARD, SlowMotionFamily(), "")
    several = fingerprints(items(n=3), model)
    assert len(set(several)) == 3
    assert several[2] == fingerprints(items(seed=9), model)[0]


def test_a_picture_counts_by_its_bytes() -> None:
    png = encode(photo(3), "png", None)
    assert mark(image=png) == mark(image=bytes(png)) == mark(image=png, id="another")
    assert mark(image=png) != mark(image=encode(photo(3), "webp", None))


def test_no_image_has_no_fingerprint() -> None:
    assert fingerprints([], {}) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something like weights in diffusers layout."""
    for name in ("unet/model.safetensors", "unet/config.json", "scheduler/scheduler_config.json", "vae/a.safetensors"):
        (tmp_path / "weights" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "weights" / name).write_bytes(name.encode() * 50_000)
    return tmp_path / "weights"


def known_as(folder: Path, **settings: Any) -> str:
    spec = LoadSpec(**({"model": "sd15"} | settings))
    return identity(spec, CARD, Origin(folder, ("unet", "vae")))


@pytest.mark.parametrize("name", ["unet/model.safetensors", "scheduler/scheduler_config.json", "vae/a.safetensors"])
def test_weights_that_were_changed_in_their_place_are_others(folder: Path, name: str) -> None:
    before, path = known_as(folder), folder / name
    path.write_bytes(path.read_bytes().swapcase())
    assert known_as(folder) != before


def test_weights_are_the_same_wherever_they_are(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert known_as(copy) == known_as(folder)


def test_settings_that_change_bits_show_and_the_others_do_not(folder: Path) -> None:
    assert known_as(folder, device="cpu", dtype="float16", loras="somewhere") == known_as(folder)
    assert known_as(folder, quantize="int8") != known_as(folder)
    assert known_as(folder, vae="tiled") != known_as(folder)


def test_weights_in_a_file_count_too(folder: Path, tmp_path: Path) -> None:
    file, spec = tmp_path / "all.safetensors", LoadSpec("sd15")
    found = set()
    for content in (b"one", b"two"):
        file.write_bytes(content)
        found.add(identity(spec, CARD, Origin(folder, ("vae",), file)))
    assert len(found) == 2
