"""How an engine stands: what a replica tells in its heartbeat."""

from dataclasses import dataclass
from typing import Any


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
    """

    running: int
    batch: int
    max_batch: int
    backlog_s: float
    seconds_per_row: float | None
    device: str
    overrides: dict[str, Any]
    loras: tuple[str, ...] = ()
