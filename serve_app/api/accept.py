"""Which form of an answer a client wants, from its Accept header (RFC 9110, section 12.5.1). Pure."""

from collections.abc import Sequence

from serve_app.api.errors import NotAcceptable

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
FORMS = (JSON, EVENT_STREAM, *IMAGES)
"""What a synchronous route can answer, in the order it prefers where the client has no preference."""


def choose(accept: str, offered: Sequence[str] = FORMS) -> str:
    """The media type among ``offered`` that ``accept`` likes best; ties go to the earlier one.

    An empty header accepts everything. The most specific range that matches a type decides its quality.

    Raises:
        NotAcceptable: the header allows none of them.
    """
    ranges = [_parse(item) for item in accept.split(",") if item.strip()] or [("*/*", 1.0)]
    best = max(offered, key=lambda kind: _quality(kind, ranges))
    if _quality(best, ranges) <= 0:
        raise NotAcceptable(f"Accept: got {accept[:80]!r}, this request can be answered as {', '.join(offered)}")
    return best


def _parse(item: str) -> tuple[str, float]:
    """One range and its quality; a malformed quality counts as 0."""
    kind, *parameters = (part.strip().lower() for part in item.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return kind, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return kind, 0.0


def _quality(kind: str, ranges: list[tuple[str, float]]) -> float:
    for wanted in (kind, kind.partition("/")[0] + "/*", "*/*"):
        matches = [quality for name, quality in ranges if name == wanted]
        if matches:
            return max(matches)
    return 0.0
