"""The jobs of one model that wait for a slot: pure policy, first in, first out.

The service knows this class by its methods only; a fair order between clients is another class with the same ones.
"""

from collections import OrderedDict
from math import fsum


class JobQueue:
    """At most ``limit`` waiting jobs, each with its cost, in the order of dispatch.

    A place is held (:meth:`hold`) while a job is being committed to the store, then taken (:meth:`add`) or given back
    (:meth:`release`), so that a job which was acknowledged always fits. Costs are in whichever unit the caller adds
    up; :mod:`serve_app.jobs.cost` says which one the service uses.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._costs: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._costs)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._costs

    def hold(self) -> bool:
        """Hold a place; False when the waiting and the held ones are at the bound."""
        if len(self._costs) + self._held >= self._limit:
            return False
        self._held += 1
        return True

    def release(self) -> None:
        """Give a held place back."""
        if self._held == 0:
            raise ValueError("no place is held")
        self._held -= 1

    def add(self, job_id: str, cost: float) -> None:
        """Take a held place at the end of the queue."""
        self._refuse_twice(job_id)
        self.release()
        self._costs[job_id] = cost

    def requeue(self, job_id: str, cost: float) -> None:
        """Put a job that was dispatched before back at the head. It was admitted once: the bound does not count."""
        self._refuse_twice(job_id)
        self._costs[job_id] = cost
        self._costs.move_to_end(job_id, last=False)

    def pop(self) -> str:
        """Take the next job to dispatch.

        Raises:
            KeyError: the queue is empty.
        """
        return self._costs.popitem(last=False)[0]

    def remove(self, job_id: str) -> bool:
        """Take a job out, wherever it stands; False if it does not wait here."""
        return self._costs.pop(job_id, None) is not None

    def order(self) -> list[tuple[str, float]]:
        """Every waiting job with the cost of all that are dispatched before it, in the order of dispatch."""
        ahead, standing = 0.0, []
        for job_id, cost in self._costs.items():
            standing.append((job_id, ahead))
            ahead += cost
        return standing

    def position(self, job_id: str) -> int:
        """How many jobs are dispatched before this one.

        Raises:
            KeyError: the job does not wait here.
        """
        return self._rank(job_id)[0]

    def ahead(self, job_id: str) -> float:
        """The cost of all that are dispatched before this job.

        Raises:
            KeyError: the job does not wait here.
        """
        return self._rank(job_id)[1]

    def total(self) -> float:
        """The cost of all waiting jobs."""
        return fsum(self._costs.values())

    def _rank(self, job_id: str) -> tuple[int, float]:
        for position, (other, ahead) in enumerate(self.order()):
            if other == job_id:
                return position, ahead
        raise KeyError(job_id)

    def _refuse_twice(self, job_id: str) -> None:
        if job_id in self._costs:
            raise ValueError(f"job {job_id} waits already")
