"""A library that makes images a step at a time: no Ray, no HTTP.

    engine = Engine.load("sd15", weights="demo")
    result = engine.generate(GenerationRequest(prompt="a red circle", seed=7))

Names are resolved on first use (PEP 562): the words (requests, events, errors) import no torch, ``Engine`` does.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deployments.engine.engine import Engine
    from deployments.engine.events import (
        Cancelled,
        Checkpoint,
        Completed,
        Event,
        Failed,
        GenerationResult,
        ImageReady,
        Preview,
        Progress,
        Started,
    )
    from deployments.engine.request import GenerationRequest
    from deployments.engine.stats import EngineStats

_HOME = {
    "Engine": "engine",
    "EngineStats": "stats",
    "GenerationRequest": "request",
} | dict.fromkeys(
    (
        "Cancelled",
        "Checkpoint",
        "Completed",
        "Event",
        "Failed",
        "GenerationResult",
        "ImageReady",
        "Preview",
        "Progress",
        "Started",
    ),
    "events",
)

__all__ = [
    "Cancelled",
    "Checkpoint",
    "Completed",
    "Engine",
    "EngineStats",
    "Event",
    "Failed",
    "GenerationRequest",
    "GenerationResult",
    "ImageReady",
    "Preview",
    "Progress",
    "Started",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
