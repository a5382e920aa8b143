"""The jobs in memory: those under way, and the logs of those that finished last."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from deployments.engine.errors import Conflict
from deployments.engine.request import GenerationRequest
from serve_app.jobs.cost import remaining
from serve_app.jobs.events import Queued
from serve_app.jobs.job import TERMINAL, Job, JobStatus
from serve_app.jobs.log import EventLog


@dataclass(eq=False, slots=True)
class LiveJob:
    """One job under way: what is committed of it (``job``), and what is not (progress, followers, tasks).

    Attributes:
        model: the id of its model.
        cost: in rows (:func:`serve_app.jobs.cost.rows`).
        steps_done: by image, of the newest attempt.
        unfollowed_since: when its last follower left, or it came; for as long as there is none.
        followers: open streams.
        told: the newest ``Queued`` in the log.
        stream: the task that reads the replica's events; set only while it reads.
        timer: ends the job at its deadline, if it has one.
        lost_at: when its newest attempt was lost, in this Router's time or before it.
        previewed: a preview of it was told, or may have been before this Router came.
        ending: the task that commits the terminal state; set once, by whoever ends the job first.
    """

    job: Job
    model: str
    log: EventLog
    cost: float
    unfollowed_since: float
    steps_done: dict[int, int] = field(default_factory=dict)
    total: int | None = None
    followers: int = 0
    told: Queued | None = None
    stream: asyncio.Task[Any] | None = None
    timer: asyncio.TimerHandle | None = None
    lost_at: float | None = None
    previewed: bool = False
    ending: asyncio.Task[Job | None] | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def generation(self) -> GenerationRequest:
        """The resolved request."""
        return self.job.request.generation

    @property
    def remaining(self) -> float:
        """The rows that are still to be computed."""
        steps = (self.total or self.generation.steps or 1) * self.generation.n
        return remaining(self.cost, sum(self.steps_done.values()) / steps)

    def transition(self, **changes: Any) -> None:
        """Take over what was committed."""
        self.job = replace(self.job, **changes)

    def snapshot(self, position: int | None, eta_s: float | None) -> Job:
        """The job as a client sees it now."""
        if self.job.status in TERMINAL:
            return self.job
        if self.job.status is JobStatus.QUEUED:
            return replace(self.job, position=position, eta_s=eta_s)
        step, total = max(self.steps_done.values(), default=0), self.total or self.generation.steps
        return replace(self.job, eta_s=eta_s, step=step, total=total)


class LiveJobs:
    """By id: every job under way, and at most ``finished_logs`` finished ones, the longest unused dropped first."""

    def __init__(self, finished_logs: int) -> None:
        self._limit = finished_logs
        self._active: dict[str, LiveJob] = {}
        self._finished: OrderedDict[str, LiveJob] = OrderedDict()

    def __iter__(self) -> Iterator[LiveJob]:
        """Those under way."""
        return iter(tuple(self._active.values()))

    def add(self, live: LiveJob) -> None:
        """Take in a new job.

        Raises:
            Conflict: there is one with this id.
        """
        if live.id in self._active or live.id in self._finished:
            raise Conflict(f"there is a job {live.id} already")
        self._active[live.id] = live

    def active(self, job_id: str) -> LiveJob | None:
        """The job if it is under way."""
        return self._active.get(job_id)

    def logged(self, job_id: str) -> LiveJob | None:
        """The job if its log is in memory."""
        if job_id in self._finished:
            self._finished.move_to_end(job_id)
        return self._active.get(job_id) or self._finished.get(job_id)

    def retire(self, live: LiveJob) -> None:
        """The job has ended: only its log is kept, for a while."""
        if self._active.pop(live.id, None) is None:
            return
        self._finished[live.id] = live
        while len(self._finished) > self._limit:
            self._finished.popitem(last=False)

    def hand_over(self) -> None:
        """Attempts are closed, and followers told to ask elsewhere; no job ends."""
        for live in self:
            live.log.hand_over()
            if live.stream is not None:
                live.stream.cancel()

    def forget(self, job_id: str) -> None:
        """Drop a job and its log."""
        self._active.pop(job_id, None)
        self._finished.pop(job_id, None)
