"""Reading JSON bodies: bytes straight into a pydantic model, every way to fail a typed error."""

import asyncio
from collections.abc import Awaitable, Callable
from email.message import Message
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from deployments.engine.errors import UnsupportedMediaType, shorten
from serve_app.api.errors import invalid

Body = TypeVar("Body", bound=BaseModel)

OFF_LOOP_BYTES = 256 * 1024
"""Bodies from this size on are validated on a thread: below it, a thread costs more than it saves."""


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """A dependency that reads the request's body as ``model``.

    Validation is pydantic's own, from bytes: strict about types, aware that JSON has no tuples, bounded in depth.
    (FastAPI's would go through Python objects, where a strict model can't take a list for a tuple.)

    The dependency raises:
        UnsupportedMediaType: the content type is not JSON. It must be stated: a browser sends other types across
            origins without asking.
        InvalidRequest: no JSON, an unknown field, a wrong type or value.
    """
    known = tuple(model.model_fields)

    async def read(request: Request) -> Body:
        _require_json(request.headers.get("content-type", ""))
        raw = await request.body()
        try:
            if len(raw) >= OFF_LOOP_BYTES:
                return await asyncio.to_thread(model.model_validate_json, raw)
            return model.model_validate_json(raw)
        except ValidationError as error:
            raise invalid(error.errors(include_url=False), known) from None

    return read


def documented(model: type[BaseModel], **examples: dict[str, Any]) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads ``model`` through :func:`json_body`."""
    content = {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _require_json(content_type: str) -> None:
    header = Message()
    header["content-type"] = content_type
    kind = header.get_content_type() if content_type else ""
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"Content-Type: got {shorten(content_type)}, allowed: application/json")
