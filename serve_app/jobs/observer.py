"""What the job service lets others see of its work: facts, told as they happen. Metrics, log lines and traces are made
of them elsewhere."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from deployments.messages import ReplicaStats
from serve_app.jobs.fleet import ModelStatus
from serve_app.jobs.job import Job

logger = logging.getLogger(__name__)

CallResult = Literal["delivered", "retried", "given_up"]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job is committed and waits."""

    job: Job


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt is committed and goes to a replica ``at`` this time; the job has waited for it since ``since``.

    Both are seconds since the epoch. ``job.attempt`` is 1 for the first one.
    """

    job: Job
    since: float
    at: float


@dataclass(frozen=True, slots=True)
class FirstPreview:
    """The first preview of a job is there, ``after_s`` seconds after its submission."""

    job: Job
    after_s: float


@dataclass(frozen=True, slots=True)
class AttemptLost:
    """The job's newest attempt came to no end of its own: its replica died or was drained."""

    job: Job
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """A running attempt is no longer wanted (a cancel, a client that left, a deadline): its replica is told now."""

    job: Job


@dataclass(frozen=True, slots=True)
class Ended:
    """The job's end is committed. Once for each job."""

    job: Job


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model stands, about once a second, and what its replicas told; none when they did not all answer."""

    model: ModelStatus
    replicas: Sequence[ReplicaStats] = ()


@dataclass(frozen=True, slots=True)
class Notified:
    """A job's webhook was called: it took the notice, it did not and is tried again, or it is given up."""

    job_id: str
    result: CallResult


Fact = Submitted | Begun | FirstPreview | AttemptLost | Stopping | Ended | Standing | Notified
Observe = Callable[[Fact], None]
"""Called on the service's event loop: must not block. What it raises would end up in a job."""


def unobserved(_fact: Fact) -> None:
    """Nobody looks."""


def observed_by(*observers: Observe) -> Observe:
    """All of these look. One that fails is logged, and neither the job nor the others notice."""

    def observe(fact: Fact) -> None:
        for one in observers:
            try:
                one(fact)
            except Exception:  # the edge of an observer: no job may fail because somebody looks
                logger.exception("an observer failed at %s", type(fact).__name__)

    return observe
