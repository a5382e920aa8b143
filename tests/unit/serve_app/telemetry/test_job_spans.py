"""A job's trace through the service: one trace, whoever began it and whatever restarts."""

from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from deployments.messages import RunAttempt
from deployments.telemetry.attempt_spans import AttemptSpans
from deployments.telemetry.tracing import submission
from serve_app.jobs.events import Progress
from serve_app.telemetry.job_spans import JobSpans
from tests.unit.serve_app.jobs.job_fakes import ALICE, Clock, House, open_house, wish
from tests.unit.telemetry_fakes import RecordingTracer, is_child


async def submit(house: House, prompt: str, trace: str | None) -> str:
    request = wish(prompt).model_copy(update={"trace": trace})
    return (await house.service.submit(request, ALICE)).id


def begun_trace(recording: RecordingTracer) -> str:
    with submission(recording.tracer) as trace:
        assert trace is not None
    return trace


def times(spans: list[ReadableSpan]) -> list[tuple[float, float]]:
    return [((span.start_time or 0) / 1e9, (span.end_time or 0) / 1e9) for span in spans]


async def test_a_job_has_one_trace_with_a_queue_for_each_wait_and_its_attempts(tmp_path: Path) -> None:
    recording, clock = RecordingTracer(), Clock(1000.0)
    async with open_house(tmp_path, observe=JobSpans(recording.tracer), clock=clock, replicas=False) as house:
        job_id = await submit(house, "lose 1", begun_trace(recording))
        clock.now = 1003.0
        house.beat()
        async for batch in house.follow(job_id):
            if any(logged.event.event == "restarted" for logged in batch):
                clock.now = 1010.0
                house.beat()
        attempts: list[RunAttempt] = house.runner.attempts
    for attempt in attempts:
        AttemptSpans(attempt, "sd15", recording.tracer).end(None)
    assert times(recording.spans("queue")) == [(1000.0, 1003.0), (1003.0, 1010.0)]
    assert times(recording.spans("job")) == [(1000.0, 1010.0)]
    (root,) = recording.spans("submit")
    rest = [span for span in recording.all() if span is not root]
    assert sorted(span.name for span in rest) == ["attempt", "attempt", "job", "queue", "queue"]
    assert all(is_child(span, root) for span in rest)
    assert all(span.attributes and span.attributes["darkroom.job"] == job_id for span in rest)


async def test_a_failed_job_is_a_failed_span(tmp_path: Path) -> None:
    recording = RecordingTracer()
    async with open_house(tmp_path, observe=JobSpans(recording.tracer)) as house:
        await house.ended(await submit(house, "fail out_of_memory", begun_trace(recording)))
    (span,) = recording.spans("job")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "out_of_memory"


async def test_a_trace_goes_on_after_a_restart_of_the_service(tmp_path: Path) -> None:
    recording = RecordingTracer()
    trace = begun_trace(recording)
    async with open_house(tmp_path) as house:
        job_id = await submit(house, "wait", trace)
        await house.until(job_id, Progress)
    async with open_house(tmp_path, observe=JobSpans(recording.tracer)) as house:
        house.runner.go.set()
        await house.ended(job_id)
        assert house.runner.attempts[-1].trace == trace
    (job,), (root,) = recording.spans("job"), recording.spans("submit")
    assert is_child(job, root)


async def test_a_job_without_a_trace_makes_none(tmp_path: Path) -> None:
    recording = RecordingTracer()
    async with open_house(tmp_path, observe=JobSpans(recording.tracer)) as house:
        await house.ended(await submit(house, "ok", None))
        assert house.runner.attempts[-1].trace is None
    assert recording.all() == []
