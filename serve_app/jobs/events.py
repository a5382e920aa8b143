"""What happens to a job, as its followers see it: the events, and their ids.

The bounded, replayable log of them is :class:`serve_app.jobs.log.EventLog`.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from deployments.engine.errors import InvalidRequest
from deployments.engine.request import Format
from serve_app.jobs.job import ImageRef


@dataclass(frozen=True, slots=True, order=True)
class EventId:
    """``{epoch}-{seq}``: ascending within a job, also over a Router's restart (each start takes a higher epoch)."""

    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The id that ``str`` made.

        Raises:
            InvalidRequest: the text is no such id.
        """
        match = re.fullmatch(r"(\d{1,18})-(\d{1,18})", text, re.ASCII)
        if match is None:
            raise InvalidRequest("Last-Event-ID", text, "an id of this stream, {epoch}-{seq}")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Queued:
    """The job waits. Replaces the previous ``Queued``."""

    event: ClassVar[str] = "queued"
    position: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Started:
    """A replica has taken up this attempt."""

    event: ClassVar[str] = "started"
    attempt: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The replica was lost; the job runs again from ``step`` with the same seed."""

    event: ClassVar[str] = "restarted"
    attempt: int
    reason: str
    step: int


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` of ``total`` is done for image ``index``."""

    event: ClassVar[str] = "progress"
    step: int
    total: int
    index: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The picture as it stands after ``step``. Replaces the previous preview of the same ``index`` in the log."""

    event: ClassVar[str] = "preview"
    step: int
    total: int
    format: Format
    image: bytes
    index: int


@dataclass(frozen=True, slots=True)
class ImageDone:
    """Image ``index`` is in the blob store, while others of the job may still run."""

    event: ClassVar[str] = "image"
    image: ImageRef


@dataclass(frozen=True, slots=True)
class Complete:
    """The job has succeeded; its terminal state was committed before this event."""

    event: ClassVar[str] = "complete"
    images: tuple[ImageRef, ...]
    timings: dict[str, float]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was cancelled."""

    event: ClassVar[str] = "cancelled"


@dataclass(frozen=True, slots=True)
class Error:
    """The job has failed."""

    event: ClassVar[str] = "error"
    code: str
    message: str


JobEvent = Queued | Started | Restarted | Progress | Preview | ImageDone | Complete | Cancelled | Error
TERMINAL_EVENTS = (Complete, Cancelled, Error)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with its place in the log."""

    id: EventId
    event: JobEvent
