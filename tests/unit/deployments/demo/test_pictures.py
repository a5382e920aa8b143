"""The demo models make what is asked for: every class of thing, in the prompts that people write."""

from collections.abc import Iterator, Sequence

import pytest

from benchmarks.pictures import NEEDED, pictures
from deployments.catalog import MAIN_MODELS
from deployments.demo.check.cases import CASES, SAMPLE, Case
from deployments.demo.check.read import Reader, misses
from deployments.demo.folder import WEIGHTS
from deployments.engine import Engine


@pytest.fixture(scope="module", params=MAIN_MODELS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A model's demo weights, as they are served."""
    if not (WEIGHTS / request.param).is_dir():
        pytest.skip("these demo weights are not trained: make weights")
    with Engine.load(request.param, weights="demo", device="cpu", dtype="float32", max_batch=16) as engine:
        yield engine


def assert_right(engine: Engine, cases: Sequence[Case]) -> None:
    reader = Reader.fitted()
    missed = {case.prompt: misses(case.wanted, reader.read(pixels)) for case, pixels in pictures(engine, cases)}
    assert len(missed) == len(cases)
    wrong = {prompt: what for prompt, what in missed.items() if what}
    assert len(cases) - len(wrong) >= NEEDED * len(cases), wrong


@pytest.mark.timeout(900)
def test_nine_in_ten_of_a_sample_show_all_that_was_asked_for(engine: Engine) -> None:
    assert_right(engine, SAMPLE)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nine_in_ten_of_all_prompts_show_all_that_was_asked_for(engine: Engine) -> None:
    assert_right(engine, CASES)
