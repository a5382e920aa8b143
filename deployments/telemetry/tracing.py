"""A job's trace, through OpenTelemetry's API alone: without an SDK set up in the process, nothing is made.

A job's trace context is W3C's ``traceparent``: a string that is kept with the job, so it survives what the job does.
All spans of a job are children of the span that submitted it, or of the client's own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

TRACEPARENT: Final = "traceparent"

_W3C: Final = TraceContextTextMapPropagator()

TRACER: Final = trace.get_tracer("darkroom")
"""Makes real spans from the moment that a provider is set up for this process."""


def current_trace() -> str | None:
    """The running code's trace context; ``None`` without one."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(TRACEPARENT)


@contextmanager
def submission(tracer: Tracer = TRACER) -> Iterator[str | None]:
    """Around the submission of a job: a span of its own in the caller's trace, or in a new one. Yields the context that
    the job keeps; ``None`` when nobody traces."""
    with tracer.start_as_current_span("submit", kind=SpanKind.PRODUCER):
        yield current_trace()


def trace_of(traceparent: str) -> Context:
    """The context to start spans in; an empty one for text that is no trace context."""
    return _W3C.extract({TRACEPARENT: traceparent}, context=Context())


def add_span(
    tracer: Tracer,
    name: str,
    parent: Context,
    *,
    start_s: float,
    end_s: float,
    attributes: Mapping[str, AttributeValue] | None = None,
    error: str | None = None,
) -> None:
    """A span that is over: from ``start_s`` to ``end_s`` (seconds since the epoch), failed if there is an ``error``."""
    span = tracer.start_span(name, context=parent, start_time=_nanoseconds(start_s), attributes=attributes)
    end_span(span, end_s, error)


def end_span(span: Span, end_s: float, error: str | None = None) -> None:
    """End ``span`` at ``end_s``, failed if there is an ``error``."""
    if error is not None:
        span.set_status(StatusCode.ERROR, error)
    span.end(_nanoseconds(end_s))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
