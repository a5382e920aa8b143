"""The whole application on real Ray: two demo models, deployed from the shipped config file."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import yaml
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageChops
from ray import serve
from typer.testing import CliRunner

from deployments.demo import demo_folder
from deployments.engine.errors import InvalidRequest
from deployments.engine.events import Completed, ImageReady, Preview, Progress, Started
from deployments.engine.request import GenerationRequest
from serve_app.cli import app
from tests.serve.service import Node, Service, eventually, service
from tests.unit.deployments.engine.lora_files import write_diffusers

LONG: dict[str, Any] = {"model": "sd15", "steps": 150, "width": 512, "height": 512}
"""Takes minutes here: whatever ends it within a test did so from outside."""


@pytest.fixture(scope="module")
def darkroom(node: Node, data: Path) -> Iterator[Service]:
    config = yaml.safe_load((Path(__file__).parents[3] / "config/demo.yaml").read_text())
    args = config["applications"][0]["args"]
    args["data"] = str(data)
    args["models"] = [model for model in args["models"] if model["id"] in ("sd15", "flux-schnell")]
    (data / "loras").mkdir()
    write_diffusers(StableDiffusionPipeline.from_pretrained(demo_folder("sd15")), data / "loras", "ink")
    args["models"][0]["loras"] = str(data / "loras")
    args["models"][0]["checkpoint_every_s"] = 0
    with service(node, config) as running:
        yield running


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def until_it_runs(darkroom: Service, job_id: str) -> None:
    for event in darkroom.events(job_id):
        if event["event"] == "progress":
            return
    raise AssertionError("it ended before its first step")


def test_a_job_develops_into_a_png(darkroom: Service) -> None:
    job_id = darkroom.submit(model="stable-diffusion-v1-5", steps=10, width=128, height=128, preview_every=5)
    events = list(darkroom.events(job_id))
    assert [event["step"] for event in events if event["event"] == "progress"] == list(range(1, 11))
    assert any(event["event"] == "preview" for event in events)
    assert events[-1]["event"] == "complete"
    answer = darkroom.http.get(events[-1]["images"][0]["url"])
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (128, 128)


def test_a_job_is_found_by_its_prompt_shown_small_and_gives_its_picture_back(darkroom: Service) -> None:
    teal = png(Image.new("RGB", (128, 128), (0, 128, 128)))
    body = {"prompt": "a Lighthouse", "model": "sd15", "steps": "4"}
    job = darkroom.http.post("/v1/jobs", data=body, files={"image": ("image", teal, "image/png")}).json()
    assert list(darkroom.events(job["job_id"]))[-1]["event"] == "complete"
    (found,) = darkroom.http.get("/v1/jobs", params={"text": "lightHOUSE"}).json()["jobs"]
    assert darkroom.http.get(found["inputs"]["image"]).content == teal
    small = darkroom.http.get(found["images"][0]["url"], params={"width": 64})
    assert Image.open(io.BytesIO(small.content)).size == (64, 64)
    worked = {one["model"]: one["total"] for one in darkroom.http.get("/v1/activity").json()["data"]}
    assert worked["sd15"]["images"] >= 1
    assert worked["flux-schnell"]["submitted"] == 0


def test_without_keys_this_machine_alone_is_answered(darkroom: Service) -> None:
    assert darkroom.http.get("/v1/session").json() == {"client": "@127.0.0.1", "admin": False}
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": "10.1.2.3"}):
        assert darkroom.http.get("/v1/session", headers=headers).status_code == 403
        assert darkroom.http.get("/health/ready", headers=headers).status_code == 200
    assert darkroom.http.head("/health").status_code == 200


def test_a_key_made_beside_the_running_service_locks_it_and_ends_when_it_is_revoked(
    darkroom: Service, data: Path
) -> None:
    def keys(*arguments: str) -> str:
        return str(CliRunner().invoke(app, ["keys", *arguments, "--data", str(data)]).stdout).strip()

    def status(**headers: str) -> int:
        return darkroom.http.get("/v1/jobs", headers=headers).status_code

    key = keys("create", "alice")
    bearer = {"Authorization": f"Bearer {key}"}
    try:
        assert status(**bearer) == 200
        eventually(lambda: status() == 401, within_s=5)
        answer = darkroom.http.post("/v1/session", json={"key": key})
        assert answer.json() == {"client": "alice", "admin": False}
        assert status() == 200  # by the cookie
        job_id = darkroom.http.post("/v1/jobs", json={"prompt": "a", "steps": 2}, headers=bearer).json()["job_id"]
        assert list(darkroom.events(job_id))[-1]["event"] == "complete"
        darkroom.http.cookies.clear()
        assert darkroom.http.get(f"/v1/jobs/{job_id}").status_code == 401
    finally:
        keys("revoke", key.split("_")[1])
    eventually(lambda: status(**bearer) == 401, within_s=5)
    eventually(lambda: status() == 200, within_s=5)  # no key is left
    assert darkroom.http.get(f"/v1/jobs/{job_id}").status_code == 404  # alice's


def test_a_job_is_in_the_metrics_and_in_the_log_of_every_process_that_it_went_through(darkroom: Service) -> None:
    done = darkroom.submit(model="sd15", steps=6, preview_every=2, n=2)
    assert list(darkroom.events(done))[-1]["event"] == "complete"
    dropped = darkroom.submit(**LONG)
    until_it_runs(darkroom, dropped)
    darkroom.http.post(f"/v1/jobs/{dropped}/cancel")

    def metric(name: str, **labels: str) -> float:
        return eventually(lambda: darkroom.metric(name, **labels))  # Ray tells about every second here

    assert metric("darkroom_jobs_ended_total", model="sd15", status="succeeded", code="") >= 1
    assert metric("darkroom_jobs_ended_total", model="sd15", status="cancelled", code="") >= 1
    assert metric("darkroom_images_total", model="sd15", deployment="Router") >= 2
    assert metric("darkroom_replicas", model="sd15") == 1
    for histogram in ("admission_wait", "first_preview", "job", "cancel"):
        name = f"darkroom_{histogram}_seconds"
        assert metric(f"{name}_count", model="sd15") >= metric(f"{name}_bucket", model="sd15", le="1800.0") >= 1
    assert metric("darkroom_forward_images_total", model="sd15", deployment="model-sd15") >= 12
    assert 0 < metric("darkroom_forward_seconds_total", model="sd15") / metric("darkroom_forwards_total") < 60
    route = {"route": "/v1/jobs/{job_id}/stream", "method": "GET", "status": "200", "deployment": "Ingress"}
    assert metric("darkroom_http_requests_total", **route) >= 2

    for deployment, ends in (("Router", "succeeded"), ("model-sd15", "completed")):
        (line,) = [line for line in darkroom.log_lines(deployment) if line.get("job") == done and ends in str(line)]
        assert (line["deployment"], line["attempt"], line["level"]) == (deployment, 1, "INFO")
    assert any(line.get("route") == "/v1/jobs" for line in darkroom.log_lines("Ingress"))


def test_a_picture_is_repainted_where_the_mask_is_white(darkroom: Service) -> None:
    teal, mask = Image.new("RGB", (128, 128), (0, 128, 128)), Image.new("L", (128, 128))
    mask.paste(255, (64, 0, 128, 128))
    files = {name: (name, png(image), "image/png") for name, image in (("image", teal), ("mask", mask))}
    data = {"prompt": "a red circle", "model": "sd15", "steps": "4", "seed": "7"}
    answer = darkroom.http.post("/inpaint", data=data, files=files, headers={"Accept": "image/png"})
    assert answer.status_code == 200, answer.text
    left = Image.open(io.BytesIO(answer.content)).crop((0, 0, 48, 128)).resize((1, 1), Image.Resampling.BOX)
    assert max(abs(ours - asked) for ours, asked in zip(left.getpixel((0, 0)), (0, 128, 128), strict=True)) < 25
    job = darkroom.http.get(f"/v1/jobs/{answer.headers['x-job-id']}").json()
    assert job["operation"] == "image_inpaint"
    assert job["request"]["image"] == {"width": 128, "height": 128}


def test_a_lora_of_the_configured_folder_changes_the_picture_and_an_unknown_one_is_refused(darkroom: Service) -> None:
    body = {"prompt": "a red circle", "model": "sd15", "steps": 4, "seed": 7}
    plain, inked = (
        darkroom.http.post("/txt2img", json=body | {"loras": loras}, headers={"Accept": "image/png"})
        for loras in ([], [{"name": "ink", "scale": 1.0}])
    )
    assert (plain.status_code, inked.status_code) == (200, 200), inked.text
    assert plain.content != inked.content
    for model, name in (("sd15", "oil"), ("flux-schnell", "ink")):
        refused = darkroom.http.post("/txt2img", json=body | {"model": model, "loras": [{"name": name}]})
        assert refused.status_code == 422
        assert name in refused.json()["error"]["message"]


def test_a_handle_takes_a_picture(darkroom: Service) -> None:
    handle = serve.get_app_handle("darkroom")
    teal = Image.new("RGB", (128, 96), (0, 128, 128))
    wish = {"prompt": "a red circle", "model": "flux-schnell", "image": teal, "strength": 0.25}
    result = handle.generate.remote(**wish).result(timeout_s=60)
    assert result.images[0].size == (128, 96)


def test_the_ingress_and_the_router_hold_no_torch(darkroom: Service) -> None:
    def holds_torch(_replica: Any) -> bool:
        return "torch" in sys.modules

    for deployment, expected in (("Ingress", False), ("Router", False), ("model-sd15", True)):
        (replica,) = darkroom.replicas(deployment)
        assert ray.get(replica.__ray_call__.remote(holds_torch)) is expected, deployment


def test_a_handle_generates(darkroom: Service) -> None:
    handle = serve.get_app_handle("darkroom")
    request = GenerationRequest(prompt="a red circle", model="flux-schnell", seed=7, n=2, steps=2)
    result = handle.generate.remote(request).result(timeout_s=60)
    assert result.id == request.id
    assert result.seeds == (7, 8)
    assert [(image.mode, image.size) for image in result.images] == [("RGB", (128, 128))] * 2
    again = handle.generate.remote(prompt="a red circle", model="flux-schnell", seed=7, steps=2).result(timeout_s=60)
    differences = ImageChops.difference(again.images[0], result.images[0]).getextrema()
    assert all(most <= 1 for _, most in differences)  # alone now, in a batch before


def test_a_handle_streams(darkroom: Service) -> None:
    handle = serve.get_app_handle("darkroom").options(stream=True)
    events = list(handle.stream.remote(prompt="a red circle", model="sd15", steps=4, preview_every=2))
    assert isinstance(events[0], Started)
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
    assert any(isinstance(event, Preview) for event in events)
    (ready,) = [event for event in events if isinstance(event, ImageReady)]
    assert ready.image.size == (128, 128)
    assert isinstance(events[-1], Completed)


def test_a_handle_raises_the_typed_error(darkroom: Service) -> None:
    handle = serve.get_app_handle("darkroom")
    with pytest.raises(InvalidRequest, match="width"):
        handle.generate.remote(prompt="a red circle", width=7).result(timeout_s=60)
    with pytest.raises(InvalidRequest, match="no_such_field"):
        handle.generate.remote(prompt="a red circle", no_such_field=1).result(timeout_s=60)


def test_a_cancel_reaches_the_engine(darkroom: Service) -> None:
    job_id = darkroom.submit(**LONG)
    until_it_runs(darkroom, job_id)
    answer = darkroom.http.post(f"/v1/jobs/{job_id}/cancel")
    assert answer.json()["status"] == "cancelled"
    assert list(darkroom.events(job_id))[-1]["event"] == "cancelled"
    eventually(lambda: [worker["running"] for worker in darkroom.workers("sd15")] == [0])


def test_a_handle_that_goes_away_reaches_the_engine(darkroom: Service) -> None:
    handle = serve.get_app_handle("darkroom").options(stream=True)
    stream = handle.stream.remote(prompt="a red circle", **LONG)
    while not isinstance(event := next(stream), Progress):
        pass
    stream.cancel()
    eventually(lambda: darkroom.job(event.id)["status"] == "cancelled")
    eventually(lambda: [worker["running"] for worker in darkroom.workers("sd15")] == [0])


LONGER: dict[str, Any] = {"model": "sd15", "steps": 60, "width": 256, "height": 256, "seed": 7}
"""Takes seconds: long enough to kill what develops it."""


@pytest.fixture(scope="module")
def undisturbed(darkroom: Service) -> bytes:
    """The picture of :data:`LONGER`."""
    job_id = darkroom.submit(**LONGER)
    assert list(darkroom.events(job_id))[-1]["event"] == "complete"
    return darkroom.http.get(f"/v1/jobs/{job_id}/images/0").content


def test_a_model_replica_killed_in_mid_job_costs_the_steps_since_the_last_saved_state_and_no_pixel(
    darkroom: Service, undisturbed: bytes
) -> None:
    job_id = darkroom.submit(**LONGER)
    events = darkroom.events(job_id)
    while (event := next(events))["event"] != "progress" or event["step"] < 20:
        pass
    (replica,) = darkroom.replicas("model-sd15")
    ray.kill(replica)
    told = list(events)
    (restarted,) = [event for event in told if event["event"] == "restarted"]
    assert restarted["attempt"] == 2
    assert restarted["step"] >= 15
    after = told[told.index(restarted) :]
    assert next(event for event in after if event["event"] == "progress")["step"] == restarted["step"] + 1
    assert told[-1]["event"] == "complete"
    assert darkroom.http.get(f"/v1/jobs/{job_id}/images/0").content == undisturbed


def test_a_router_killed_in_mid_job_costs_no_job_no_stream_and_no_pixel(darkroom: Service, undisturbed: bytes) -> None:
    job_id = darkroom.submit(**LONGER)
    events = darkroom.events(job_id)
    while next(events)["event"] != "progress":
        pass
    (router,) = darkroom.replicas("Router")
    ray.kill(router)
    told = list(events)
    (restarted,) = [event for event in told if event["event"] == "restarted"]
    assert (restarted["attempt"], restarted["reason"]) == (2, "the service restarted")
    assert told[-1]["event"] == "complete"
    assert darkroom.job(job_id)["attempt"] == 2
    assert darkroom.http.get(f"/v1/jobs/{job_id}/images/0").content == undisturbed
    eventually(lambda: [worker["running"] for worker in darkroom.workers("sd15")] == [0])
