"""Reading bodies: JSON bytes or a form straight into a pydantic model, every way to fail a typed error."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.message import Message
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from deployments.engine.errors import InvalidRequest, UnsupportedMediaType, shorten
from serve_app.api.encoding import off_loop
from serve_app.api.errors import invalid
from serve_app.api.schemas import WireBody

Body = TypeVar("Body", bound=WireBody)

MAX_FILES, MAX_FIELDS = 17, 64
"""In a form; OpenAI's clients send up to 16 images and a mask."""

MAX_PART_BYTES = 32 * 2**20
"""Of a text field of a form: a picture in base64 is one."""


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """A dependency that reads the request's body as ``model``.

    Validation is pydantic's own, from bytes: strict about types, aware that JSON has no tuples, bounded in depth.
    (FastAPI's would go through Python objects, where a strict model can't take a list for a tuple.)

    The dependency raises:
        UnsupportedMediaType: the content type is not JSON. It must be stated: a browser sends other types across
            origins without asking.
        InvalidRequest: no JSON, an unknown field, a wrong type or value.
    """

    async def read(request: Request) -> Body:
        require_json(request)
        return await _validated(model, await _bytes(request))

    return read


def require_json(request: Request) -> None:
    """Raises UnsupportedMediaType unless the request states that its body is JSON."""
    if not _is_json(kind := _content_type(request)):
        raise UnsupportedMediaType(f"Content-Type: got {shorten(kind)}, allowed: application/json")


def picture_body(model: type[Body], files: Mapping[str, str] | None = None) -> Callable[[Request], Awaitable[Body]]:
    """The same for a body with pictures, which may be a ``multipart/form-data`` form too.

    Args:
        files: which parts of a form may be files: the part's name to the picture's; those of ``picture_fields`` by
            their own names if absent. In a form, numbers, lists and objects are written as JSON.

    The dependency raises:
        UnsupportedMediaType: neither JSON nor a form.
        InvalidRequest: as above; or a part that is a file and should not be, or comes twice.
    """
    read_text: dict[str, TypeAdapter[Any]] = {
        name: TypeAdapter(info.annotation or Any) for name, info in model.model_fields.items()
    }

    parts = dict(zip(model.picture_fields, model.picture_fields, strict=True)) if files is None else files

    async def read(request: Request) -> Body:
        kind = _content_type(request)
        if _is_json(kind):
            return await _validated(model, await _bytes(request))
        if kind != "multipart/form-data":
            raise UnsupportedMediaType(
                f"Content-Type: got {shorten(kind)}, allowed: application/json, multipart/form-data"
            )
        async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_PART_BYTES) as form:
            pictures = await _pictures(form, parts)
            texts = _texts(form)
        raw = await off_loop(sum(len(text) for _, text in texts), _as_json, read_text, texts)
        return (await _validated(model, raw)).with_files(pictures)

    return read


def documented(
    model: type[BaseModel], *, form: Sequence[str] = (), required: bool = True, **examples: dict[str, Any]
) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads ``model``; ``form`` names the files of the form that it takes too."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content: dict[str, Any] = {
        "application/json": {
            "schema": schema,
            "examples": {name: {"value": value} for name, value in examples.items()},
        }
    }
    if form:
        parts = {name: {"type": "string", "format": "binary"} for name in form}
        content["multipart/form-data"] = {
            "schema": {"allOf": [schema, {"type": "object", "properties": parts}]},
        }
    return {"requestBody": {"required": required, "content": content}}


def _content_type(request: Request) -> str:
    header = Message()
    stated = request.headers.get("content-type", "")
    header["content-type"] = stated
    return header.get_content_type() if stated else ""


def _is_json(kind: str) -> bool:
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


async def _bytes(request: Request) -> bytes:
    """The body; the request itself keeps no copy of it while its answer streams."""
    return b"".join([chunk async for chunk in request.stream()])


async def _validated(model: type[Body], raw: bytes) -> Body:
    try:
        return await off_loop(len(raw), model.model_validate_json, raw)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False), tuple(model.model_fields)) from None


def _texts(form: FormData) -> list[tuple[str, str]]:
    told = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    names = [name for name, _ in told]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidRequest(twice, f"{names.count(twice)} of them", "one")
    return told


async def _pictures(form: FormData, files: Mapping[str, str]) -> dict[str, tuple[bytes, ...]]:
    found: dict[str, tuple[bytes, ...]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name not in files:
                raise InvalidRequest(name, "a file", f"text; files are {', '.join(files)}")
            found[files[name]] = (*found.get(files[name], ()), await value.read())
    return found


def _as_json(read_text: Mapping[str, "TypeAdapter[Any]"], texts: Sequence[tuple[str, str]]) -> bytes:
    return json.dumps({name: _value(read_text.get(name), text) for name, text in texts}).encode()


def _value(adapter: "TypeAdapter[Any] | None", text: str) -> Any:
    """A form's text as the field means it: as it is where text is allowed, else what it is in JSON."""
    if adapter is not None:
        try:
            return adapter.validate_python(text, strict=True)
        except ValidationError:
            pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
