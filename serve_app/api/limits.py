"""A bound on request bodies, enforced as they arrive: no more than the bound is ever held."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.engine.errors import PayloadTooLarge
from serve_app.api.errors import error_response, route_path


class BodyLimit:
    """Pure ASGI middleware: a body over ``max_bytes`` is refused as ``payload_too_large``.

    A declared length is judged before a byte is read; without one, the route's own read raises as soon as the bytes
    that came exceed the bound.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            await error_response(self._too_large(), route_path(scope))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self.max_bytes:
                    raise self._too_large()
            return message

        await self.app(scope, counted, send)

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"the body is larger than {self.max_bytes} bytes, the most that is accepted here")
