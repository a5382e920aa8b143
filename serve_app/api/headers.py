"""Headers that every answer carries: what a browser must not do with it."""

from typing import Final

from starlette.datastructures import MutableHeaders

NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of answers that are no pages; a page sets its own."""


def secure(headers: MutableHeaders, *, cross_origin: bool) -> None:
    """Add what is missing to an answer's ``headers``; ``cross_origin``: pages of some other origins may read it."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if cross_origin else "same-origin"
    headers.setdefault("Content-Security-Policy", NOTHING)
    if headers.get("Content-Type", "").startswith("application/json"):
        headers.setdefault("Cache-Control", "no-store")
