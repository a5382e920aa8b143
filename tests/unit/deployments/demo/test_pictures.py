"""The demo models make what is asked for: every class of thing, in the prompts that people write."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.pictures import NEEDED, pictures
from deployments.catalog import MAIN_MODELS
from deployments.demo.check.cases import CASES, SAMPLE, Case
from deployments.demo.check.read import Reader, misses
from deployments.engine import Engine, GenerationRequest, ImageReady, Preview

OF_THE_SAMPLE = 0.8
"""Of so few pictures: where nine in ten of all are right, one sample of 25 in thirty has less."""


@pytest.fixture(scope="module", params=MAIN_MODELS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A model's demo weights, as they are served."""
    with Engine.load(request.param, weights="demo", device="cpu", dtype="float32", max_batch=16) as engine:
        yield engine


def missed(engine: Engine, cases: Sequence[Case], **settings: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """For each prompt whose picture is not right: what was wanted and what was read instead."""
    reader = Reader.fitted()
    found = {case.prompt: misses(case.wanted, reader.read(seen)) for case, seen in pictures(engine, cases, **settings)}
    assert len(found) == len(cases)
    return {prompt: what for prompt, what in found.items() if what}


@pytest.mark.timeout(900)
def test_a_sample_shows_what_was_asked_for(engine: Engine) -> None:
    wrong = missed(engine, SAMPLE)
    assert len(SAMPLE) - len(wrong) >= OF_THE_SAMPLE * len(SAMPLE), wrong


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nine_in_ten_of_all_prompts_show_all_that_was_asked_for(engine: Engine) -> None:
    wrong = missed(engine, CASES)
    assert len(CASES) - len(wrong) >= NEEDED * len(CASES), wrong


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_guidance_leads_towards_the_prompt(engine: Engine) -> None:
    if not engine.card.capabilities.supports_guidance:
        pytest.skip("this model has no guidance")
    half = CASES[::2]
    assert len(missed(engine, half)) < len(missed(engine, half, guidance=1.0))


@pytest.mark.timeout(900)
def test_a_negative_prompt_leads_away_from_what_it_says(engine: Engine) -> None:
    if not engine.card.capabilities.supports_negative_prompt:
        pytest.skip("this model takes no negative prompt")
    reader = Reader.fitted()
    cases = [Case("mountains", {}, seed) for seed in range(12)]
    by_day = {
        said: sum(reader.read(seen)["sky"] == "day" for _, seen in pictures(engine, cases, negative_prompt=said))
        for said in ("", "day, sunny")
    }
    assert by_day["day, sunny"] < by_day[""]


def test_previews_look_like_the_picture_to_come_from_early_on(engine: Engine) -> None:
    request = GenerationRequest(prompt="a beautiful sunset over mountains", seed=3, preview_every=1)
    previews, picture = [], None
    for event in engine.stream(request):
        if isinstance(event, Preview):
            previews.append(event.image)
        elif isinstance(event, ImageReady):
            picture = event.image
    assert picture is not None
    small = picture.resize((16, 16))
    away = [apart(preview.resize((16, 16)), small) for preview in previews]
    assert away[len(away) // 4] < 25
    assert away[-1] < 12


def painted(engine: Engine, prompt: str, **fields: Any) -> Image.Image:
    return engine.generate(GenerationRequest(prompt=prompt, seed=5, preview_every=0, **fields)).images[0]


def test_a_repainted_picture_shows_what_the_new_prompt_says(engine: Engine) -> None:
    red = painted(engine, "a red circle")
    green = painted(engine, "a green circle", image=red)
    seen = [Reader.fitted().read(np.asarray(picture)) for picture in (red, green)]
    assert [(one["kind"], one["colour"]) for one in seen] == [("circle", "red"), ("circle", "green")]


def test_the_less_strength_the_more_of_the_picture_stays(engine: Engine) -> None:
    day = painted(engine, "a boat on the sea on a sunny day")
    nights = [painted(engine, "a boat on the sea at night", image=day, strength=share) for share in (0.3, 0.6, 1.0)]
    changes = [apart(day, night) for night in nights]
    assert changes == sorted(changes)
    assert changes[0] < changes[-1] / 2


def test_only_what_the_mask_covers_is_repainted(engine: Engine) -> None:
    boat = painted(engine, "a boat on the sea on a sunny day")
    mask = Image.new("L", boat.size)
    mask.paste(255, (32, 32, 96, 96))
    lighthouse = painted(engine, "a lighthouse at the sea on a sunny day", image=boat, mask=mask)
    for box in ((0, 0, 128, 24), (0, 104, 128, 128), (0, 0, 24, 128), (104, 0, 128, 128)):
        assert apart(boat.crop(box), lighthouse.crop(box)) < 6
    seen = Reader.fitted().read(np.asarray(lighthouse))
    assert (seen["subject"], seen["sky"], seen["land"]) == ("lighthouse", "day", "sea")


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures' pixels, 0 to 255."""
    return float(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).mean())
