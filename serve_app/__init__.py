"""What a client meets: the HTTP API, the job service, and the Ray Serve application graph.

``serve_app:build`` is the typed application builder that Serve config files name. It is resolved on first use
(PEP 562), so that importing a part of this package does not import Ray.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serve_app.app import build

__all__ = ["build"]


def __getattr__(name: str) -> Any:
    if name == "build":
        from serve_app.app import build

        return build
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
