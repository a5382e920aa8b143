"""The OpenAPI document's parts that FastAPI can't derive: bodies read by hand, refusals, keys, streams, image bytes."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from deployments.engine.pictures import FORMATS
from serve_app.api.credentials import KEY_HEADER, SESSION_COOKIE
from serve_app.api.errors import STATUS, ErrorCode

Responses = dict[int | str, dict[str, Any]]


class ErrorObject(BaseModel):
    """A stable code, and a sentence that names the field, the value and what is allowed."""

    code: ErrorCode = Field(examples=["invalid_request"])
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
    code: ErrorCode = Field(examples=["invalid_request"])


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

JOB_SSE_SCHEMA: dict[str, Any] = SSE_SCHEMA | {
    "properties": SSE_SCHEMA["properties"]
    | {
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/JobEvent"},
        }
    }
}
"""The same where it is an event of a job."""

EVENT_STREAM_ANSWER: dict[str, Any] = {
    "description": "Server-sent events to the job's end, then `[DONE]`; every event has an id.",
    "content": {
        "text/event-stream": {
            "schema": JOB_SSE_SCHEMA,
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

INPUT_ANSWER: dict[str, Any] = {
    "description": "The picture, as it came.",
    "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in (*(f"image/{name.lower()}" for name in FORMATS), "application/octet-stream")
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


def refusals(*codes: str, model: type[BaseModel] = ErrorAnswer, is_open: bool = False) -> Responses:
    """The ``responses`` of a route that can answer these error codes, beside those that any route can answer.

    ``is_open``: the route answers everybody.
    """
    at_the_door = () if is_open else ("unauthorized", "forbidden")
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *at_the_door, "headers_too_large", "internal"):
        by_status.setdefault(STATUS[code], []).append(code)
    return {
        status: {"model": model, "description": ", ".join(f"`{code}`" for code in alike)}
        for status, alike in by_status.items()
    }


def open_to_all(extra: dict[str, Any]) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that needs no key."""
    return {**extra, "security": []}


SECURITY: dict[str, dict[str, Any]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `dk_…`: `darkroom keys create` makes one."},
    "keyHeader": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": "The same in another header."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Set by `POST /v1/session`. What changes something must come from a page of this service.",
    },
}
"""What a caller can show; without any he is anonymous, where that is allowed."""


def complete_document(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Add to ``app``'s document what callers can show, and the schemas that it names and FastAPI does not know: bodies
    that :func:`serve_app.api.body.documented` names, and the events of streams.
    """
    derive = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = derive()
            _, schemas = models_json_schema(
                [(body, "validation") for body in bodies], ref_template="#/components/schemas/{model}"
            )
            document["components"]["schemas"] |= schemas["$defs"]
            document["components"]["securitySchemes"] = SECURITY
            document["security"] = [*({name: []} for name in SECURITY), {}]
        return derive()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
