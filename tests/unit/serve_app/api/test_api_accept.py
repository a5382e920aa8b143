"""Content negotiation, as RFC 9110 has it."""

import pytest

from serve_app.api.accept import choose
from serve_app.api.errors import NotAcceptable


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("TEXT/Event-Stream", "text/event-stream"),
        ("image/*", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/avif,image/webp,image/png;q=0.8", "image/webp"),
        ("image/*, image/png;q=0", "image/jpeg"),
        ("application/json;q=0.2, image/*;q=0.9", "image/png"),
        ("*/*;q=0.1, text/event-stream", "text/event-stream"),
        ("text/html, */*;q=0.5", "application/json"),
    ],
)
def test_the_best_liked_form_is_chosen_and_ties_go_to_ours(accept: str, chosen: str) -> None:
    assert choose(accept) == chosen


@pytest.mark.parametrize("accept", ["text/html", "image/avif", "application/json;q=0", "*/*;q=nonsense", ";;;,=,"])
def test_nothing_acceptable_is_an_error(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(accept)
