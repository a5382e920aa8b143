"""Whatever a client sends, the answer is a typed error that names the field, the value and what is allowed."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from deployments.engine import errors
from serve_app.api.app import create_api
from serve_app.api.errors import STATUS, MethodNotAllowed, NotAcceptable, RouteNotFound
from serve_app.settings import ApiSettings
from tests.unit.serve_app.api.reach import connect, connect_to
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, raising

JSON = {"Content-Type": "application/json"}
GOOD = {"model": "sd15", "prompt": "a", "steps": 2}
SHARED = create_api(ScriptedBackend(), ApiSettings())
"""For the many bodies that are refused: none of them leaves a trace."""

POSTS = ("/v1/jobs", "/txt2img", "/v1/images/generations")


def tree(root: type[errors.DarkroomError]) -> Iterator[type[errors.DarkroomError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def test_every_code_of_the_tree_has_a_status() -> None:
    assert {error.code for error in tree(errors.DarkroomError)} <= set(STATUS)
    assert {RouteNotFound.code, MethodNotAllowed.code, NotAcceptable.code} <= set(STATUS)


@pytest.mark.parametrize("route", POSTS)
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": 7}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "x" * 2**20}, "prompt"),
        ({"steps": 0}, "steps"),
        ({"steps": "20"}, "steps"),
        ({"steps": 10**9}, "steps"),
        ({"steps": {"a": [1]}}, "steps"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**53}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"n": 0}, "n"),
        ({"n": True}, "n"),
        ({"unheard_of": list(range(10_000))}, "unheard_of"),
        ({"sampler": "wishful"}, "sampler"),
        ({"loras": [{"name": "x", "scale": 99}]}, "loras.0.scale"),
        ({"loras": [{"name": "x"}]}, "loras"),
        ({"guidance": 101}, "guidance"),
    ],
)
async def test_a_bad_field_is_refused_by_name(route: str, fields: dict[str, object], field: str) -> None:
    async with connect_to(SHARED) as client:
        answer = await client.post(route, json=GOOD | fields)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error.get("field", error.get("param")) == field
    assert error["code"] in {"invalid_request", "unsupported_by_model"}
    assert field in error["message"]
    assert "allowed:" in error["message"]
    assert len(answer.content) < 2000


@pytest.mark.parametrize("route", ["/v1/jobs", "/txt2img"])
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"width": 7, "height": 7}, "width"),
        ({"width": 100_000, "height": 100_000}, "width"),
        ({"width": 10**4000}, "width"),
        ({"operation": "image_upscale"}, "operation"),
        ({"metadata": []}, "metadata"),
        ({"webhook": {"url": ""}}, "webhook.url"),
        ({"webhook": {"url": "http://x", "events": ["finished"]}}, "webhook.events.0"),
        ({"priority": "highest"}, "priority"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"deadline_s": 1e9}, "deadline_s"),
        ({"id": "mine"}, "id"),
        ({"image": 7}, "image"),
    ],
)
async def test_a_bad_field_of_a_job_is_refused_by_name(route: str, fields: dict[str, object], field: str) -> None:
    async with connect_to(SHARED) as client:
        answer = await client.post(route, json=GOOD | fields)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == field
    assert len(answer.content) < 2000


@pytest.mark.parametrize("route", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"prompt"',
        b'{"prompt": "\xff\xfe"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "a", "guidance": NaN}',
        b'{"prompt": "a", "guidance": 1e999}',
        b'{"prompt": "a", "guidance": Infinity}',
        b'{"prompt": "a", "seed": ' + b"1" * 5000 + b"}",
        b'{"prompt": "a", "loras": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"prompt": "a", "guidance": 1, "guidance_scale": 2}',
        b'{"prompt": "a", "seed": 9007199254740991}',
        b"{}",
    ],
)
async def test_a_broken_body_is_a_typed_error_and_the_service_goes_on(route: str, body: bytes) -> None:
    async with connect_to(SHARED) as client:
        answer = await client.post(route, content=body, headers=JSON)
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["code"] == "invalid_request"
        assert len(answer.content) < 2000
        assert (await client.post(route, json=GOOD)).is_success


async def test_the_error_tells_value_and_what_is_allowed() -> None:
    async with connect_to(SHARED) as client:
        answer = await client.post("/v1/jobs", json=GOOD | {"steps": 0})
    assert answer.json() == {
        "error": {
            "code": "invalid_request",
            "message": "steps: got 0, allowed: greater than or equal to 1",
            "field": "steps",
            "value": "0",
            "allowed": "greater than or equal to 1",
        }
    }


async def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    async with connect_to(SHARED) as client:
        answer = await client.post("/v1/jobs", json=GOOD | {"stepz": 5})
    assert "steps" in answer.json()["error"]["allowed"]


@pytest.mark.parametrize("route", POSTS)
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed", "nonsense"]
)
async def test_a_body_that_is_not_declared_json_is_415(route: str, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    async with connect_to(SHARED) as client:
        answer = await client.post(route, content=b'{"prompt": "a"}', headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/problem+json"])
async def test_json_may_be_declared_in_other_words(content_type: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/v1/jobs", content=b'{"prompt":"a"}', headers={"Content-Type": content_type})
    assert answer.status_code == 202


@pytest.mark.parametrize("route", POSTS)
async def test_a_declared_length_over_the_limit_is_413_before_the_body(route: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async with connect(ScriptedBackend(), max_body_bytes=2048) as client:
        answer = await client.post(route, content=body(), headers=JSON | {"Content-Length": "2049"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"


@pytest.mark.parametrize("route", POSTS)
async def test_an_undeclared_length_is_413_as_soon_as_it_passes_the_limit(route: str) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1024
            yield b" " * 1024

    async with connect(ScriptedBackend(), max_body_bytes=2048) as client:
        answer = await client.post(route, content=body(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "payload_too_large"
    assert sent <= 4096


async def test_an_unknown_model_is_404_and_tells_what_is_served() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/v1/jobs", json=GOOD | {"model": "dall-e-9"})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("model_not_found", "model")
    assert "sd15" in error["message"]


async def test_an_unknown_route_and_method_are_typed_too() -> None:
    async with connect(ScriptedBackend()) as client:
        missing = await client.get("/v2/everything")
        wrong = await client.put("/v1/jobs")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"]


async def test_a_defect_is_internal_with_an_id_that_finds_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    for url, shape in (
        ("/v1/jobs", {"code", "message"}),
        ("/v1/images/generations", {"code", "message", "type", "param"}),
    ):
        caplog.clear()
        async with connect(ScriptedBackend(fault=raising("submit", KeyError("secret")))) as client:
            with caplog.at_level(logging.ERROR):
                answer = await client.post(url, json=GOOD)
        assert answer.status_code == 500
        error = answer.json()["error"]
        assert set(error) == shape
        assert error["code"] == "internal"
        assert "secret" not in answer.text
        incident = error["message"].split()[-1]
        (record,) = caplog.records
        assert incident in record.getMessage()
        assert record.exc_info is not None
        assert answer.headers["x-content-type-options"] == "nosniff"
