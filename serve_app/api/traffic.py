"""What clients ask of the API and get, as metrics: by route, never by path, so that no id becomes a label."""

import time
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.telemetry.meters import SECONDS, Instrument, Meters
from serve_app.api.errors import route_path

REQUESTS: Final = Instrument(
    "darkroom_http_requests_total",
    "counter",
    "Requests answered, by route template, `(none)` where no route was reached; status 499: the client left before.",
    ("route", "method", "status"),
)
LATENCY: Final = Instrument(
    "darkroom_http_request_seconds",
    "histogram",
    "From a request's arrival to the start of its answer.",
    ("route", "method"),
    SECONDS,
)
STREAMS: Final = Instrument("darkroom_http_open_streams", "gauge", "Event streams that are open.")

HTTP_INSTRUMENTS: Final = (REQUESTS, LATENCY, STREAMS)

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
UNMATCHED: Final = "(none)"
"""The route of a request that matches none, or was refused at the door."""

LEFT: Final = "499"


class Traffic:
    """Pure ASGI middleware, outermost: it sees what really goes out."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self.app = app
        self._meters = meters
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        arrived = time.perf_counter()
        status, streams = LEFT, False

        async def counted(message: Message) -> None:
            nonlocal status, streams
            if message["type"] == "http.response.start":
                status = str(message["status"])
                self._meters.observe(LATENCY, time.perf_counter() - arrived, route=_route(scope), method=_method(scope))
                if Headers(raw=message.get("headers", [])).get("content-type", "").startswith("text/event-stream"):
                    streams = True
                    self._open(1)
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            if streams:
                self._open(-1)
            self._meters.add(REQUESTS, route=_route(scope), method=_method(scope), status=status)

    def _open(self, more: int) -> None:
        self._streams += more
        self._meters.set(STREAMS, self._streams)


def is_probe(scope: Scope) -> bool:
    """A look whether the service lives, which comes every few seconds: not worth a trace."""
    return route_path(scope).startswith("/health")


def _route(scope: Scope) -> str:
    """The template that matched, known once the application has routed the request."""
    return str(getattr(scope.get("route"), "path", UNMATCHED))


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else "other"
