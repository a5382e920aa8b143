"""When a webhook is tried again."""

import pytest

from serve_app.jobs.webhooks.schedule import DELAYS_S, JITTER, MAX_RETRY_AFTER_S, pause_s, retry_after_s

NOW = 1_700_000_000.0


def test_ten_tries_are_spread_over_three_days_and_then_it_is_over() -> None:
    pauses = [pause_s(tries, chance=0.5) for tries in range(1, 11)]
    assert pauses == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400, None]
    assert 3 * 86400 < sum(DELAYS_S) < 3.5 * 86400


@pytest.mark.parametrize("tries", range(1, 10))
def test_chance_makes_a_pause_longer_or_shorter_by_a_tenth_at_most(tries: int) -> None:
    plain = DELAYS_S[tries - 1]
    assert pause_s(tries, chance=0.0) == pytest.approx(plain * (1 - JITTER))
    assert pause_s(tries, chance=1.0) == pytest.approx(plain * (1 + JITTER))


def test_it_is_tried_no_sooner_than_the_receiver_asked_within_a_day() -> None:
    assert pause_s(1, 0.5, retry_after_s=60) == 60
    assert pause_s(2, 0.5, retry_after_s=60) == 300
    assert pause_s(1, 0.5, retry_after_s=1e9) == MAX_RETRY_AFTER_S
    assert pause_s(10, 0.5, retry_after_s=60) is None


def test_a_schedule_of_ones_own_has_as_many_tries_and_one() -> None:
    assert [pause_s(tries, 0.5, delays_s=(1.0, 2.0)) for tries in (1, 2, 3)] == [1.0, 2.0, None]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60),
        ("Tue, 14 Nov 2023 21:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, None),
        ("Tue, 99 Nov 2023 22:14:20 GMT", None),
    ],
)
def test_retry_after_is_understood_in_both_forms_and_nothing_else(header: str, seconds: float | None) -> None:
    assert retry_after_s(header, NOW) == seconds
