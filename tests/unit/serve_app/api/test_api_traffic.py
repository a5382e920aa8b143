"""What the API measures of itself: routes as templates, statuses as they go out, streams while they are open."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from serve_app.api.app import create_api
from serve_app.api.traffic import LATENCY, REQUESTS, STREAMS
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import connect_to
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend
from tests.unit.telemetry_fakes import RecordingMeters

OPEN = (STREAMS.name, ())


@pytest.fixture
def meters() -> RecordingMeters:
    return RecordingMeters()


@pytest.fixture
async def client(meters: RecordingMeters) -> AsyncIterator[httpx2.AsyncClient]:
    async with connect_to(create_api(ScriptedBackend(), ApiSettings(), meters=meters)) as client:
        yield client


async def test_requests_are_counted_by_template_and_status_and_never_by_id(
    client: httpx2.AsyncClient, meters: RecordingMeters
) -> None:
    for number in range(20):
        await client.get(f"/v1/jobs/no-such-job-{number}")
        await client.get(f"/no/such/route/{number}")
    await client.request("BREW", "/health")
    await client.post("/v1/jobs", json={"no_such_field": 1})
    assert meters.count(REQUESTS, "/v1/jobs/{job_id}", "GET", "404") == 20
    assert meters.count(REQUESTS, "(none)", "GET", "404") == 20
    assert meters.count(REQUESTS, "/v1/jobs", "POST", "422") == 1
    assert len(meters.counts) == 4
    assert "BREW" not in str(meters.counts)
    assert len(meters.observed(LATENCY, "/v1/jobs/{job_id}", "GET")) == 20


async def test_a_stream_is_open_from_its_first_byte_to_its_last(
    client: httpx2.AsyncClient, meters: RecordingMeters
) -> None:
    body = {"prompt": "a red circle", "model": "sd15", "steps": 2}
    answer = await client.post("/txt2img", json=body, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200
    assert meters.gauges[OPEN] == 0
    assert meters.count(REQUESTS, "/txt2img", "POST", "200") == 1


async def test_other_answers_open_no_stream(client: httpx2.AsyncClient, meters: RecordingMeters) -> None:
    await client.get("/health")
    assert OPEN not in meters.gauges
