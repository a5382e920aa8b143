"""What one request, or one client, may take up; and ids, queries and methods that no route has."""

import json
from base64 import urlsafe_b64encode
from itertools import product
from pathlib import Path

import pytest

from serve_app.jobs.caller import Caller
from serve_app.jobs.tokens import new_key
from tests.unit.serve_app.api.reach import connect, serve
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture
from tests.unit.serve_app.api.test_api_jobs import BODY, submit
from tests.unit.serve_app.api.whole_service import whole_service

_, ALICE = new_key()
_, BOB = new_key()
KEYS = {ALICE: Caller("alice"), BOB: Caller("bob")}
STREAM = {"Accept": "text/event-stream"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_request_line_and_headers_over_the_bound_are_431() -> None:
    async with connect(ScriptedBackend(), max_header_bytes=2048) as client:
        assert (await client.get("/v1/jobs", headers={"X-Much": "a" * 1500})).status_code == 200
        for request in (
            client.get("/v1/jobs", headers={"X-Much": "a" * 2048}),
            client.get("/v1/jobs", headers={f"X-Much-{i}": "a" for i in range(200)}),
            client.get("/v1/jobs", params={"model": "a" * 2048}),
            client.get("/health", headers={"X-Much": "a" * 2048}),
        ):
            answer = await request
            assert (answer.status_code, answer.json()["error"]["code"]) == (431, "headers_too_large")
        answer = await client.get("/v1/models", headers={"X-Much": "a" * 2048})
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_a_client_has_so_many_streams_and_a_place_that_is_left_is_free() -> None:
    backend = ScriptedBackend(hold_at=1, keys=KEYS)
    async with serve(backend, streams_per_client=2) as client:
        client.headers.update(bearer(ALICE))
        url = f"/v1/jobs/{await submit(client)}/stream"
        async with client.stream("GET", url), client.stream("GET", url):
            submitted = len(backend.submitted)
            for refused in (
                await client.get(url),
                await client.post("/txt2img", json=BODY, headers=STREAM),
                await client.post("/v1/images/generations", json={"prompt": "a", "stream": True}),
            ):
                assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_streams")
                assert int(refused.headers["retry-after"]) > 0
            assert len(backend.submitted) == submitted  # no job was begun for nothing
            async with client.stream("GET", url, headers=bearer(BOB)) as others:
                assert others.status_code == 200
        await until_nobody_follows(backend)
        async with client.stream("GET", url) as again:
            assert again.status_code == 200


async def test_streams_that_end_leave_their_places() -> None:
    async with serve(ScriptedBackend(), streams_per_client=1) as client:
        url = f"/v1/jobs/{await submit(client)}/stream"
        for _ in range(3):
            assert (await client.get(url)).status_code == 200
            assert (await client.post("/txt2img", json=BODY, headers=STREAM)).status_code == 200


async def test_a_job_stream_that_has_sent_its_share_ends_and_goes_on_where_the_client_resumes_it() -> None:
    backend = ScriptedBackend(paced=True)
    async with serve(backend, stream_bytes=2048) as client:
        job_id = await submit(client, steps=100, preview_every=10)
        lines: list[str] = []
        connections, last_id = 0, ""
        while "data: [DONE]" not in lines:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            answer = await client.get(f"/v1/jobs/{job_id}/stream", headers=headers)
            assert answer.status_code == 200
            assert answer.text.endswith("\n\n")  # no event is cut
            lines += answer.text.split("\n")
            last_id = [line for line in lines if line.startswith("id: ")][-1].removeprefix("id: ")
            connections += 1
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    assert connections > 3
    assert [event["step"] for event in told if event["event"] == "progress"] == list(range(1, 101))
    assert told[-1]["event"] == "complete"


async def test_a_stream_that_can_not_be_resumed_tells_that_it_has_sent_its_share() -> None:
    body = BODY | {"steps": 100, "preview_every": 10}
    async with serve(ScriptedBackend(paced=True), stream_bytes=2048) as client:
        answer = await client.post("/txt2img", json=body, headers=STREAM)
        event = json.loads(answer.text.strip().split("\n\n")[-1].split("\n")[0].removeprefix("data: "))
        assert (event["event"], event["code"]) == ("error", "stream_too_long")
        assert answer.headers["x-job-id"]


async def test_the_end_of_a_job_is_told_however_much_was_sent() -> None:
    async with serve(ScriptedBackend(), stream_bytes=1024) as client:
        answer = await client.post("/txt2img", json=BODY, headers=STREAM)
        assert answer.text.strip().split("\n\n")[-1].startswith("data: [DONE]")


WEIRD = ["%00", "a%00b", "a%0A", "%E2%80%AE", "a" * 65, "a%20b", "a'--", "ж", "%FF", "a%3Fb"]


async def test_what_no_job_can_be_called_is_no_job(url: str, tmp_path: Path) -> None:
    routes = [("GET", ""), ("GET", "/stream"), ("GET", "/images/0"), ("POST", "/cancel"), ("DELETE", "")]
    async with whole_service(tmp_path, url) as service, connect(service) as client:
        for job_id, (method, path) in product(WEIRD, routes):
            answer = await client.request(method, f"/v1/jobs/{job_id}{path}")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found"), (method, job_id)


def cursor(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


QUERIES: list[tuple[dict[str, str], int]] = [
    ({"cursor": "\0"}, 422),
    ({"cursor": cursor([1.0, "a\0b"])}, 422),
    ({"cursor": cursor([1.0, ""])}, 422),
    ({"cursor": cursor([1.0, "a" * 65])}, 422),
    ({"cursor": cursor([1.0, ["a"]])}, 422),
    ({"cursor": cursor([1e308 * 10, "a"])}, 422),
    ({"cursor": cursor(["nan", "a"])}, 422),
    ({"cursor": cursor({"a": 1, "b": 2})}, 422),
    ({"cursor": cursor([1.0, "a"])}, 200),
    ({"model": "\0"}, 404),
    ({"model": "sd15\0"}, 404),
    ({"status": "queued\0"}, 422),
    ({"limit": "1\0"}, 422),
    ({"unheard\0of": "\0"}, 200),
]


async def test_a_query_with_what_a_database_can_not_hold_is_refused(url: str, tmp_path: Path) -> None:
    async with whole_service(tmp_path, url) as service, connect(service) as client:
        for params, status in QUERIES:
            answer = await client.get("/v1/jobs", params=params)
            assert answer.status_code == status, (params, answer.text)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/jobs", "GET, POST"),
        ("PATCH", "/v1/jobs", "GET, POST"),
        ("POST", "/v1/jobs/a", "GET, PUT, DELETE"),
        ("PUT", "/v1/jobs/a/cancel", "POST"),
        ("DELETE", "/v1/jobs/a/images/0", "GET, HEAD"),
        ("GET", "/txt2img", "POST"),
        ("PUT", "/v1/session", "GET, POST, DELETE"),
        ("POST", "/v1/models/a/b", "GET"),
        ("DELETE", "/health", "GET, HEAD"),
        ("BREW", "/health/ready", "GET, HEAD"),
        ("HEAD", "/v1/jobs", "GET, POST"),
    ],
)
async def test_a_wrong_method_is_answered_with_all_that_the_path_has(method: str, path: str, allowed: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_head_answers_what_a_get_would_without_reading_the_image() -> None:
    backend = ScriptedBackend()
    async with serve(backend) as client:
        for path in ("/health", "/health/ready"):
            answer = await client.head(path)
            assert (answer.status_code, answer.content) == (200, b"")
        url = f"/v1/jobs/{await submit(client)}/images/0"
        got = await client.get(url)
        backend.calls.clear()
        answer = await client.head(url)
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) == len(got.content) == len(picture(128, 128, "png", 7))
        same = ("content-type", "content-length", "etag", "cache-control")
        assert [answer.headers[name] for name in same] == [got.headers[name] for name in same]
        assert (await client.head(url, headers={"If-None-Match": got.headers["etag"]})).status_code == 304
        assert "image" not in backend.calls
        assert (await client.head(url.replace("/0", "/1"))).status_code == 404


async def until_nobody_follows(backend: ScriptedBackend) -> None:
    while backend.followers:
        backend.abandoned.clear()
        await backend.abandoned.wait()
