"""What a client may keep, and how it asks whether that still stands (RFC 9110, section 13.1.2). Pure."""

from typing import Final

FOR_GOOD: Final = "max-age=31536000, immutable"
"""After ``public`` or ``private``: what never changes under its address."""


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the client's copy, told in this header, is what ``etag`` names."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
