"""Who waits and who runs, for each model; and the estimates that follow from both."""

from dataclasses import dataclass
from math import fsum

from deployments.engine.errors import QueueFull
from serve_app.jobs import cost
from serve_app.jobs.fleet import Fleet, ModelStatus
from serve_app.jobs.job import Job
from serve_app.jobs.live import LiveJob
from serve_app.jobs.queue import JobQueue


class Lane:
    """One model's waiting jobs, and its running ones by id.

    ``paused`` holds dispatch back after a replica was lost, until the next heartbeat tells which replicas are left:
    otherwise a job could meet the same dead replica three times within milliseconds.
    """

    def __init__(self, model: str, max_queued: int) -> None:
        self.model = model
        self.queue = JobQueue(max_queued)
        self.running: dict[str, LiveJob] = {}
        self.paused = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting job stands: jobs before it, and the estimated seconds until its images are there."""

    position: int
    eta_s: float | None


class Lanes:
    """A lane for each model of the fleet, and what they tell a client."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._lanes = {model: Lane(model, fleet.settings(model).max_queued) for model in fleet.models}

    def __getitem__(self, model: str) -> Lane:
        return self._lanes[model]

    def hold(self, model: str) -> Lane:
        """The lane of ``model``, with a place held in its queue.

        Raises:
            QueueFull: the queue is at its bound; ``retry_after_s`` follows from the rate at which it drains.
        """
        lane = self._lanes[model]
        if lane.queue.hold():
            return lane
        waiting = len(lane.queue)
        later = cost.retry_after_s(
            lane.queue.total(), waiting, self._fleet.replicas(model), self._fleet.seconds_per_row(model)
        )
        raise QueueFull(f"{waiting} jobs wait for {model} already; try again in {later:.0f} s", later)

    def free(self, lane: Lane) -> bool:
        """The lane has a waiting job and a slot for it."""
        return len(lane.queue) > 0 and not lane.paused and len(lane.running) < self._fleet.slots(lane.model)

    def backlog_s(self, model: str) -> float:
        """GPU-seconds that wait, and that remain of what runs."""
        lane = self._lanes[model]
        return (lane.queue.total() + _rows_running(lane)) * self._fleet.seconds_per_row(model)

    def snapshot(self, live: LiveJob) -> Job:
        """The job as a client sees it now, with its position and ETA."""
        lane = self._lanes[live.model]
        if live.id in lane.queue:
            ahead = lane.queue.ahead(live.id) + _rows_running(lane)
            return live.snapshot(lane.queue.position(live.id), self._eta_s(live, ahead))
        others = [other.remaining for other in lane.running.values() if other is not live]
        return live.snapshot(None, self._eta_s(live, cost.beside(live.remaining, others)))

    def last_place(self, live: LiveJob) -> Place:
        """Where a job stands that has just joined the end of the queue."""
        lane = self._lanes[live.model]
        ahead = lane.queue.total() - live.cost + _rows_running(lane)
        return Place(len(lane.queue) - 1, self._eta_s(live, ahead))

    def places(self, model: str, jobs: dict[str, LiveJob]) -> dict[str, Place]:
        """Where each of these waiting ``jobs`` stands, in one pass over the queue."""
        lane = self._lanes[model]
        running = _rows_running(lane)
        return {
            job_id: Place(position, self._eta_s(jobs[job_id], ahead + running))
            for position, (job_id, ahead) in enumerate(lane.queue.order())
            if job_id in jobs
        }

    def status(self, model: str) -> ModelStatus:
        """How the model stands."""
        lane = self._lanes[model]
        return ModelStatus(
            card=self._fleet.card(model),
            state=self._fleet.state(model),
            replicas=self._fleet.replicas(model),
            queued=len(lane.queue),
            running=len(lane.running),
            backlog_s=self.backlog_s(model),
            created=self._fleet.created,
        )

    def _eta_s(self, live: LiveJob, ahead: float) -> float | None:
        fleet, model = self._fleet, live.model
        return cost.eta_s(live.remaining, ahead, fleet.replicas(model), fleet.seconds_per_row(model))


def _rows_running(lane: Lane) -> float:
    return fsum(live.remaining for live in lane.running.values())
