"""How a replica's engine stands and what it has done, as metrics. Fed by the heartbeat, never by the denoise thread."""

from typing import Final, Protocol

from deployments.engine.stats import Memory, Work
from deployments.telemetry.meters import Instrument, Meters

FORWARDS: Final = Instrument(
    "darkroom_forwards_total", "counter", "Forwards of the denoiser; one is a step of every image in it.", ("model",)
)
FORWARD_SECONDS: Final = Instrument(
    "darkroom_forward_seconds_total",
    "counter",
    "Seconds that forwards took: over their number, the step time.",
    ("model",),
)
FORWARD_IMAGES: Final = Instrument(
    "darkroom_forward_images_total", "counter", "Images in forwards: over their number, the batch size.", ("model",)
)
REQUESTS: Final = Instrument("darkroom_engine_requests", "gauge", "Requests inside the engine.", ("model",))
CHECKPOINTS: Final = Instrument(
    "darkroom_checkpoints_saved_total", "counter", "States of running images that were saved.", ("model",)
)
MEMORY_USED: Final = Instrument(
    "darkroom_gpu_memory_used_bytes", "gauge", "GPU memory that tensors of the replica hold.", ("model",)
)
MEMORY_RESERVED: Final = Instrument(
    "darkroom_gpu_memory_reserved_bytes", "gauge", "GPU memory that torch's allocator has taken.", ("model",)
)

REPLICA_INSTRUMENTS: Final = (
    FORWARDS,
    FORWARD_SECONDS,
    FORWARD_IMAGES,
    REQUESTS,
    CHECKPOINTS,
    MEMORY_USED,
    MEMORY_RESERVED,
)


class Measurable(Protocol):
    """The part of an engine's stats that is measured here."""

    @property
    def running(self) -> int: ...
    @property
    def work(self) -> Work: ...
    @property
    def memory(self) -> Memory | None: ...


class ReplicaMetrics:
    """Tells the engine's stats as they come.

    Step time and batch size are sums, not histograms: they are exact over any time, and cost the denoise thread
    three additions a forward.
    """

    def __init__(self, meters: Meters, model: str) -> None:
        self._meters = meters
        self._model = model
        self._told = Work()

    def tell(self, stats: Measurable) -> None:
        """To be called about once a second."""
        meters, model = self._meters, self._model
        work, told = stats.work, self._told
        self._told = work
        meters.add(FORWARDS, work.forwards - told.forwards, model=model)
        meters.add(FORWARD_SECONDS, work.seconds - told.seconds, model=model)
        meters.add(FORWARD_IMAGES, work.images - told.images, model=model)
        meters.set(REQUESTS, stats.running, model=model)
        if (memory := stats.memory) is not None:
            meters.set(MEMORY_USED, memory.used, model=model)
            meters.set(MEMORY_RESERVED, memory.reserved, model=model)

    def checkpoint_saved(self) -> None:
        """A state of a running image is in the blob store."""
        self._meters.add(CHECKPOINTS, model=self._model)
