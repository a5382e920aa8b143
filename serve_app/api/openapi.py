"""The OpenAPI document's parts that FastAPI can't derive: bodies read by hand, refusals, streams and image bytes."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from serve_app.api.errors import STATUS

Responses = dict[int | str, dict[str, Any]]


class ErrorObject(BaseModel):
    """A stable code, and a sentence that names the field, the value and what is allowed."""

    code: str = Field(examples=["invalid_request"])
    message: str = Field(examples=["steps: got 0, allowed: greater than or equal to 1"])
    field: str | None = Field(default=None, examples=["steps"])
    value: str | None = Field(default=None, description="As it came, shortened.", examples=["0"])
    allowed: str | None = Field(default=None, examples=["greater than or equal to 1"])


class ErrorAnswer(BaseModel):
    """Every error of the native routes. Fields that don't apply are absent."""

    error: ErrorObject


class OpenAIErrorObject(BaseModel):
    """OpenAI's error object; ``code`` is Darkroom's."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(examples=["size"])
    code: str = Field(examples=["invalid_request"])


class OpenAIErrorAnswer(BaseModel):
    """Every error of the routes that speak OpenAI's dialect."""

    error: OpenAIErrorObject


SSE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One server-sent event.",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
"""What OpenAPI's tools take as one item of a `text/event-stream`."""

EVENT_STREAM_ANSWER: dict[str, Any] = {
    "description": "Server-sent events to the job's end, then `[DONE]`; every event has an id.",
    "content": {
        "text/event-stream": {
            "schema": SSE_SCHEMA,
            "example": 'data: {"event":"started","attempt":1}\nid: 1-2\n\n'
            'data: {"event":"progress","step":1,"total":20}\nid: 1-3\n\n',
        }
    },
}

IMAGE_ANSWER: dict[str, Any] = {
    "description": "The encoded image.",
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/png", "image/jpeg", "image/webp")
    },
}


SYNCHRONOUS = (
    "invalid_request",
    "unsupported_by_model",
    "model_not_found",
    "cancelled",
    "payload_too_large",
    "unsupported_media_type",
    "queue_full",
    "model_unavailable",
    "interrupted",
    "deadline_exceeded",
    "out_of_memory",
)
"""How a route that waits for its job may refuse, or end."""


def refusals(*codes: str, model: type[BaseModel] = ErrorAnswer) -> Responses:
    """The ``responses`` of a route that can answer these error codes; any route can answer ``internal``."""
    by_status: dict[int, list[str]] = {}
    for code in (*codes, "internal"):
        by_status.setdefault(STATUS[code], []).append(code)
    return {
        status: {"model": model, "description": ", ".join(f"`{code}`" for code in alike)}
        for status, alike in by_status.items()
    }


def document_bodies(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Add the schemas of bodies that :func:`serve_app.api.body.documented` names to ``app``'s document."""
    derive = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = derive()
            _, schemas = models_json_schema(
                [(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}"
            )
            document["components"]["schemas"] |= schemas["$defs"]
        return derive()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
