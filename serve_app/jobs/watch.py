"""What is done about once a second: tell the followed jobs where they stand, and end those that wait in vain."""

from collections.abc import Callable

from deployments.engine.errors import ModelUnavailable
from serve_app.jobs.ending import Ending
from serve_app.jobs.events import Queued
from serve_app.jobs.job import JobStatus
from serve_app.jobs.lanes import Lanes, Place
from serve_app.jobs.live import LiveJob, LiveJobs
from serve_app.jobs.outcome import CANCELLED, failed


class Watch:
    """Looks after the jobs under way."""

    def __init__(
        self,
        *,
        jobs: LiveJobs,
        lanes: Lanes,
        ending: Ending,
        deserted: Callable[[str], bool],
        follow_within_s: float,
        clock: Callable[[], float],
    ) -> None:
        """``deserted`` tells of a model's id whether it has been without a replica for too long."""
        self._jobs = jobs
        self._lanes = lanes
        self._ending = ending
        self._deserted = deserted
        self._follow_within_s = follow_within_s
        self._clock = clock

    async def look(self) -> None:
        """One round."""
        self.tell_places()
        await self.end_orphans()
        await self.end_deserted()

    async def end_deserted(self) -> None:
        """Fail the waiting jobs of models that no replica serves any more."""
        for live in self._jobs:
            if live.job.status is JobStatus.QUEUED and live.ending is None and self._deserted(live.model):
                await self._ending.end(live, failed(ModelUnavailable.code, no_replica(live.model)))

    def tell_places(self) -> None:
        """Log ``Queued`` for every waiting job that is followed and stands elsewhere than it was last told."""
        followed = (live for live in self._jobs if live.followers and self._lanes.waits(live))
        for live, place in self._lanes.places(followed):
            tell(live, place)

    async def end_orphans(self) -> None:
        """Cancel the jobs of synchronous calls that nobody began to follow: the caller died after it submitted."""
        oldest = self._clock() - self._follow_within_s
        for live in self._jobs:
            if is_unwanted(live) and live.unfollowed_since < oldest:
                await self._ending.end(live, CANCELLED)


def no_replica(model: str) -> str:
    """What is told of a deserted model."""
    return f"no replica of {model} has come up, or come back, for too long: its log says why"


def is_unwanted(live: LiveJob) -> bool:
    """Nobody follows a job that is to be cancelled when nobody does."""
    return live.job.request.on_disconnect == "cancel" and live.followers == 0 and live.ending is None


def tell(live: LiveJob, place: Place) -> None:
    """Log where a waiting job stands, to a tenth of a second, if that is news."""
    queued = Queued(place.position, None if place.eta_s is None else round(place.eta_s, 1))
    if queued != live.told:
        live.told = queued
        live.log.append(queued)
