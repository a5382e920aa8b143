"""The jobs of one model that wait for a slot, in a fair order between their clients: pure policy."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from math import fsum
from typing import Final

from serve_app.jobs.job import Priority
from serve_app.jobs.turns import Turns

WEIGHTS: Final[Mapping[Priority, float]] = {"high": 2.0, "normal": 1.0, "low": 0.5}
"""What a priority makes of a job's cost: half as much counts for ``high``, twice as much for ``low``. So it is a share,
between clients and among one client's own jobs, and nobody starves."""


class Bound(StrEnum):
    """Which bound a queue is at."""

    MODEL = "model"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job as its queue knows it. ``cost`` is in rows (:mod:`serve_app.jobs.cost`)."""

    id: str
    client: str
    cost: float
    priority: Priority = "normal"

    @property
    def charge(self) -> float:
        """What its turn costs its client."""
        return self.cost / WEIGHTS[self.priority]


@dataclass(slots=True)
class _Client:
    """One client's waiting jobs: a line for each priority, and whose turn is next among the lines."""

    lines: dict[Priority, OrderedDict[str, Waiting]] = field(default_factory=dict)
    turns: Turns[Priority] = field(default_factory=Turns)

    def __len__(self) -> int:
        return sum(map(len, self.lines.values()))

    def add(self, job: Waiting) -> None:
        self.lines.setdefault(job.priority, OrderedDict())[job.id] = job
        self.turns.join(job.priority)

    def pop(self) -> Waiting:
        line = self.turns.next()
        _, job = self.lines[line].popitem(last=False)
        self.turns.charge(line, job.charge)
        self._tidy(line)
        return job

    def remove(self, job: Waiting) -> None:
        del self.lines[job.priority][job.id]
        self._tidy(job.priority)

    def in_order(self) -> Iterator[Waiting]:
        """Its jobs as :meth:`pop` would give them."""
        ranked = []
        for priority, line in self.lines.items():
            time, arrival = self.turns.rank(priority)
            ranked += [(start, arrival, job) for start, job in _starts(time, line.values())]
        return (job for *_, job in sorted(ranked, key=lambda entry: entry[:2]))

    def _tidy(self, priority: Priority) -> None:
        if not self.lines[priority]:
            del self.lines[priority]
            self.turns.leave(priority)


class FairQueue:
    """At most ``limit`` waiting jobs, at most ``client_limit`` of each client, in the order of dispatch.

    Clients take turns by what their jobs cost, weighted by priority: a client who comes anew goes before the next job
    of one who has a thousand. Jobs that were dispatched before and lost go before all others.

    A place is held (:meth:`hold`) while a job is being committed to the store, then taken (:meth:`add`) or given back
    (:meth:`release`), so that a job which was acknowledged always fits.
    """

    def __init__(self, limit: int, client_limit: int) -> None:
        self._limit = limit
        self._client_limit = client_limit
        self._held: dict[str, int] = {}
        self._first: OrderedDict[str, Waiting] = OrderedDict()
        self._clients: dict[str, _Client] = {}
        self._turns: Turns[str] = Turns()
        self._jobs: dict[str, Waiting] = {}
        self._places: dict[str, tuple[int, float]] | None = None  # known until something changes

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._jobs

    @property
    def clients(self) -> int:
        """Clients that have jobs here."""
        return len(self._clients)

    def of(self, client: str) -> list[Waiting]:
        """The jobs of ``client`` that wait for a first turn, in order."""
        return list(self._clients[client].in_order()) if client in self._clients else []

    def hold(self, client: str) -> Bound | None:
        """Hold a place for a job of ``client``; or, where none is free, the bound that says so."""
        held = self._held.get(client, 0)
        if len(self._jobs) + sum(self._held.values()) >= self._limit:
            return Bound.MODEL
        if len(self._clients.get(client, ())) + held >= self._client_limit:
            return Bound.CLIENT
        self._held[client] = held + 1
        return None

    def release(self, client: str) -> None:
        """Give a held place back.

        Raises:
            ValueError: none is held for ``client``.
        """
        if client not in self._held:
            raise ValueError(f"no place is held for {client}")
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]

    def add(self, job: Waiting) -> None:
        """Take a held place: at the end of what ``job.client`` has here under this priority."""
        self._refuse_twice(job)
        self.release(job.client)
        self.readmit(job)

    def readmit(self, job: Waiting) -> None:
        """Take in a job that was admitted before this queue was made: the bounds do not count."""
        self._refuse_twice(job)
        self._know(job)
        self._clients.setdefault(job.client, _Client()).add(job)
        self._turns.join(job.client)

    def requeue(self, job: Waiting) -> None:
        """Put a job that was dispatched before at the head. Its client was charged then; the bounds do not count."""
        self._refuse_twice(job)
        self._know(job)
        self._first[job.id] = job
        self._first.move_to_end(job.id, last=False)

    def pop(self) -> str:
        """Take the next job to dispatch; its client is charged.

        Raises:
            KeyError: the queue is empty.
        """
        if self._first:
            job = self._first.popitem(last=False)[1]
        elif self._clients:
            client = self._turns.next()
            job = self._clients[client].pop()
            self._turns.charge(client, job.charge)
            self._tidy(client)
        else:
            raise KeyError("the queue is empty")
        del self._jobs[job.id]
        self._places = None
        return job.id

    def remove(self, job_id: str) -> bool:
        """Take a job out, wherever it stands; False if it does not wait here."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return False
        if self._first.pop(job_id, None) is None:
            self._clients[job.client].remove(job)
            self._tidy(job.client)
        self._places = None
        return True

    def place(self, job_id: str) -> tuple[int, float]:
        """How many jobs are dispatched before this one, as things stand, and what those cost together.

        Raises:
            KeyError: the job does not wait here.
        """
        if self._places is None:
            order = list(self._in_order())
            ahead = accumulate((job.cost for job in order), initial=0.0)
            self._places = {
                job.id: (position, cost) for position, (job, cost) in enumerate(zip(order, ahead, strict=False))
            }
        return self._places[job_id]

    def total(self) -> float:
        """The cost of all waiting jobs."""
        return fsum(job.cost for job in self._jobs.values())

    def _in_order(self) -> Iterator[Waiting]:
        """Every waiting job as :meth:`pop` would give them: a turn begins when all before it of its client are paid."""
        ranked = []
        for client, waiting in self._clients.items():
            time, arrival = self._turns.rank(client)
            ranked += [(start, arrival, job) for start, job in _starts(time, waiting.in_order())]
        yield from self._first.values()
        yield from (job for *_, job in sorted(ranked, key=lambda entry: entry[:2]))

    def _know(self, job: Waiting) -> None:
        self._jobs[job.id] = job
        self._places = None

    def _tidy(self, client: str) -> None:
        if not self._clients[client]:
            del self._clients[client]
            self._turns.leave(client)

    def _refuse_twice(self, job: Waiting) -> None:
        if job.id in self._jobs:
            raise ValueError(f"job {job.id} waits already")


def _starts(time: float, jobs: Iterable[Waiting]) -> Iterator[tuple[float, Waiting]]:
    """The virtual time at which each of these successive jobs has its turn, the first at ``time``."""
    for job in jobs:
        yield time, job
        time += job.charge
