"""The doors: who is let in, and as whom. What a caller may then see is decided by the jobs."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.engine.errors import DarkroomError, Forbidden, Unauthorized
from serve_app.api.backend import Backend
from serve_app.api.callers import ADMIT_AGAIN, CALLER
from serve_app.api.credentials import SESSION_COOKIE, key_of
from serve_app.api.docs import DOCS, SCRIPT, STYLE
from serve_app.api.errors import error_response, route_path
from serve_app.api.origins import SAFE_METHODS, refuse_foreign_page, require_own_page, why_not_local
from serve_app.jobs.caller import ANONYMOUS, Caller

PROBES: Final = frozenset({"/health", "/health/ready"})
"""Open to everybody, always: what asks them has no key and no person behind it."""

PAGES: Final = frozenset({"/", DOCS, SCRIPT, STYLE, "/openapi.json"})
"""Open to everybody where there are keys, as what the web page consists of: a page must load to ask for one."""

SESSION: Final = "/v1/session"
"""Whoever signs in or out has nothing to show yet, or any more."""


class Doors:
    """Pure ASGI middleware: a request comes in with its :class:`~serve_app.jobs.caller.Caller`, or is refused.

    A key (see :func:`~serve_app.api.credentials.key_of`) is looked at first, and a wrong one is refused whatever else
    is allowed; then the cookie of a session. Whoever shows neither comes in as an anonymous caller: if that is allowed;
    or, from this machine alone, as long as there are no keys.

    Args:
        backend: knows the keys.
        allow_anonymous: callers without a key come in from everywhere.
        origins: those whose pages may send what changes something.
        knows_peers: the server tells the addresses of those who connect. If it does not, nobody is on this machine.
        is_page: whether a path is the web page's; never for one of the API's.
    """

    def __init__(
        self,
        app: ASGIApp,
        backend: Backend,
        *,
        allow_anonymous: bool,
        origins: Collection[str],
        knows_peers: bool,
        is_page: Callable[[str], bool],
    ) -> None:
        self.app = app
        self._backend = backend
        self._allow_anonymous = allow_anonymous
        self._origins = origins
        self._knows_peers = knows_peers
        self._is_page = is_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        admit = partial(self._admit, HTTPConnection(scope), scope["method"], path)
        try:
            caller = await admit()
        except DarkroomError as refused:
            await error_response(refused, path)(scope, receive, send)
            return
        if caller is not None:
            scope[CALLER] = caller
            scope[ADMIT_AGAIN] = admit
        await self.app(scope, receive, send)

    async def _admit(self, request: HTTPConnection, method: str, path: str) -> Caller | None:
        """Who it is; ``None`` where the door is open."""
        if path in PROBES:
            return None
        if (key := key_of(request.headers)) is not None:
            return await self._backend.identify(key)
        changes_something = method not in SAFE_METHODS
        if changes_something:
            refuse_foreign_page(request, self._origins)
        if path == SESSION and changes_something:
            return None
        is_page = path in PAGES or self._is_page(path)
        session = request.cookies.get(SESSION_COOKIE)
        if session is not None and not is_page:
            if changes_something:
                require_own_page(request)
            return await self._backend.identify(session)
        return await self._anonymous(request, is_page=is_page)

    async def _anonymous(self, request: HTTPConnection, *, is_page: bool) -> Caller | None:
        if not self._allow_anonymous:
            try:
                await self._backend.identify(None)
            except Unauthorized:
                if is_page:
                    return None
                raise
            reason = why_not_local(request) if self._knows_peers else "over a server that does not tell from where"
            if reason is not None:
                raise Forbidden(
                    f"this request comes {reason}, and as long as there are no keys only this machine is answered: "
                    "make a key with `darkroom keys create NAME`, or set `allow_anonymous: true`"
                )
        return Caller(f"{ANONYMOUS}{request.client.host if request.client else 'unknown'}")
