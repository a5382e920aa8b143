"""Bounds on what a request may bring: its headers; its body, and all bodies together, as they arrive."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.engine.errors import HeadersTooLarge, PayloadTooLarge, QueueFull
from serve_app.api.errors import error_response, route_path

RETRY_AFTER_S = 2.0


class HeaderLimit:
    """Pure ASGI middleware: a request line and headers over ``max_bytes`` are refused as ``headers_too_large``."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _head_bytes(scope) > self.max_bytes:
            message = f"the request line and headers are larger than {self.max_bytes} bytes, the most accepted here"
            await error_response(HeadersTooLarge(message), route_path(scope))(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _head_bytes(scope: Scope) -> int:
    """As HTTP/1.1 writes them, but for the few bytes of method and version."""
    line = len(scope.get("raw_path") or scope["path"]) + len(scope.get("query_string", b""))
    return line + sum(len(name) + len(value) + len(b": \r\n") for name, value in scope["headers"])


class BodyLimit:
    """Pure ASGI middleware: a body over ``max_bytes`` is refused as ``payload_too_large``.

    A declared length is judged before a byte is read; without one, the route's own read raises as soon as the bytes
    that came exceed the bound.

    All bodies whose answer has not begun are at most ``max_held_bytes`` together: one more is refused as
    ``queue_full``, to be sent again a moment later.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_held_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.max_held_bytes = max_held_bytes
        self._held = 0

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
                size = len(message.get("body", b""))
                seen += size
                self._held += size
                if seen > self.max_bytes:
                    raise self._too_large()
                if self._held > self.max_held_bytes:
                    raise QueueFull("too many uploads are being read at once", RETRY_AFTER_S)
            return message

        async def letting_go(message: Message) -> None:
            nonlocal seen
            if message["type"] == "http.response.start":
                self._held, seen = self._held - seen, 0
            await send(message)

        try:
            await self.app(scope, counted, letting_go)
        finally:
            self._held -= seen

    def _too_large(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"the body is larger than {self.max_bytes} bytes, the most that is accepted here")
