"""What the open loop sends is drawn as it says, and its rows count as they say."""

from itertools import pairwise

import pytest

from benchmarks.open_loop import Seen, arrivals, row

MODELS = ("sd15", "sdxl")


def test_the_same_seed_makes_the_same_arrivals_and_another_others() -> None:
    load = arrivals(5, 100, MODELS, seed=1)
    assert load == arrivals(5, 100, MODELS, seed=1)
    assert load != arrivals(5, 100, MODELS, seed=2)


def test_arrivals_come_at_their_rate_in_random_pauses_for_all_models() -> None:
    load = arrivals(5, 1000, MODELS, seed=1)
    times = [arrival.at for arrival in load]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    mean = sum(pauses) / len(pauses)
    assert times == sorted(times) and times[0] > 0 and times[-1] < 1000
    assert mean == pytest.approx(1 / 5, rel=0.05)
    assert sum((pause - mean) ** 2 for pause in pauses) / len(pauses) == pytest.approx(mean**2, rel=0.15)
    assert {arrival.model for arrival in load} == set(MODELS)


def test_goodput_counts_what_ended_within_a_multiple_of_the_models_own_latency() -> None:
    seen = [
        Seen("sd15", 10.0, {"started": 10.5, "preview": 11.0, "complete": 11.9}),
        Seen("sd15", 10.0, {"started": 12.0, "complete": 14.0}),
        Seen("sdxl", 10.0, {"started": 12.0, "complete": 14.0}),
        Seen("sdxl", 10.0, {"started": 30.0, "complete": 40.0}),
    ]
    told = row(2.0, seen, 30.0, {"sd15": 1.0, "sdxl": 2.0})
    assert (told["goodput_2x"], told["goodput_5x"]) == (0.5, 0.75)
    assert told["latency_s"]["max"] == 30.0
    assert told["first_preview_s"]["count"] == 1


def test_a_request_that_did_not_complete_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="sd15 did not complete: error"):
        row(1.0, [Seen("sd15", 0.0, {"error": 1.0})], 1.0, {"sd15": 1.0})
