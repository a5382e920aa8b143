"""What each model has done in the last minutes: figures over time, made of the job service's facts. Pure; bounded."""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from serve_app.jobs.fleet import ModelStatus
from serve_app.jobs.job import Job, JobStatus
from serve_app.jobs.observer import Begun, Ended, Fact, Standing, Submitted

BUCKET_S: Final = 10.0
BUCKETS: Final = 60

_LEAST_S: Final = 0.001
_GROWTH: Final = 1.1
_BINS: Final = 200
"""Bin i ends at 1 ms × 1.1^i, the last one after two days."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened within some time.

    Attributes:
        submitted: jobs accepted.
        succeeded, failed, cancelled, expired: jobs that ended so.
        images: of the jobs that succeeded.
        wait_mean_s, wait_p95_s: from a job's submission to its first dispatch, of those dispatched; ``None`` of none.
        run_mean_s, run_p95_s: from a job's first dispatch to its success; ``None`` if none succeeded. The 95th
            percentiles are at most 10 % too high, and never higher than the longest.
    """

    submitted: int
    succeeded: int
    failed: int
    cancelled: int
    expired: int
    images: int
    wait_mean_s: float | None
    wait_p95_s: float | None
    run_mean_s: float | None
    run_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """:data:`BUCKET_S` seconds from ``start`` (seconds since the epoch), and how the model stood at their end: jobs
    that wait and run, GPU-seconds of both, live replicas. ``None`` where no heartbeat was due."""

    start: float
    figures: Figures
    queued: int | None
    running: int | None
    backlog_s: float | None
    replicas: int | None


@dataclass(frozen=True, slots=True)
class ModelActivity:
    """The newest :data:`BUCKETS` buckets of a model, oldest first, without gaps, from the Router's start on; and all of
    them together. The last one is being filled."""

    model: str
    total: Figures
    buckets: tuple[Bucket, ...]


class Times:
    """How long some things took: their number, mean and, within 10 %, their distribution."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0
        self._longest = 0.0
        self._bins: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """One more; a negative one, of a clock that was set back, counts as none."""
        seconds = max(0.0, seconds)
        self._count += 1
        self._sum += seconds
        self._longest = max(self._longest, seconds)
        place = math.ceil(math.log(seconds / _LEAST_S, _GROWTH)) if seconds > _LEAST_S else 0
        self._bins[min(place, _BINS)] += 1

    def take(self, other: "Times") -> None:
        """All of ``other``, too."""
        self._count += other._count
        self._sum += other._sum
        self._longest = max(self._longest, other._longest)
        self._bins.update(other._bins)

    def mean(self) -> float | None:
        """In seconds; ``None`` of nothing."""
        return self._sum / self._count if self._count else None

    def quantile(self, share: float) -> float | None:
        """What so large a share of them (0 … 1) did not exceed: the upper end of its bin; ``None`` of nothing."""
        seen = 0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= share * self._count:
                return self._longest if place == _BINS else min(self._longest, _LEAST_S * _GROWTH**place)
        return None


@dataclass(slots=True)
class _Tally:
    """One bucket while it is filled."""

    submitted: int = 0
    ended: Counter[JobStatus] = field(default_factory=Counter)
    images: int = 0
    wait: Times = field(default_factory=Times)
    run: Times = field(default_factory=Times)
    standing: ModelStatus | None = None

    def figures(self) -> Figures:
        return Figures(
            submitted=self.submitted,
            succeeded=self.ended[JobStatus.SUCCEEDED],
            failed=self.ended[JobStatus.FAILED],
            cancelled=self.ended[JobStatus.CANCELLED],
            expired=self.ended[JobStatus.EXPIRED],
            images=self.images,
            wait_mean_s=self.wait.mean(),
            wait_p95_s=self.wait.quantile(0.95),
            run_mean_s=self.run.mean(),
            run_p95_s=self.run.quantile(0.95),
        )

    def bucket(self, start: float) -> Bucket:
        stood = self.standing
        if stood is None:
            return Bucket(start, self.figures(), None, None, None, None)
        return Bucket(start, self.figures(), stood.queued, stood.running, stood.backlog_s, stood.replicas)


class Activity:
    """An observer of the job service that counts, for each of ``models``, and forgets what is long ago.

    ``clock``: seconds since the epoch. Buckets begin at its multiples of :data:`BUCKET_S`, so those of several Routers
    are the same.
    """

    def __init__(self, models: Collection[str], clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tallies: dict[str, OrderedDict[int, _Tally]] = {model: OrderedDict() for model in models}

    def __call__(self, fact: Fact) -> None:
        match fact:
            case Submitted(job):
                self._now(_model(job)).submitted += 1
            case Begun(job, since, at) if job.attempt == 1:
                self._now(_model(job)).wait.add(at - since)
            case Ended(job):
                self._ended(self._now(_model(job)), job)
            case Standing(model):
                self._now(model.card.id).standing = model

    def told(self) -> list[ModelActivity]:
        """What is known now, of every model."""
        return [self._of(model) for model in self._tallies]

    def _of(self, model: str) -> ModelActivity:
        self._now(model)
        tallies = self._tallies[model]
        first, last = next(iter(tallies)), next(reversed(tallies))
        known = ((number, tallies.get(number) or _Tally()) for number in range(first, last + 1))
        buckets = tuple(tally.bucket(number * BUCKET_S) for number, tally in known)
        return ModelActivity(model, _sum(tallies.values()).figures(), buckets)

    def _ended(self, tally: _Tally, job: Job) -> None:
        tally.ended[job.status] += 1
        if job.status is JobStatus.SUCCEEDED:
            tally.images += len(job.images)
            if job.started_at is not None and job.finished_at is not None:
                tally.run.add(job.finished_at - job.started_at)

    def _now(self, model: str) -> _Tally:
        """The bucket that is being filled; the newest one, if the clock was set back."""
        tallies = self._tallies[model]
        newest = next(reversed(tallies), None)
        number = int(self._clock() // BUCKET_S)
        if newest is not None and number <= newest:
            return tallies[newest]
        tallies[number] = tally = _Tally()
        while next(iter(tallies)) <= number - BUCKETS:
            tallies.popitem(last=False)
        return tally


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    total = _Tally()
    for one in tallies:
        total.submitted += one.submitted
        total.ended.update(one.ended)
        total.images += one.images
        total.wait.take(one.wait)
        total.run.take(one.run)
    return total


def _model(job: Job) -> str:
    return str(job.request.generation.model)
