"""What a request costs, and the estimates that follow from it: pure arithmetic.

Costs are counted in *rows*: one row of one forward at the model's default size. Seconds are rows × the model's current
seconds per row (:meth:`Fleet.seconds_per_row`), so a rate that is measured later corrects what waits already.
"""

import math

from deployments.catalog import ModelCard, controlled_row, forwards, steps_taken
from deployments.engine.request import GenerationRequest

FIXED_ROWS = 2.0
"""Rows that encoding the prompt, decoding and compressing one image take together, as a prior."""

MAX_RETRY_AFTER_S = 300.0


def rows(request: GenerationRequest, card: ModelCard) -> float:
    """The cost of a resolved request: per image, forwards × rows of a forward × pixels relative to the default size.

    With guidance above 1 a model runs two rows (classifier-free guidance); FLUX embeds its guidance and runs one. A
    ControlNet adds to each (:data:`~deployments.catalog.CONTROL_ROWS`).
    """
    default_width, default_height = card.default_size
    width, height = request.width or default_width, request.height or default_height
    guidance = request.guidance if request.guidance is not None else card.default_guidance
    per_forward: float = 2 if card.family != "flux" and guidance > 1 else 1
    if request.control_image is not None:
        per_forward *= controlled_row(request.control_start, request.control_end)
    scale = width * height / (default_width * default_height)
    steps = steps_taken(card.family, request.steps or card.default_steps, request.strength)
    taken = forwards(steps, request.sampler)
    return request.n * scale * (taken * per_forward + FIXED_ROWS)


def remaining(cost: float, done: float) -> float:
    """What is left of ``cost`` when the fraction ``done`` (0 … 1) of its steps is behind."""
    return cost * (1 - min(max(done, 0.0), 1.0))


def eta_s(own: float, ahead: float, replicas: int, seconds_per_row: float) -> float | None:
    """Seconds until a job with ``own`` rows left is done, when ``ahead`` rows are served before or beside it.

    Replicas share the whole work, but one job runs on one replica. ``None`` when no replica serves.
    """
    if replicas == 0:
        return None
    return seconds_per_row * max(own, (own + ahead) / replicas)


def beside(own: float, others: list[float]) -> float:
    """Rows that running neighbours use until a job with ``own`` rows left is done: each gets an equal share."""
    return math.fsum(min(other, own) for other in others)


def retry_after_s(queued: float, jobs: int, replicas: int, seconds_per_row: float) -> float:
    """Seconds until a full queue has a free place, at the rate it drains: one mean job's time, over the replicas.

    ``queued`` is the cost of its ``jobs``. Whole seconds from 1 to :data:`MAX_RETRY_AFTER_S`; without a replica the
    rate of one is assumed, which is the first that will come.
    """
    mean = queued / jobs if jobs else 0.0
    return min(max(1.0, math.ceil(mean * seconds_per_row / max(replicas, 1))), MAX_RETRY_AFTER_S)
