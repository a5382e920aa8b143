"""Metrics in the abstract: what an instrument is, and what can be done with one. Pure; Ray's are in ``process``.

Each layer declares its own instruments beside the code that uses them; docs/metrics.md is the table of them all.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric.

    Attributes:
        name: ``darkroom_…`` with its unit, as Prometheus wants it; Ray's endpoint puts ``ray_`` before it.
        labels: each with few possible values, never an id. Ray Serve adds ``application``, ``deployment``, ``replica``.
        buckets: the upper bounds of a histogram's buckets.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Buckets for what takes a moment or half an hour."""


class Meters(Protocol):
    """Takes measurements. From any thread; costs microseconds, and never fails what it measures."""

    def add(self, counter: Instrument, amount: float = 1, /, **labels: str) -> None:
        """Count ``amount`` (not negative) more."""
        ...

    def set(self, gauge: Instrument, value: float, /, **labels: str) -> None:
        """It stands at ``value`` now."""
        ...

    def observe(self, histogram: Instrument, value: float, /, **labels: str) -> None:
        """One more ``value``."""
        ...


class NoMeters:
    """Takes everything and keeps nothing: where nobody measures."""

    def add(self, *_: Any, **__: str) -> None: ...
    def set(self, *_: Any, **__: str) -> None: ...
    def observe(self, *_: Any, **__: str) -> None: ...


NO_METERS: Final[Meters] = NoMeters()
