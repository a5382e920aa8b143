"""Sessions for pages: a key for a cookie, because ``EventSource`` and ``<img>`` can't send a header.

A session is nothing but its token (:mod:`serve_app.jobs.tokens`): none is kept, and all of a key end with the key.
"""

import time

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployments.engine.errors import InvalidRequest, PayloadTooLarge, Unauthorized
from serve_app.api.backend import Backend
from serve_app.api.body import documented, require_json
from serve_app.api.callers import Asking
from serve_app.api.credentials import SESSION_COOKIE, key_of
from serve_app.api.openapi import open_to_all, refusals
from serve_app.api.views import View
from serve_app.jobs.tokens import KEY_PREFIX, new_session
from serve_app.settings import ApiSettings

MAX_BODY_BYTES = 4096
"""Anybody may send one."""

EXAMPLE_KEY = f"dk_0123456789abcdef_{'0' * 64}"


class SessionBody(BaseModel):
    """A key to sign in with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: str = Field(description="An API key.", examples=[EXAMPLE_KEY])


class SessionView(View):
    """Who is signed in: the key's client, or for callers without a key `@` and their address."""

    client: str = Field(examples=["alice"])
    admin: bool = Field(description="Sees and cancels everybody's jobs.")


def session_router(backend: Backend, settings: ApiSettings) -> APIRouter:
    """``/v1/session``."""
    router = APIRouter(prefix="/v1/session", tags=["session"])

    @router.post(
        "",
        response_model=SessionView,
        summary="Sign in",
        openapi_extra=open_to_all(documented(SessionBody, required=False, example={"key": EXAMPLE_KEY})),
        responses=refusals("invalid_request", "payload_too_large", "unsupported_media_type"),
    )
    async def sign_in(request: Request, response: Response) -> SessionView:
        """Sets a cookie for a key, which comes in a header or in the body."""
        key = key_of(request.headers) or await _key_in_body(request)
        caller = await backend.identify(key) if key.startswith(KEY_PREFIX) else None
        if caller is None:
            raise Unauthorized(f"this is no API key: they begin with {KEY_PREFIX}")
        lasts_s = int(settings.session_s)
        response.set_cookie(
            SESSION_COOKIE,
            new_session(key, int(time.time()) + lasts_s),
            max_age=lasts_s,
            path="/",
            secure=_is_https(request),
            httponly=True,
            samesite="strict",
        )
        return SessionView(client=caller.client, admin=caller.admin)

    @router.get("", response_model=SessionView, summary="Who am I?", responses=refusals())
    async def look(caller: Asking) -> SessionView:
        """The client that this request counts for, and whether it is an admin."""
        return SessionView(client=caller.client, admin=caller.admin)

    @router.delete("", status_code=204, summary="Sign out", openapi_extra=open_to_all({}), responses=refusals())
    async def sign_out(request: Request, response: Response) -> None:
        """Clears the cookie, whether or not it still counts."""
        response.delete_cookie(SESSION_COOKIE, path="/", secure=_is_https(request), httponly=True, samesite="strict")

    return router


async def _key_in_body(request: Request) -> str:
    """No refusal repeats what was sent: it may be a key in the wrong place."""
    require_json(request)
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes, the most that is accepted here")
    try:
        return SessionBody.model_validate_json(raw).key
    except ValidationError:
        raise InvalidRequest(None, "another body", 'one field, {"key": "dk_…"}') from None


def _is_https(request: Request) -> bool:
    """Also behind a proxy that ends TLS. One that claims so in vain only loses its own cookie."""
    return "https" in {request.url.scheme, request.headers.get("x-forwarded-proto", "").strip().lower()}
