"""An attempt's spans on its replica, from the engine's own timings."""

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from deployments.engine.events import Cancelled, Completed, Failed, Timings
from deployments.engine.request import GenerationRequest
from deployments.messages import ReplicaEvent, RunAttempt
from deployments.telemetry.attempt_spans import AttemptSpans
from deployments.telemetry.tracing import current_trace, submission
from tests.unit.telemetry_fakes import RecordingTracer, is_child

REQUEST = GenerationRequest(id="job", prompt="a red circle", steps=4)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = TRACE[:-1] + "0"
TIMINGS = Timings(queued=0.5, encode=0.25, denoise=2.0, decode=0.125, total=2.875)


def attempt(trace: str | None = TRACE) -> RunAttempt:
    return RunAttempt(REQUEST, epoch=1, attempt=2, trace=trace)


def seconds(span: ReadableSpan) -> tuple[float, float]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / 1e9, span.end_time / 1e9


def test_the_stages_lie_end_to_end_from_the_moment_that_the_engine_took_it_up() -> None:
    recording = RecordingTracer()
    spans = AttemptSpans(attempt(), "sd15", recording.tracer, clock=lambda: 1000.0)
    spans.submitted()
    spans.completed(TIMINGS)
    spans.end(Completed("job", TIMINGS))
    times = {name: seconds(recording.spans(name)[0]) for name in ("encode", "denoise", "decode")}
    assert times == {"encode": (1000.5, 1000.75), "denoise": (1000.75, 1002.75), "decode": (1002.75, 1002.875)}


def test_all_spans_of_an_attempt_are_in_the_trace_of_the_job_under_the_attempt() -> None:
    recording = RecordingTracer()
    spans = AttemptSpans(attempt(), "sd15", recording.tracer)
    spans.submitted()
    spans.completed(TIMINGS)
    with spans.storing(0):
        pass
    spans.end(Completed("job", TIMINGS))
    (whole,) = recording.spans("attempt")
    assert whole.attributes is not None
    assert (whole.attributes["darkroom.job"], whole.attributes["darkroom.attempt"]) == ("job", 2)
    for span in recording.all():
        assert span.context.trace_id == int(TRACE.split("-")[1], 16)
        assert span.parent is not None
        over = int(TRACE.split("-")[2], 16) if span is whole else whole.context.span_id
        assert span.parent.span_id == over
    assert {span.name for span in recording.all()} == {"attempt", "encode", "denoise", "decode", "store"}


@pytest.mark.parametrize(
    ("last", "status", "given_up"),
    [
        (Completed("job", TIMINGS), StatusCode.UNSET, None),
        (Failed("job", "out_of_memory", "no luck"), StatusCode.ERROR, None),
        (Cancelled("job"), StatusCode.UNSET, True),
        (None, StatusCode.UNSET, True),
    ],
)
def test_an_attempt_tells_how_it_ended(last: ReplicaEvent | None, status: StatusCode, given_up: bool | None) -> None:
    recording = RecordingTracer()
    AttemptSpans(attempt(), "sd15", recording.tracer).end(last)
    (span,) = recording.spans("attempt")
    assert span.status.status_code is status
    assert span.attributes is not None
    assert span.attributes.get("darkroom.given_up") is given_up


def test_a_picture_that_can_not_be_stored_is_an_error() -> None:
    recording = RecordingTracer()
    spans = AttemptSpans(attempt(), "sd15", recording.tracer)
    with pytest.raises(OSError, match="full"), spans.storing(0):
        raise OSError("the disk is full")
    (span,) = recording.spans("store")
    assert span.status.status_code is StatusCode.ERROR


@pytest.mark.parametrize("trace", [None, UNSAMPLED])
def test_without_a_trace_that_is_recorded_nothing_is_made(trace: str | None) -> None:
    recording = RecordingTracer()
    spans = AttemptSpans(attempt(trace), "sd15", recording.tracer)
    spans.submitted()
    spans.completed(TIMINGS)
    with spans.storing(0):
        pass
    spans.end(None)
    assert recording.all() == []


def test_without_a_provider_a_submission_has_no_trace_unless_the_client_sent_one() -> None:
    with submission() as trace:
        assert trace is None
    assert current_trace() is None


def test_with_a_provider_a_submission_begins_a_trace() -> None:
    recording = RecordingTracer()
    with submission(recording.tracer) as trace:
        assert trace is not None
    (span,) = recording.spans("submit")
    assert span.parent is None
    spans = AttemptSpans(attempt(trace), "sd15", recording.tracer)
    spans.end(None)
    (under,) = recording.spans("attempt")
    assert is_child(under, span)
