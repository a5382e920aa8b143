"""What a job must be to get in: pure, and off the event loop where it encodes what a client sent."""

import json
from dataclasses import dataclass
from typing import Any

from deployments.catalog import ModelCard
from deployments.engine.errors import InvalidRequest
from deployments.engine.resolve import resolve
from serve_app.jobs import cost
from serve_app.jobs.job import JobRequest, operation_on

MAX_METADATA_BYTES = 4096

MAX_METADATA_DEPTH = 32
"""Objects and arrays inside one another. JSON readers stop at some depth (pydantic's near 200): what is stored must be
readable again."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may become a job: resolved, and what it costs in rows."""

    request: JobRequest
    cost: float


def admit(request: JobRequest, card: ModelCard) -> Admitted:
    """``request`` fitted to ``card``.

    Raises:
        InvalidRequest: a field is out of its bounds, or the metadata is too large, too deep or no JSON.
        UnsupportedByModel: the model can't serve a field.
    """
    if not request.generation.id.strip("."):
        raise InvalidRequest("id", request.generation.id, "an id with more than dots: it names a folder of images")
    _check_metadata(request.metadata)
    generation = resolve(request.generation, card)
    operation = operation_on(generation.image is not None, generation.mask is not None)
    admitted = request.model_copy(update={"generation": generation, "operation": operation})
    return Admitted(admitted, cost.rows(generation, card))


def _check_metadata(metadata: dict[str, Any]) -> None:
    try:
        encoded = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise InvalidRequest("metadata", "something that is no JSON", "an object of JSON values") from None
    if len(encoded) > MAX_METADATA_BYTES:
        raise InvalidRequest("metadata", f"{len(encoded)} bytes", f"at most {MAX_METADATA_BYTES} bytes as JSON")
    if _is_deeper(metadata, MAX_METADATA_DEPTH):
        raise InvalidRequest("metadata", "deeper nesting", f"at most {MAX_METADATA_DEPTH} levels")


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else None
    return inner is not None and (levels == 0 or any(_is_deeper(one, levels - 1) for one in inner))
