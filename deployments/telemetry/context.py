"""Which job the running code works for: known wherever a line is logged, without being handed down."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Concern:
    """A job and, where one is under way, which attempt at it."""

    job: str
    attempt: int | None = None


_CONCERN: Final[ContextVar[Concern | None]] = ContextVar("darkroom_concern", default=None)


def about(job: str, attempt: int | None = None) -> None:
    """What follows in this task, and in tasks and engine work that start from it, is about ``job``.

    There is no way back: to be called at the edges, where a task or a request has one job for the rest of its life.
    """
    _CONCERN.set(Concern(job, attempt))


def concern() -> Concern | None:
    """What the running code is about."""
    return _CONCERN.get()
