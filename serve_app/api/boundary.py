"""The outermost edge of the API: what no handler caught becomes ``internal``, and every answer is secured."""

import logging
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.engine.errors import InternalError
from serve_app.api.errors import error_response, route_path
from serve_app.api.headers import secure

log = logging.getLogger(__name__)


def logged(error: BaseException, doing: str) -> InternalError:
    """Log ``error`` with its traceback under a fresh id, and return what a client may know of it: that id."""
    incident = secrets.token_hex(8)
    log.error("incident %s: %s", incident, doing, exc_info=error)
    return InternalError(f"the service has failed here; its log has the details under {incident}")


class Boundary:
    """Pure ASGI middleware; it stays inside the server's own error handling and outside of everything else.

    ``cross_origin``: pages of some other origins may read the answers.
    """

    def __init__(self, app: ASGIApp, *, cross_origin: bool) -> None:
        self.app = app
        self._cross_origin = cross_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                secure(MutableHeaders(scope=message), cross_origin=self._cross_origin)
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except Exception as error:  # the edge of a request: the client gets `internal`, the log the rest
            told = logged(error, f"{scope['method']} {scope['path']}")
            if started:
                raise  # the status is out: only a broken connection can still tell that the answer is not whole
            await error_response(told, route_path(scope))(scope, receive, guarded)
