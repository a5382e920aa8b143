"""One call, one answer: forms by Accept, errors by the job's end."""

import base64
import json

import pytest

from deployments.engine.errors import QueueFull
from serve_app.jobs.events import Error
from tests.unit.serve_app.api.reach import BASE, connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture, raising

BODY = {"prompt": "a red circle", "steps": 4, "seed": 7}


@pytest.mark.parametrize("route", ["/txt2img", "/execute"])
async def test_the_default_answer_is_json_with_base64_images(route: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post(route, json=BODY | {"n": 2})
    told = answer.json()
    assert answer.status_code == 200
    assert (told["seed"], told["model"]) == (7, "sd15")
    assert told["image"] == told["images"][0]["image"]
    assert base64.b64decode(told["images"][1]["image"], validate=True) == picture(128, 128, "png", 8)
    assert told["images"][1]["url"] == f"{BASE}/v1/jobs/{told['job_id']}/images/1"
    assert told["timings"]["denoise"] == 0.5


async def test_an_image_large_enough_for_a_thread_comes_whole() -> None:
    backend = ScriptedBackend(noisy=True)
    async with connect(backend) as client:
        told = (await client.post("/txt2img", json=BODY | {"width": 256, "height": 256})).json()
        raw = (await client.get(told["images"][0]["url"])).content
    assert len(raw) > 100_000
    assert base64.b64decode(told["image"], validate=True) == raw


async def test_accept_event_stream_answers_the_very_job_stream() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/txt2img", json=BODY, headers={"Accept": "text/event-stream"})
        again = await client.get(f"/v1/jobs/{answer.headers['x-job-id']}/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == again.content


@pytest.mark.parametrize(
    ("accept", "fields", "format_"),
    [
        ("image/*", {}, "png"),
        ("image/jpeg", {}, "jpeg"),
        ("image/webp, image/png;q=0.5", {}, "webp"),
        ("image/*", {"format": "webp"}, "webp"),
        ("image/*, application/json;q=0.1", {"format": "jpeg"}, "jpeg"),
    ],
)
async def test_accept_image_answers_the_bytes(accept: str, fields: dict[str, str], format_: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/txt2img", json=BODY | fields, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"image/{format_}"
    assert answer.content == picture(128, 128, format_, 7)
    assert answer.headers["x-seed"] == "7"
    assert answer.headers["x-job-id"]


async def test_an_image_answer_is_one_image() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/txt2img", json=BODY | {"n": 2}, headers={"Accept": "image/*"})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "n"


@pytest.mark.parametrize(("accept", "fields"), [("text/html", {}), ("image/jpeg", {"format": "png"})])
async def test_a_form_that_can_not_be_answered_is_406_before_any_work(accept: str, fields: dict[str, str]) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        answer = await client.post("/txt2img", json=BODY | fields, headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.json()["error"]["code"] == "not_acceptable"
    assert backend.submitted == []


async def test_a_synchronous_call_cancels_on_disconnect_unless_told_otherwise() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        await client.post("/txt2img", json=BODY)
        await client.post("/txt2img", json=BODY | {"on_disconnect": "detach"})
    assert [request.on_disconnect for request in backend.submitted] == ["cancel", "detach"]


@pytest.mark.parametrize(
    ("code", "status"), [("out_of_memory", 507), ("interrupted", 503), ("internal", 500), ("unheard_of", 500)]
)
async def test_a_failed_job_answers_its_code_and_that_codes_status(code: str, status: int) -> None:
    async with connect(ScriptedBackend(fail_with=Error(code, "it failed"))) as client:
        answer = await client.post("/txt2img", json=BODY)
    assert answer.status_code == status
    assert answer.json() == {"error": {"code": code, "message": "it failed"}}


async def test_a_cancelled_job_answers_409() -> None:
    backend = ScriptedBackend(hold_at=1, cancel_when_followed=True)
    async with connect(backend) as client:
        answer = await client.post("/txt2img", json=BODY)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "cancelled"


async def test_a_full_queue_answers_429_with_retry_after_in_every_form() -> None:
    for accept in ("application/json", "text/event-stream", "image/png"):
        async with connect(ScriptedBackend(fault=raising("submit", QueueFull("full", 2.2)))) as client:
            answer = await client.post("/txt2img", json=BODY, headers={"Accept": accept})
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "3"
        assert answer.json()["error"]["code"] == "queue_full"


@pytest.mark.parametrize("fields", [{"image": "AAAA"}, {"operation": "image_transform", "image": "AAAA"}])
async def test_txt2img_takes_no_image(fields: dict[str, str]) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/txt2img", json=BODY | fields)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] in {"image", "operation"}


async def test_a_stream_of_a_failed_job_is_still_a_stream() -> None:
    async with connect(ScriptedBackend(fail_with=Error("internal", "it failed"))) as client:
        answer = await client.post("/txt2img", json=BODY, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200
    assert json.loads(answer.text.split("\n\n")[-3].split("\n")[0].removeprefix("data: "))["event"] == "error"
