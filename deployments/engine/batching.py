"""Which requests share the next forward: pure policy, no torch.

The engine tells the scheduler what joins (:meth:`StepScheduler.add`) and leaves (:meth:`StepScheduler.abort`), asks
for the next batch, runs it, and reports that it has run (:meth:`StepScheduler.advance`).
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from heapq import nsmallest
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True, slots=True)
class BatchKey:
    """Two states can share a forward exactly when their keys are equal.

    ``height`` and ``width`` are in latent units, ``tokens`` is the length of the text conditioning.
    """

    model: str
    height: int
    width: int
    tokens: int


@dataclass(slots=True)
class _Entry(Generic[Id]):
    """One state in the running set. Turns are counted by ``advance``."""

    id: Id
    key: BatchKey
    priority: int
    deadline: float
    arrival: int
    waiting_since: int  # the turn after which it last took a step, or joined

    @property
    def urgency(self) -> tuple[int, float, int]:
        return self.priority, self.deadline, self.arrival


class StepScheduler(Generic[Id]):
    """Chooses batches: urgent first, then the key that has waited longest, filled in order of arrival.

    A state that has waited for ``patience`` turns goes before everything else, so whatever the priorities and however
    many keys there are, none starves: with S states it steps at least once in every ``patience + S`` turns.

    Args:
        max_batch: states in one batch at most, for keys without a limit of their own.
        patience: turns a state may be passed over.
    """

    def __init__(self, max_batch: int, patience: int = 64) -> None:
        if max_batch < 1 or patience < 1:
            raise ValueError(f"max_batch and patience must be at least 1, got {max_batch} and {patience}")
        self._max_batch = max_batch
        self._patience = patience
        self._entries: dict[Id, _Entry[Id]] = {}
        self._limits: dict[BatchKey, int] = {}
        self._served: dict[BatchKey, int] = {}  # the turn of a key's newest step, or in which its first state joined
        self._arrivals = 0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, id: Id, key: BatchKey, *, priority: int = 0, deadline: float = float("inf")) -> None:
        """Let a state take part from the next batch on. Lower ``priority`` and ``deadline`` go first.

        Raises:
            ValueError: ``id`` takes part already.
        """
        if id in self._entries:
            raise ValueError(f"{id!r} is scheduled already")
        self._arrivals += 1
        self._entries[id] = _Entry(id, key, priority, deadline, self._arrivals, self._turn)
        self._served.setdefault(key, self._turn)

    def abort(self, id: Id) -> None:
        """Take a state out: finished, cancelled or failed. Unknown ids are ignored."""
        entry = self._entries.pop(id, None)
        if entry is not None and not any(other.key == entry.key for other in self._entries.values()):
            del self._served[entry.key]

    def limit(self, key: BatchKey, states: int) -> None:
        """Batches of ``key`` hold at most ``states`` (at least 1) from now on."""
        self._limits[key] = max(1, states)

    def next_batch(self) -> list[Id]:
        """The states of the next forward, all of one key; empty when there are none. Changes nothing."""
        if not self._entries:
            return []
        head = min(self._entries.values(), key=self._rank)
        cap = min(self._max_batch, self._limits.get(head.key, self._max_batch))
        others = (entry for entry in self._entries.values() if entry.key == head.key and entry is not head)
        batch = [head, *nsmallest(cap - 1, others, key=lambda entry: (not self._overdue(entry), entry.urgency))]
        return [entry.id for entry in sorted(batch, key=lambda entry: entry.arrival)]

    def advance(self, ids: Iterable[Id]) -> None:
        """Count one turn, in which ``ids`` took a step."""
        self._turn += 1
        for id in ids:
            if entry := self._entries.get(id):
                entry.waiting_since = self._served[entry.key] = self._turn

    def _overdue(self, entry: _Entry[Id]) -> bool:
        return self._turn - entry.waiting_since >= self._patience

    def _rank(self, entry: _Entry[Id]) -> tuple[bool, int, float, int, int]:
        if self._overdue(entry):
            return False, 0, 0.0, entry.waiting_since, entry.arrival
        return True, entry.priority, entry.deadline, self._served[entry.key], entry.arrival
