"""How an engine stands: what a replica tells in its heartbeat."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine has done since it started: ``forwards``, the ``seconds`` that they took together, and the
    ``images`` in them, an image counted once for each forward."""

    forwards: int = 0
    seconds: float = 0.0
    images: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of this process on the device: ``used`` by tensors, ``reserved`` by torch's allocator."""

    used: int
    reserved: int


@dataclass(frozen=True, slots=True)
class EngineStats:
    """How the engine stands.

    Attributes:
        running: requests that have not ended.
        batch: images in the newest forward.
        max_batch: images that may share one.
        backlog_s: estimated seconds of denoising left for what has joined the batch or waits for it.
        seconds_per_row: measured seconds of one row of one forward at the default size; ``None`` until measured.
        device: the torch device.
        overrides: what the weights and settings change of the catalog's card; the LoRAs that there are now among it.
        loras: names of the LoRAs in memory.
        work: forwards so far.
        memory: of the device; ``None`` where torch does not tell, as on CPUs.
    """

    running: int
    batch: int
    max_batch: int
    backlog_s: float
    seconds_per_row: float | None
    device: str
    overrides: dict[str, Any]
    loras: tuple[str, ...] = ()
    work: Work = Work()
    memory: Memory | None = None
