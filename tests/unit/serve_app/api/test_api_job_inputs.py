"""The pictures that came with a job come back."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from deployments.engine.pictures import FORMATS
from serve_app.jobs.job import JobStatus
from serve_app.jobs.sweep import blob_folder
from tests.unit.serve_app.api.reach import BASE, connect
from tests.unit.serve_app.api.scripted_backend import ScriptedBackend
from tests.unit.serve_app.api.test_api_jobs import submit
from tests.unit.serve_app.in_process import whole_service


def encoded(kind: str = "png", colour: str = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(buffer, kind)
    return buffer.getvalue()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("kind", [name.lower() for name in FORMATS])
async def test_a_picture_comes_back_as_it_came_with_its_own_type(kind: str) -> None:
    async with connect(ScriptedBackend()) as client:
        job_id = await submit(client, image=text(encoded(kind)), mask=text(encoded("png", "white")))
        answer = await client.get(f"/v1/jobs/{job_id}/inputs/image")
        mask = await client.get(f"/v1/jobs/{job_id}/inputs/mask")
    assert (answer.content, answer.headers["content-type"]) == (encoded(kind), f"image/{kind}")
    assert (mask.content, mask.headers["content-type"]) == (encoded("png", "white"), "image/png")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


async def test_a_job_links_to_what_came_with_it_and_to_nothing_else() -> None:
    async with connect(ScriptedBackend()) as client:
        plain, transformed = await submit(client), await submit(client, image=text(encoded()))
        jobs = {job["job_id"]: job for job in (await client.get("/v1/jobs")).json()["jobs"]}
        assert jobs[plain]["inputs"] == {}
        assert jobs[transformed]["inputs"] == {"image": f"{BASE}/v1/jobs/{transformed}/inputs/image"}
        assert (await client.get(jobs[transformed]["inputs"]["image"])).status_code == 200


async def test_a_picture_that_the_client_has_is_not_read_again() -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        job_id = await submit(client, image=text(encoded()), mask=text(encoded()))
        image, mask = [await client.get(f"/v1/jobs/{job_id}/inputs/{name}") for name in ("image", "mask")]
        assert image.headers["etag"] != mask.headers["etag"]
        backend.calls.clear()
        held = {"If-None-Match": image.headers["etag"]}
        answer = await client.get(f"/v1/jobs/{job_id}/inputs/image", headers=held)
        assert (answer.status_code, answer.content) == (304, b"")
        assert "input" not in backend.calls
        assert (await client.get(f"/v1/jobs/{job_id}/inputs/mask", headers=held)).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
async def test_a_picture_that_never_came_is_404_and_one_that_has_expired_410(headers: dict[str, str]) -> None:
    backend = ScriptedBackend()
    async with connect(backend) as client:
        job_id = await submit(client, image=text(encoded()))
        for path in (f"{job_id}/inputs/mask", f"{await submit(client)}/inputs/image", "nobodys/inputs/image"):
            answer = await client.get(f"/v1/jobs/{path}", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "job_not_found")
        backend.expire(job_id)
        answer = await client.get(f"/v1/jobs/{job_id}/inputs/image", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")
        assert (await client.get(f"/v1/jobs/{job_id}/inputs/picture", headers=headers)).status_code == 422


async def test_a_job_that_failed_keeps_its_pictures_until_its_images_would_go(tmp_path: Path) -> None:
    async with whole_service(tmp_path) as (house, backend), connect(backend) as client:
        job_id = await submit(client, prompt="fail", image=text(encoded()))
        await client.get(f"/v1/jobs/{job_id}/stream")
        job = (await client.get(f"/v1/jobs/{job_id}")).json()
        assert job["status"] == JobStatus.FAILED
        assert (await client.get(job["inputs"]["image"])).content == encoded()
        await house.blobs.delete_prefix(blob_folder(job_id))
        assert (await client.get(job["inputs"]["image"])).status_code == 410
