"""What clients get to see of a job's events: the ``data`` of each event of a job's stream.

Plain dictionaries, typed: a thousand streams write them, and the OpenAPI document derives their schemas from the types.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field, RootModel
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from deployments.engine.request import Format
from serve_app.api.errors import ErrorCode

Index = Annotated[int, Field(description="Which of the job's images, from 0; absent where the job has only one.")]
Step = Annotated[int, Field(description="Steps done, of `total`.")]


class Which(TypedDict, total=False):
    """Which image an event is about."""

    index: Index


class QueuedEvent(TypedDict):
    """The job waits. Replaces the `queued` before it."""

    event: Literal["queued"]
    position: Annotated[int, Field(description="Jobs to be dispatched before this one.")]
    eta_s: Annotated[float | None, Field(description="Estimated seconds until the images are there.")]


class StartedEvent(TypedDict):
    """A replica has taken up the job."""

    event: Literal["started"]
    attempt: Annotated[int, Field(description="From 1.")]


class RestartedEvent(TypedDict):
    """The replica was lost: the job goes on from `step`, with the same seed, to the same picture."""

    event: Literal["restarted"]
    attempt: int
    reason: str
    step: int


class ProgressEvent(TypedDict):
    """A step is done."""

    event: Literal["progress"]
    step: Step
    total: int
    index: NotRequired[Index]


class PreviewEvent(TypedDict):
    """The picture as it stands. Replaces the `preview` of the same image before it."""

    event: Literal["preview"]
    step: Step
    total: int
    format: Format
    image: Annotated[str, Field(description="Base64; at most 32 KiB of image.")]
    index: NotRequired[Index]


class ImageEvent(TypedDict):
    """An image is finished. It can be fetched once the job has succeeded."""

    event: Literal["image"]
    seed: int
    format: Format
    width: int
    height: int
    index: NotRequired[Index]


class CompleteImage(TypedDict):
    """One image of a job that has succeeded."""

    url: str
    seed: int
    format: Format
    width: int
    height: int


class CompleteEvent(TypedDict):
    """The job has succeeded."""

    event: Literal["complete"]
    image: Annotated[str | None, Field(description="The first image in base64; null if it has expired.")]
    images: Annotated[list[CompleteImage], Field(description="All of them, by index.")]
    timings: Annotated[dict[str, float], Field(description="Seconds per stage.")]


class CancelledEvent(TypedDict):
    """The job was cancelled."""

    event: Literal["cancelled"]


class ErrorEvent(TypedDict):
    """The job has failed, or its deadline has passed."""

    event: Literal["error"]
    code: ErrorCode
    message: str


AnyEvent = (
    QueuedEvent
    | StartedEvent
    | RestartedEvent
    | ProgressEvent
    | PreviewEvent
    | ImageEvent
    | CompleteEvent
    | CancelledEvent
    | ErrorEvent
)


class JobEvent(RootModel[Annotated[AnyEvent, Field(discriminator="event")]]):
    """The `data` of one event of a job's stream. `complete`, `cancelled` and `error` are the last; `[DONE]` follows."""
