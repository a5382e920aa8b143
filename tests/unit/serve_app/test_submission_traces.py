"""A client's trace goes on in the job that it submits; without one, the submission begins it."""

from pathlib import Path
from typing import Any

import pytest

from deployments.blobs import BlobStore
from deployments.engine.errors import QueueFull
from deployments.telemetry.tracing import TRACER, current_trace
from serve_app.api.app import create_api
from serve_app.handles.backend import RouterBackend
from serve_app.handles.calls import Refused
from serve_app.jobs.job import Job, JobRequest, JobStatus
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import connect_to
from tests.unit.serve_app.test_handles_backend import Handle, Response
from tests.unit.telemetry_fakes import RecordingTracer, is_child

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
WISH = {"prompt": "a red circle"}


class Submissions:
    """A Router that accepts everything, or refuses it, and keeps what it was sent."""

    def __init__(self, refusal: QueueFull | None = None) -> None:
        self.requests: list[JobRequest] = []
        self._refusal = refusal

    def __call__(self, method: str, *args: Any) -> Response:
        if method == "identify":
            return Response(None)  # there are no keys
        request: JobRequest = args[0]
        self.requests.append(request)
        if self._refusal is not None:
            return Response(Refused(self._refusal))
        return Response(Job(request.generation.id, request, JobStatus.QUEUED, 0, 0.0))


async def submit(folder: Path, router: Submissions, recording: RecordingTracer | None, **headers: str) -> int:
    """POST a job through the API and a Router's handle; the status."""
    blobs = BlobStore.open(f"file://{folder}")
    handle: Any = Handle(router)
    backend = RouterBackend([handle], {"sd15": 0}, blobs, tracer=recording.tracer if recording else TRACER)
    api = create_api(backend, ApiSettings(), tracer_provider=recording.provider if recording else None)
    async with connect_to(api) as client:
        answer = await client.post("/v1/jobs", json=WISH, headers=headers)
    assert current_trace() is None
    return answer.status_code


async def test_the_client_s_trace_leads_through_the_request_and_the_submission_to_the_job(tmp_path: Path) -> None:
    router, recording = Submissions(), RecordingTracer()
    assert await submit(tmp_path, router, recording, traceparent=TRACE) == 202
    (http,), (submitted,) = recording.spans("POST /v1/jobs"), recording.spans("submit")
    assert http.parent is not None
    assert http.parent.span_id == int(TRACE.split("-")[2], 16)
    assert is_child(submitted, http)
    carried = str(router.requests[0].trace).split("-")
    assert (carried[1], int(carried[2], 16)) == (TRACE.split("-")[1], submitted.context.span_id)


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}])
async def test_without_one_the_request_begins_a_trace(tmp_path: Path, headers: dict[str, str]) -> None:
    router, recording = Submissions(), RecordingTracer()
    assert await submit(tmp_path, router, recording, **headers) == 202
    (http,) = recording.spans("POST /v1/jobs")
    assert http.parent is None
    assert f"{http.context.trace_id:032x}" in str(router.requests[0].trace)


async def test_a_refused_submission_is_a_failed_span(tmp_path: Path) -> None:
    router, recording = Submissions(QueueFull("full")), RecordingTracer()
    assert await submit(tmp_path, router, recording) == 429
    (submitted,) = recording.spans("submit")
    assert not submitted.status.is_ok


async def test_where_nobody_traces_a_job_has_no_trace(tmp_path: Path) -> None:
    router = Submissions()
    assert await submit(tmp_path, router, None, traceparent=TRACE) == 202
    assert router.requests[0].trace is None


async def test_health_probes_are_not_traced(tmp_path: Path) -> None:
    recording = RecordingTracer()
    handle: Any = Handle(Submissions())
    backend = RouterBackend([handle], {"sd15": 0}, BlobStore.open(f"file://{tmp_path}"))
    async with connect_to(create_api(backend, ApiSettings(), tracer_provider=recording.provider)) as client:
        assert (await client.get("/health")).status_code == 200
    assert recording.all() == []
