"""What the OpenAPI document says of events, jobs and models is what is told; the client in ``ui/`` is made from it."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.requests import Request

from deployments.engine.request import GenerationRequest
from serve_app.api.document import document
from serve_app.api.errors import STATUS
from serve_app.api.event_views import AnyEvent, JobEvent
from serve_app.api.sse import JobFrames
from serve_app.api.views import Links, ParametersView
from serve_app.jobs.caller import Caller
from serve_app.jobs.events import Cancelled, Error, EventId, LoggedEvent, Restarted
from serve_app.jobs.job import JobRequest
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

COMMITTED = Path(__file__).parents[4] / "ui" / "client" / "openapi.json"
SCHEMAS: dict[str, Any] = json.loads(document())["components"]["schemas"]
KINDS = {get_args(kind.__annotations__["event"])[0] for kind in get_args(AnyEvent)}
CALLER = Caller("@127.0.0.1")


def test_the_document_that_the_client_is_made_from_is_the_service_s() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == document(), "run `npm run generate` in ui/"


def test_the_document_has_a_schema_for_each_kind_of_event_and_tells_them_apart() -> None:
    event = SCHEMAS["JobEvent"]
    assert event["discriminator"]["propertyName"] == "event"
    assert set(event["discriminator"]["mapping"]) == KINDS
    for kind, reference in event["discriminator"]["mapping"].items():
        schema = SCHEMAS[reference.rpartition("/")[2]]
        assert schema["properties"]["event"]["const"] == kind
        assert schema["description"]


def test_every_code_of_an_error_is_in_the_document() -> None:
    for schema in ("ErrorObject", "OpenAIErrorObject", "JobErrorView", "ErrorEvent"):
        assert SCHEMAS[schema]["properties"]["code"]["enum"] == list(STATUS)


@pytest.mark.parametrize("n", [1, 2])
async def test_every_kind_of_event_is_told_as_its_schema_says(n: int) -> None:
    backend = ScriptedBackend()
    request = GenerationRequest(prompt="x", model="sd15", n=n, seed=7, steps=2, preview_every=1)
    job = await backend.submit(JobRequest(generation=request), CALLER)
    links = Links(Request({"type": "http", "headers": [], "path": "/", "server": ("here", 80), "scheme": "http"}))
    frames = JobFrames(job, backend, CALLER, links, resumable=True)
    rare = [Restarted(2, "the replica was lost", 1), Cancelled(), Error("internal", "it broke")]
    batches = [batch async for batch in backend.follow(job.id, CALLER)]
    batches.append([LoggedEvent(EventId(2, seq), event) for seq, event in enumerate(rare)])
    told = [
        json.loads(line.removeprefix("data: "))
        for batch in batches
        for line in (await frames.render(batch)).decode().splitlines()
        if line.startswith("data: {")
    ]
    assert {event["event"] for event in told} == KINDS
    for event in told:
        assert JobEvent.model_validate(event).model_dump() == event


def test_a_job_tells_every_parameter_that_a_request_can_have() -> None:
    assert set(ParametersView.__annotations__) == set(GenerationRequest.model_fields) - {"id"}
