"""Whose turn it is, between any number of parties: pure, without a clock."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Turns(Generic[Key]):
    """Start-time fair queueing (Goyal, Vin, Cheng 1996): who has had least goes next.

    Every party has a *virtual time*, the sum of what it was charged. The one with the least goes next, and ``now`` is
    the time at which the newest turn began. Who joins after a pause goes on at ``now``, or where it left off if that is
    later: nobody saves turns up, and nobody escapes a charge by leaving for a moment.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._times: dict[Key, float] = {}
        self._waiting: dict[Key, int] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        """Parties that wait for a turn."""
        return len(self._waiting)

    def join(self, key: Key) -> None:
        """``key`` waits for turns from now on; nothing changes if it does already."""
        if key not in self._waiting:
            self._arrivals += 1
            self._waiting[key] = self._arrivals
            self._times[key] = max(self._times.get(key, 0.0), self._now)

    def leave(self, key: Key) -> None:
        """``key`` waits no more."""
        self._waiting.pop(key, None)
        if self._times.get(key, 0.0) <= self._now:
            self._times.pop(key, None)

    def next(self) -> Key:
        """Whose turn it is; of equals, who joined first. Raises ValueError when nobody waits."""
        return min(self._waiting, key=self.rank)

    def rank(self, key: Key) -> tuple[float, int]:
        """Where a waiting ``key`` stands: its virtual time, then its arrival."""
        return self._times[key], self._waiting[key]

    def charge(self, key: Key, amount: float) -> None:
        """``key`` takes its turn, which costs ``amount``."""
        self._now = max(self._now, self._times[key])
        self._times[key] += amount
        # whoever is not waiting and owes nothing would come back at `now` anyhow
        self._times = {other: time for other, time in self._times.items() if other in self._waiting or time > self._now}
