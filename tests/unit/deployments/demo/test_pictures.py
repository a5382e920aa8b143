"""The demo models make what is asked for: every class of thing, in the prompts that people write."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks.pictures import NEEDED, pictures
from deployments.catalog import MAIN_MODELS
from deployments.demo.check.cases import CASES, SAMPLE, Case
from deployments.demo.check.read import Reader, misses
from deployments.demo.folder import WEIGHTS
from deployments.engine import Engine, GenerationRequest, ImageReady, Preview


@pytest.fixture(scope="module", params=MAIN_MODELS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A model's demo weights, as they are served."""
    if not (WEIGHTS / request.param).is_dir():
        pytest.skip("these demo weights are not trained: make weights")
    with Engine.load(request.param, weights="demo", device="cpu", dtype="float32", max_batch=16) as engine:
        yield engine


def missed(engine: Engine, cases: Sequence[Case], **settings: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """For each prompt whose picture is not right: what was wanted and what was read instead."""
    reader = Reader.fitted()
    found = {case.prompt: misses(case.wanted, reader.read(seen)) for case, seen in pictures(engine, cases, **settings)}
    assert len(found) == len(cases)
    return {prompt: what for prompt, what in found.items() if what}


@pytest.mark.timeout(900)
def test_nine_in_ten_of_a_sample_show_all_that_was_asked_for(engine: Engine) -> None:
    wrong = missed(engine, SAMPLE)
    assert len(SAMPLE) - len(wrong) >= NEEDED * len(SAMPLE), wrong


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


def test_the_last_previews_look_like_the_picture_to_come(engine: Engine) -> None:
    request = GenerationRequest(prompt="a beautiful sunset over mountains", seed=3, preview_every=1)
    previews, picture = [], None
    for event in engine.stream(request):
        if isinstance(event, Preview):
            previews.append(event.image)
        elif isinstance(event, ImageReady):
            picture = event.image
    assert picture is not None
    late = previews[-1 - len(previews) // 8]
    small = np.asarray(picture.resize((16, 16))).astype(float)
    assert np.abs(np.asarray(late.resize((16, 16))) - small).mean() < 12
