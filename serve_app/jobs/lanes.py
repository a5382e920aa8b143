"""Who waits and who runs, for each model; and the estimates that follow from both."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import fsum
from typing import Final

from deployments.engine.errors import QueueFull
from deployments.engine.request import GenerationRequest
from serve_app.jobs import cost
from serve_app.jobs.fleet import Fleet, ModelStatus
from serve_app.jobs.job import Job
from serve_app.jobs.live import LiveJob
from serve_app.jobs.queue import Bound, FairQueue, Waiting

_A_PICTURE: Final = GenerationRequest(id="one-more", prompt="")
"""One of the model's default size, with its default steps."""


class Lane:
    """One model's waiting jobs, and its running ones by id.

    ``paused`` holds dispatch back after a replica was lost, until the next heartbeat tells which replicas are left:
    otherwise a job could meet the same dead replica three times within milliseconds.
    """

    def __init__(self, model: str, max_queued: int, max_queued_per_client: int) -> None:
        self.model = model
        self.queue = FairQueue(max_queued, max_queued_per_client)
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
        settings = {model: fleet.settings(model) for model in fleet.models}
        self._lanes = {model: Lane(model, one.max_queued, one.max_queued_per_client) for model, one in settings.items()}

    def __getitem__(self, model: str) -> Lane:
        return self._lanes[model]

    def hold(self, model: str, client: str) -> Lane:
        """The lane of ``model``, with a place held in its queue for a job of ``client``.

        Raises:
            QueueFull: the queue is at one of its bounds; ``retry_after_s`` follows from the rate at which it drains.
        """
        lane = self._lanes[model]
        bound = lane.queue.hold(client)
        if bound is None:
            return lane
        replicas, seconds = self._fleet.replicas(model), self._fleet.seconds_per_row(model)
        if bound is Bound.MODEL:
            waiting, total, whose = len(lane.queue), lane.queue.total(), ""
        else:
            own = lane.queue.of(client)  # they get a turn when every client has had one
            waiting, total, whose = len(own), lane.queue.clients * sum(job.cost for job in own), "of your "
        later = cost.retry_after_s(total, waiting, replicas, seconds)
        raise QueueFull(f"{waiting} {whose}jobs wait for {model} already; try again in {later:.0f} s", later)

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
        if self.waits(live):
            place = self.place(live)
            return live.snapshot(place.position, place.eta_s)
        others = [other.remaining for other in lane.running.values() if other is not live]
        return live.snapshot(None, self._eta_s(live, cost.beside(live.remaining, others)))

    def waits(self, live: LiveJob) -> bool:
        """The job is in its queue. (One that is being dispatched is not, though its state is still queued.)"""
        return live.id in self._lanes[live.model].queue

    def place(self, live: LiveJob) -> Place:
        """Where a waiting job stands, as things stand: whoever comes may go before it."""
        return next(self.places([live]))[1]

    def places(self, waiting: Iterable[LiveJob]) -> Iterator[tuple[LiveJob, Place]]:
        """The same for many: what runs is added up once for each model."""
        running: dict[str, float] = {}
        for live in waiting:
            lane = self._lanes[live.model]
            if live.model not in running:
                running[live.model] = _rows_running(lane)
            position, ahead = lane.queue.place(live.id)
            yield live, Place(position, self._eta_s(live, ahead + running[live.model]))

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
            eta_s=self._eta_of_one_more_s(lane),
        )

    def _eta_of_one_more_s(self, lane: Lane) -> float | None:
        """Of a picture with the model's defaults that would come now; one that finds a slot runs beside the others."""
        fleet, model = self._fleet, lane.model
        own = cost.rows(_A_PICTURE, fleet.card(model))
        if len(lane.queue) == 0 and len(lane.running) < fleet.slots(model):
            ahead = cost.beside(own, [live.remaining for live in lane.running.values()])
        else:
            ahead = lane.queue.total() + _rows_running(lane)
        return cost.eta_s(own, ahead, fleet.replicas(model), fleet.seconds_per_row(model))

    def _eta_s(self, live: LiveJob, ahead: float) -> float | None:
        fleet, model = self._fleet, live.model
        return cost.eta_s(live.remaining, ahead, fleet.replicas(model), fleet.seconds_per_row(model))


def waiting(live: LiveJob) -> Waiting:
    """The job as its queue knows it."""
    return Waiting(live.id, live.job.client, live.cost, live.job.request.priority)


def _rows_running(lane: Lane) -> float:
    return fsum(live.remaining for live in lane.running.values())
