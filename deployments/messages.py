"""What crosses between the Router and a model replica: frozen dataclasses, image bytes only as small previews.

A replica answers :class:`RunAttempt` with a stream of *lists* of :data:`ReplicaEvent`: all that has gathered since the
last yield, so that nothing is dropped and the cost of a hop is shared. The engine's own ``Started``, ``Progress``,
``Completed``, ``Cancelled`` and ``Failed`` travel as they are.
"""

from dataclasses import dataclass
from typing import Any, Final

from deployments.engine.events import Cancelled, Completed, Failed, Progress, Started
from deployments.engine.request import Format, GenerationRequest


@dataclass(frozen=True, slots=True)
class RunAttempt:
    """Run this resolved request, whose id is the job's. ``epoch`` and ``attempt`` fence off superseded work; ``trace``
    is the job's trace context, if it has one."""

    request: GenerationRequest
    epoch: int
    attempt: int
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class EncodedPreview:
    """A preview as JPEG, at most 32 KiB."""

    id: str
    image: bytes
    format: Format
    step: int
    total: int
    index: int


@dataclass(frozen=True, slots=True)
class ImageStored:
    """A finished image is in the blob store under ``key`` (``{job}/{attempt}/{index}``)."""

    id: str
    index: int
    key: str
    seed: int
    format: Format
    width: int
    height: int
    size: int
    """Bytes of the encoded image."""


ReplicaEvent = Started | Progress | EncodedPreview | ImageStored | Completed | Cancelled | Failed


@dataclass(frozen=True, slots=True)
class Dropped:
    """An attempt whose call was cancelled: its engine said its last word ``ago_s`` seconds before this was told."""

    job: str
    attempt: int
    ago_s: float


@dataclass(frozen=True, slots=True)
class ReplicaStats:
    """One replica's heartbeat, returned to the Router's ``sync`` about once a second.

    Attributes:
        replica_id: Serve's own id of the replica.
        model: the model's id.
        node: the Ray node's id.
        device: the torch device that serves, for example ``cuda:0`` or ``cpu``.
        gpu: what ``CUDA_VISIBLE_DEVICES`` gave this replica; ``None`` without a GPU.
        running: requests inside the engine.
        batch: images in the newest forward.
        max_batch: images that may share a forward.
        backlog_s: seconds of denoising left for what has joined the batch or waits for it.
        seconds_per_row: measured seconds of one row of one forward at the default size; ``None`` until measured.
        overrides: what the weights' ``darkroom.json`` changed of the model's card.
        loras: names of the LoRAs in memory.
        dropped: attempts that were cancelled, and have left the engine, since the last heartbeat.
    """

    replica_id: str
    model: str
    node: str
    device: str
    gpu: str | None
    running: int
    batch: int
    max_batch: int
    backlog_s: float
    seconds_per_row: float | None
    overrides: dict[str, Any]
    loras: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()


HELD_LORAS: Final = "loras"
"""Names of the LoRAs in a replica's memory, among the stats that Serve routes by."""
