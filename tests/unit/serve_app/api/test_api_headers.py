"""What every answer tells a browser, and what a page of another origin gets to see."""

import base64
import hashlib
import re

import pytest

from deployments.engine.errors import QueueFull
from serve_app.jobs.caller import Caller
from serve_app.jobs.tokens import new_key
from tests.unit.serve_app.api.reach import connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, raising
from tests.unit.serve_app.api.test_api_jobs import submit

_, KEY = new_key()
STUDIO = "https://studio.example"
JSON_PATHS = ("/v1/jobs", "/v1/models", "/v1/models/nope", "/nothing", "/health", "/openapi.json", "/v1/session")


async def test_every_answer_is_secured() -> None:
    async with connect(ScriptedBackend(fault=raising("jobs", KeyError("a defect")))) as client:
        image = f"/v1/jobs/{await submit(client)}/images/0"
        refused = connect(ScriptedBackend(), max_header_bytes=1024, peer="10.1.2.3")
        answers = [await client.get(path) for path in (*JSON_PATHS, image, "/", "/docs", "/v1/jobs")]
        answers += [await client.put("/v1/jobs"), await client.delete("/v1/session")]
        answers += [await refused.get("/v1/jobs"), await refused.get("/", headers={"X-Much": "a" * 2000})]
        await refused.aclose()
    assert {answer.status_code for answer in answers} >= {200, 204, 307, 403, 404, 405, 431, 500}
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe-eval" not in answer.headers["content-security-policy"]


async def test_json_is_kept_by_no_cache_and_images_are() -> None:
    async with connect(ScriptedBackend()) as client:
        for path in JSON_PATHS:
            assert (await client.get(path)).headers["cache-control"] == "no-store"
        image = await client.get(f"/v1/jobs/{await submit(client)}/images/0")
    assert "immutable" in image.headers["cache-control"]


async def test_the_docs_page_may_run_its_own_script_and_no_other() -> None:
    async with connect(ScriptedBackend()) as client:
        page = await client.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "url: '/openapi.json'" in script
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"


async def test_the_docs_page_needs_nothing_from_another_host() -> None:
    async with connect(ScriptedBackend()) as client:
        page = await client.get("/docs")
        assert "//" not in re.sub(r"<!--.*?-->|/\*.*?\*/", "", page.text, flags=re.DOTALL)
        sources = re.findall(r"(?:src|href)=\"(/[^\"]+)\"", page.text)
        assert len(sources) == 2
        for source in sources:
            answer = await client.get(source)
            assert answer.status_code == 200
            kept = await client.get(source, headers={"If-None-Match": answer.headers["etag"]})
            assert kept.status_code == 304


async def test_cors_is_off_unless_origins_are_named() -> None:
    origin = {"Origin": STUDIO}
    async with connect(ScriptedBackend()) as client:
        assert "access-control-allow-origin" not in (await client.get("/health", headers=origin)).headers
        preflight = origin | {"Access-Control-Request-Method": "POST"}
        assert "access-control-allow-origin" not in (await client.options("/v1/jobs", headers=preflight)).headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
async def test_a_page_of_a_named_origin_may_send_what_a_client_sends(method: str) -> None:
    wanted = "authorization, content-type, idempotency-key, last-event-id, x-api-key, x-stainless-os"
    preflight = {
        "Origin": STUDIO,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": wanted,
    }
    async with connect(ScriptedBackend(keys={KEY: Caller("alice")}), cors_origins=[STUDIO]) as client:
        answer = await client.options("/v1/jobs/a", headers=preflight)
        other = await client.options("/v1/jobs/a", headers=preflight | {"Origin": "https://evil.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == STUDIO
    assert method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == wanted
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in other.headers


async def test_a_page_of_a_named_origin_can_read_answers_and_refusals() -> None:
    backend = ScriptedBackend(keys={KEY: Caller("alice")}, fault=raising("jobs", QueueFull("full", 2)))
    async with connect(backend, cors_origins=[STUDIO]) as client:
        for headers, status in (({}, 401), ({"X-API-Key": KEY}, 429)):
            answer = await client.get("/v1/jobs", headers=headers | {"Origin": STUDIO})
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == STUDIO
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            assert "Retry-After" in answer.headers["access-control-expose-headers"]
