"""The job API: submit, look, list, cancel, delete, fetch images."""

import httpx2
import pytest

from serve_app.jobs.events import Error
from tests.unit.serve_app.api.reach import BASE, connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend, picture

BODY = {"model": "sd15", "prompt": "a red circle", "steps": 4, "seed": 7}


async def submit(client: httpx2.AsyncClient, **changes: object) -> str:
    answer = await client.post("/v1/jobs", json=BODY | changes)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def test_a_submission_answers_202_with_absolute_links() -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/v1/jobs", json=BODY)
    told = answer.json()
    base = f"{BASE}/v1/jobs/{told['job_id']}"
    assert answer.status_code == 202
    assert told == {
        "job_id": told["job_id"],
        "sse_url": f"{base}/stream",
        "status": "queued",
        "status_url": base,
        "cancel_url": f"{base}/cancel",
    }


async def test_the_flat_body_of_existing_clients_is_taken_as_it_is() -> None:
    backend = ScriptedBackend()
    body = {
        "operation": "image_generation",
        "hive_id": "localhost",
        "model": "stable-diffusion-v1-5",
        "prompt": "a beautiful sunset over mountains",
        "steps": 20,
        "width": 128,
        "height": 128,
        "guidance_scale": 3,
        "metadata": {"who": "me"},
    }
    async with connect(backend) as client:
        answer = await client.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    (request,) = backend.submitted
    assert request.generation.model == "sd15"
    assert request.generation.guidance == 3.0
    assert request.metadata == {"who": "me"}
    assert request.on_disconnect == "detach"


async def test_a_finished_job_tells_images_timings_and_resolved_parameters() -> None:
    async with connect(ScriptedBackend()) as client:
        job_id = await submit(client, n=2)
        job = (await client.get(f"/v1/jobs/{job_id}")).json()
    assert job["status"] == "succeeded"
    assert [image["seed"] for image in job["images"]] == [7, 8]
    assert job["images"][1]["url"] == f"{BASE}/v1/jobs/{job_id}/images/1"
    assert job["request"]["width"] == 128
    assert job["request"]["guidance"] == 3.0
    assert "id" not in job["request"]
    assert job["timings"]["denoise"] == 0.5


async def test_the_parameters_that_a_job_tells_make_the_same_picture_again() -> None:
    backend = ScriptedBackend()
    backend.cards[0] = backend.cards[0].override({"capabilities": {"lora": True}})
    wanted = {"negative_prompt": "blur", "sampler": "euler", "loras": [{"name": "ink", "scale": 0.5}], "n": 2}
    async with connect(backend) as client:
        told = (await client.get(f"/v1/jobs/{await submit(client, **wanted)}")).json()["request"]
        again = (await client.get(f"/v1/jobs/{await submit(client, **told)}")).json()["request"]
    assert told["loras"] == [{"name": "ink", "scale": 0.5}]
    assert told == again


async def test_a_running_job_tells_its_progress() -> None:
    async with connect(ScriptedBackend(hold_at=2)) as client:
        job = (await client.get(f"/v1/jobs/{await submit(client)}")).json()
    assert job["status"] == "running"
    assert job["progress"] == {"step": 2, "total": 4}


async def test_a_failed_job_tells_why() -> None:
    async with connect(ScriptedBackend(fail_with=Error("out_of_memory", "too large"))) as client:
        job = (await client.get(f"/v1/jobs/{await submit(client)}")).json()
    assert job["status"] == "failed"
    assert job["error"] == {"code": "out_of_memory", "message": "too large"}


async def test_jobs_are_listed_newest_first_in_pages() -> None:
    async with connect(ScriptedBackend()) as client:
        ids = [await submit(client) for _ in range(3)]
        first = (await client.get("/v1/jobs", params={"limit": 2, "status": "succeeded", "model": "v1-5"})).json()
        rest = (await client.get("/v1/jobs", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [job["job_id"] for job in first["jobs"] + rest["jobs"]] == ids[::-1]
    assert rest["next_cursor"] is None


async def test_a_text_is_looked_for_in_prompts_beside_the_other_filters() -> None:
    async with connect(ScriptedBackend()) as client:
        red = [await submit(client, prompt=f"A Red circle {number}") for number in range(3)]
        await submit(client, prompt="a blue circle")
        await submit(client, prompt="a red circle", model="flux-schnell")
        wanted = {"text": "red c", "model": "sd15", "status": "succeeded", "limit": 2}
        first = (await client.get("/v1/jobs", params=wanted)).json()
        rest = (await client.get("/v1/jobs", params=wanted | {"cursor": first["next_cursor"]})).json()
    assert [job["job_id"] for job in first["jobs"] + rest["jobs"]] == red[::-1]


@pytest.mark.parametrize(
    "params", [{"limit": "0"}, {"limit": "x"}, {"status": "asleep"}, {"text": ""}, {"text": "x" * 201}]
)
async def test_a_bad_query_names_the_parameter(params: dict[str, str]) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.get("/v1/jobs", params=params)
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == next(iter(params))


async def test_cancel_answers_the_state_that_won() -> None:
    async with connect(ScriptedBackend(hold_at=1)) as client:
        job_id = await submit(client)
        assert (await client.post(f"/v1/jobs/{job_id}/cancel")).json()["status"] == "cancelled"
    async with connect(ScriptedBackend()) as client:
        job_id = await submit(client)
        assert (await client.post(f"/v1/jobs/{job_id}/cancel")).json()["status"] == "succeeded"


async def test_a_deleted_job_is_gone() -> None:
    async with connect(ScriptedBackend(hold_at=1)) as client:
        job_id = await submit(client)
        deleted = await client.delete(f"/v1/jobs/{job_id}")
        assert (deleted.status_code, deleted.content) == (204, b"")
        answer = await client.get(f"/v1/jobs/{job_id}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "job_not_found"


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
async def test_an_image_comes_with_its_type_and_may_be_cached_for_good(format_: str) -> None:
    async with connect(ScriptedBackend()) as client:
        job_id = await submit(client, format=format_)
        answer = await client.get(f"/v1/jobs/{job_id}/images/0")
    assert answer.content == picture(128, 128, format_, 7)
    assert answer.headers["content-type"] == f"image/{format_}"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "private" in answer.headers["cache-control"]
    assert "immutable" in answer.headers["cache-control"]


async def test_a_matching_etag_answers_304_without_reading_the_image() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        url = f"/v1/jobs/{await submit(client)}/images/0"
        etag = (await client.get(url)).headers["etag"]
        backend.calls.clear()
        for held in (etag, f'"other", W/{etag}', "*"):
            answer = await client.get(url, headers={"If-None-Match": held})
            assert (answer.status_code, answer.content) == (304, b"")
            assert answer.headers["etag"] == etag
        assert "image" not in backend.calls
        assert (await client.get(url, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_an_image_that_is_not_there_is_404_and_an_expired_one_410() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        job_id = await submit(client)
        assert (await client.get(f"/v1/jobs/{job_id}/images/1")).status_code == 404
        backend.expire(job_id)
        for headers in ({}, {"If-None-Match": "*"}):
            answer = await client.get(f"/v1/jobs/{job_id}/images/0", headers=headers)
            assert answer.status_code == 410
            assert answer.json()["error"]["code"] == "gone"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"operation": "image_transform"}, "image", "invalid_request"),
        ({"operation": "image_inpaint", "image": "AAAA"}, "mask", "invalid_request"),
        ({"operation": "image_generation", "image": "AAAA"}, "image", "invalid_request"),
        ({"mask": "AAAA"}, "image", "invalid_request"),
    ],
)
async def test_operation_images_and_model_must_go_together(changes: dict[str, str], field: str, code: str) -> None:
    async with connect(ScriptedBackend()) as client:
        answer = await client.post("/v1/jobs", json=BODY | changes)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert (error["field"], error["code"]) == (field, code)
