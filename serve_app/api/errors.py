"""Errors on the wire: one table from code to status, two shapes, and where each is spoken.

Native routes answer ``{"error": {code, message, field?, value?, allowed?}}``; the OpenAI dialect answers
``{"error": {message, type, param, code}}``. Whatever goes wrong in a request ends as one of these.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from deployments.engine.errors import DarkroomError, InvalidRequest, Unauthorized, shorten
from serve_app.jobs.events import Error

STATUS: Mapping[str, int] = {
    "invalid_request": 422,
    "unsupported_by_model": 422,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    "model_not_found": 404,
    "job_not_found": 404,
    "conflict": 409,
    "cancelled": 409,
    "gone": 410,
    "payload_too_large": 413,
    "stream_too_long": 413,  # told inside streams alone
    "unsupported_media_type": 415,
    "queue_full": 429,
    "too_many_streams": 429,
    "headers_too_large": 431,
    "internal": 500,
    "model_unavailable": 503,
    "interrupted": 503,
    "deadline_exceeded": 504,
    "out_of_memory": 507,
}
"""Every stable ``code`` and its HTTP status."""

ErrorCode = Annotated[str, Field(json_schema_extra={"enum": list(STATUS)})]
"""A ``code`` as the OpenAPI document has it; a newer service may know more of them."""

OPENAI_PATHS = ("/v1/images/", "/v1/models")
"""Where these paths begin, errors have OpenAI's shape."""


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class RouteNotFound(DarkroomError):
    """No route has this path."""

    code = "not_found"


class MethodNotAllowed(DarkroomError):
    """The path is served by other methods, ``allowed``."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{shorten(method)} is not served at this path, allowed: {', '.join(allowed)}")
        self.allowed = allowed


class NotAcceptable(DarkroomError):
    """The route can answer in none of the forms that the Accept header allows."""

    code = "not_acceptable"


class JobFailed(DarkroomError):
    """The job behind a synchronous call has failed: the call answers with the job's own code."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.code = error.code


def native_error(error: DarkroomError) -> dict[str, Any]:
    """The error object of the native routes, also used inside a job stream."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    return told | {name: value for name in ("field", "value", "allowed") if (value := getattr(error, name, None))}


def openai_error(error: DarkroomError) -> dict[str, Any]:
    """The error object of the OpenAI dialect, also used inside its streams."""
    status = STATUS.get(error.code, 500)
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return {"message": error.message, "type": kind, "param": getattr(error, "field", None), "code": error.code}


def error_response(error: DarkroomError, path: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request for ``path`` that ended in ``error``."""
    body = openai_error(error) if path.startswith(OPENAI_PATHS) else native_error(error)
    headers = dict(headers or {})
    if (retry_after_s := getattr(error, "retry_after_s", None)) is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after_s)))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse({"error": body}, STATUS.get(error.code, 500), headers)


def route_path(scope: Scope) -> str:
    """The path as routes are written, also where the application is mounted below a prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def invalid(errors: Sequence[Mapping[str, Any]], known: Sequence[str] = ()) -> InvalidRequest:
    """What pydantic found wrong, as the first finding's field, value and what is allowed there.

    ``known`` lists the fields of the body, told to a client that sent one which is none of them.
    """
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"] if part not in {"body", "query", "path", "header"}) or None
    value: object = first["input"]
    allowed = str(first["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    match first["type"]:
        case "missing":
            value, allowed = None, "a value: this field is required"
        case "extra_forbidden":
            allowed = f"no such field here; the fields are {', '.join(known)}" if known else "no such field here"
        case "json_invalid":
            return InvalidRequest(None, "a body that is not JSON", f"JSON in UTF-8 ({first['ctx']['error']})")
        case "value_error" if field is None:
            value = "these fields together"
        case _ if isinstance(value, dict | list):
            # neither useful nor cheap to show: a body may be 32 MB
            value = "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    return InvalidRequest(field, value, allowed)


def install_error_handlers(app: FastAPI, nowhere: Callable[[Request], Response | None]) -> None:
    """Make every error that a route can raise one of the table's; the boundary middleware does the rest.

    ``nowhere``: answers a request for an address where nothing is, if it can do better than an error.
    """

    async def on_darkroom(request: Request, error: Exception) -> Response:
        told = _as_darkroom(request, error)
        if isinstance(told, RouteNotFound) and (answer := nowhere(request)) is not None:
            return answer
        headers = {"Allow": ", ".join(told.allowed)} if isinstance(told, MethodNotAllowed) else None
        return error_response(told, route_path(request.scope), headers)

    for kind in (DarkroomError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, on_darkroom)


def _methods_at(request: Request) -> list[str]:
    """All methods of all routes at the path of ``request``; the router alone knows those of the first."""
    asked = {name: request.scope[name] for name in ("type", "path", "headers")}
    asked["root_path"] = request.scope.get("root_path", "")
    routes = request.app.routes
    return [
        method for method in METHODS if any(r.matches({**asked, "method": method})[0] is Match.FULL for r in routes)
    ]


def _as_darkroom(request: Request, error: Exception) -> DarkroomError:
    match error:
        case DarkroomError():
            return error
        case RequestValidationError():
            return invalid(error.errors())
        case HTTPException(status_code=405):
            return MethodNotAllowed(request.method, _methods_at(request))
        case HTTPException(status_code=404):
            return RouteNotFound(f"nothing is served at {shorten(request.url.path)}; /docs lists what is")
        case _:
            return InvalidRequest(None, "a malformed request", "what /docs describes")
