"""The OpenAPI document is complete."""

from typing import Any

import pytest

from deployments.engine.request import GenerationRequest
from serve_app.api.app import create_api
from serve_app.api.session import EXAMPLE_KEY
from serve_app.jobs.caller import Caller
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend

DOCUMENT: dict[str, Any] = create_api(ScriptedBackend(), ApiSettings()).openapi()
OPERATIONS = [
    pytest.param(path, operation, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
ERROR_SCHEMAS = {"#/components/schemas/ErrorAnswer", "#/components/schemas/OpenAIErrorAnswer"}


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_route_is_described_and_tells_success_and_errors(path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    responses = operation["responses"]
    assert any(status.startswith("2") for status in responses)
    assert all(response["description"] for response in responses.values())
    for status, response in responses.items():
        if status[0] in "45" and (path, status) != ("/health/ready", "503"):
            assert response["content"]["application/json"]["schema"]["$ref"] in ERROR_SCHEMAS
    assert {"431", "500"} <= set(responses)
    assert ({"401", "403"} <= set(responses)) != path.startswith("/health")


def test_the_document_says_how_callers_show_who_they_are_and_where_they_need_not() -> None:
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert schemes["key"] | {"description": ""} == {"type": "http", "scheme": "bearer", "description": ""}
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "darkroom_session")
    assert DOCUMENT["security"] == [{"key": []}, {"keyHeader": []}, {"session": []}, {}]
    own = {
        path: operation["security"]
        for path, methods in DOCUMENT["paths"].items()
        for operation in methods.values()
        if "security" in operation
    }
    assert own == {"/health": [], "/health/ready": [], "/v1/session": []}


def test_routes_that_stream_or_take_jobs_tell_when_there_is_too_much() -> None:
    busy = {path for path, methods in DOCUMENT["paths"].items() for o in methods.values() if "429" in o["responses"]}
    assert busy == {
        *("/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/stream", "/txt2img", "/execute", "/img2img", "/inpaint"),
        *("/v1/images/generations", "/v1/images/edits"),
    }


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_body_has_a_schema_and_examples(path: str, operation: dict[str, Any]) -> None:
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        assert content["examples"]
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_every_reference_leads_somewhere() -> None:
    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references(DOCUMENT) <= schemas


def test_what_is_sent_to_receivers_is_described() -> None:
    told = DOCUMENT["webhooks"]["job"]["post"]
    assert told["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobNotice"}
    headers = {parameter["name"] for parameter in told["parameters"]}
    assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert set(told["responses"]) == {"204", "410", "429", "default"}
    assert "webhook" in DOCUMENT["components"]["schemas"]["JobBody"]["properties"]


def test_the_flat_body_has_every_generation_field_but_the_id() -> None:
    fields = set(DOCUMENT["components"]["schemas"]["JobBody"]["properties"])
    assert set(GenerationRequest.model_fields) - {"id"} <= fields
    assert "id" not in fields


async def test_every_example_is_accepted() -> None:
    backend = ScriptedBackend(any_size=True, keys={EXAMPLE_KEY: Caller("alice")})
    async with connect(backend, allow_anonymous=True) as client:
        for path, methods in DOCUMENT["paths"].items():
            for method, operation in methods.items():
                examples = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                for example in examples.get("examples", {}).values():
                    answer = await client.request(method, path.format(job_id="my-own"), json=example["value"])
                    assert answer.is_success, answer.text


async def test_docs_are_served() -> None:
    async with connect(ScriptedBackend()) as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT
        assert "swagger" in (await client.get("/docs")).text
