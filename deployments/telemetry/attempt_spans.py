"""The spans of one attempt on its replica: ``attempt``, and in it ``encode``, ``denoise``, ``decode`` and ``store``."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

from opentelemetry.trace import INVALID_SPAN, Span, Tracer, set_span_in_context

from deployments.engine.events import Completed, Failed, Timings
from deployments.messages import ReplicaEvent, RunAttempt
from deployments.telemetry.tracing import TRACER, add_span, end_span, trace_of

STAGES = ("encode", "denoise", "decode")
"""The engine's stages, in order; each begins where the one before it ends."""


class AttemptSpans:
    """Made when the attempt arrives. Costs nothing where the job has no trace, or its trace is not recorded.

    The engine measures its stages on its own clock and tells them at the end: they become spans that end then.
    """

    def __init__(
        self, attempt: RunAttempt, model: str, tracer: Tracer = TRACER, clock: Callable[[], float] = time.time
    ) -> None:
        self._tracer = tracer
        self._clock = clock
        self._span: Span = INVALID_SPAN
        self._submitted = 0.0
        if attempt.trace is not None:
            request = attempt.request
            told: dict[str, str | int] = {
                "darkroom.job": request.id,
                "darkroom.attempt": attempt.attempt,
                "darkroom.model": model,
                "darkroom.images": request.n,
                "darkroom.steps": request.steps or 0,
            }
            self._span = tracer.start_span("attempt", context=trace_of(attempt.trace), attributes=told)
        self._recording = self._span.is_recording()
        self._inside = set_span_in_context(self._span)

    def submitted(self) -> None:
        """The engine gets the request now."""
        self._submitted = self._clock()

    def completed(self, timings: Timings) -> None:
        """The engine is through."""
        if not self._recording:
            return
        begin = self._submitted + timings.queued
        ends = [begin, begin + timings.encode]
        ends += [ends[-1] + timings.denoise, ends[-1] + timings.denoise + timings.decode]
        for name, (start, end) in zip(STAGES, pairwise(ends), strict=True):
            add_span(self._tracer, name, self._inside, start_s=start, end_s=end)

    @contextmanager
    def storing(self, index: int) -> Iterator[None]:
        """Around the encoding and storing of image ``index``."""
        if not self._recording:
            yield
            return
        span = self._tracer.start_span("store", context=self._inside, attributes={"darkroom.index": index})
        error: str | None = "not stored"
        try:
            yield
            error = None
        finally:
            end_span(span, self._clock(), error)

    def end(self, last: ReplicaEvent | None) -> None:
        """The attempt is over; ``last`` is what it told last."""
        if not self._recording:
            return
        error = None
        match last:
            case Completed():
                pass
            case Failed(code=code):
                error = code
            case _:
                self._span.set_attribute("darkroom.given_up", True)
        end_span(self._span, self._clock(), error)
