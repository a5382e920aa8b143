"""``darkroom serve --demo`` as a newcomer meets it: started once, used through every door, stopped by Ctrl-C."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from openai import OpenAI
from PIL import Image

from tests.e2e.running import DARKROOM, Running

EXAMPLES = Path(__file__).parents[2] / "examples"

README_JOB = {
    "operation": "image_generation",
    "hive_id": "localhost",
    "model": "stable-diffusion-v1-5",
    "prompt": "a beautiful sunset over mountains",
    "steps": 20,
    "width": 128,
    "height": 128,
}
LONG_JOB = {"prompt": "something that takes its time", "steps": 150, "width": 512, "height": 512}

BAD_INPUT = {
    "unknown model": (b'{"prompt": "x", "model": "nobody"}', 404, "model_not_found"),
    "unknown field": (b'{"prompt": "x", "stpes": 3}', 422, "invalid_request"),
    "no prompt": (b"{}", 422, "invalid_request"),
    "zero steps": (b'{"prompt": "x", "steps": 0}', 422, "invalid_request"),
    "7x7": (b'{"prompt": "x", "width": 7, "height": 7}', 422, "invalid_request"),
    "100000x100000": (b'{"prompt": "x", "width": 100000, "height": 100000}', 422, "invalid_request"),
    "1 MB prompt": (b'{"prompt": "' + b"x" * 10**6 + b'"}', 422, "invalid_request"),
    "steps as text": (b'{"prompt": "x", "steps": "20"}', 422, "invalid_request"),
    "prompt as a number": (b'{"prompt": 7}', 422, "invalid_request"),
    "a list": (b'["x"]', 422, "invalid_request"),
    "broken JSON": (b'{"prompt": "x"', 422, "invalid_request"),
    "not UTF-8": (b'{"prompt": "\xff"}', 422, "invalid_request"),
    "negative seed": (b'{"prompt": "x", "seed": -1}', 422, "invalid_request"),
    "NaN guidance": (b'{"prompt": "x", "guidance": NaN}', 422, "invalid_request"),
}


def picture(data: bytes) -> Image.Image:
    """The decoded image: an error if a byte of it is wrong."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def messages(service: Running, method: str, path: str, **options: Any) -> Iterator[httpx2.ServerSentEvent]:
    """What a conforming client of an event stream gets."""
    headers = {"Accept": "text/event-stream"}
    with service.http as http, http.stream(method, path, headers=headers, **options) as response:
        assert response.status_code == 200, response.read()
        yield from httpx2.EventSource(response, max_event_size=None)


def test_it_writes_a_first_picture_and_tells_where_it_serves(service: Running) -> None:
    image = picture((service.folder / "demo.png").read_bytes())

    assert (image.format, image.size) == ("PNG", (128, 128))
    assert "sd15: ready" in service.printed
    assert "step 20 of 20" in service.printed
    assert f"{service.url}/docs" in service.printed
    assert (service.folder / "darkroom-data").is_dir()
    assert "Traceback" not in service.printed


def test_the_job_of_the_readme_streams_every_step_previews_and_its_picture(service: Running) -> None:
    with service.http as http:
        accepted = http.post("/v1/jobs", json=README_JOB)
    assert accepted.status_code == 202
    assert set(accepted.json()) == {"job_id", "sse_url", "status", "status_url", "cancel_url"}

    *told, done = messages(service, "GET", accepted.json()["sse_url"])
    events = [json.loads(message.data) for message in told]

    assert done.data == "[DONE]"
    assert {message.event for message in told} == {"message"}  # all of it reaches EventSource.onmessage
    steps = [(event["step"], event["total"]) for event in events if event["event"] == "progress"]
    assert steps == [(step, 20) for step in range(1, 21)]
    previews = [event for event in events if event["event"] == "preview"]
    # the last step has the picture itself; who comes late gets the newest preview only
    assert [event["step"] for event in previews] == [5, 10, 15, 20][-len(previews) :]
    assert all(picture(base64.b64decode(event["image"])).format == "JPEG" for event in previews)
    complete = events[-1]
    assert complete["event"] == "complete"
    image = picture(base64.b64decode(complete["image"]))
    assert (image.format, image.size) == ("PNG", (128, 128))
    with service.http as http:
        assert http.get(complete["images"][0]["url"]).content == base64.b64decode(complete["image"])


def test_a_stream_resumes_after_any_event_and_ends_with_204(service: Running) -> None:
    with service.http as http:
        stream = http.post("/v1/jobs", json=README_JOB).json()["sse_url"]
        whole = list(messages(service, "GET", stream))
        again = list(messages(service, "GET", stream))  # now late: one preview, but all progress
        with http.stream("GET", stream, headers={"Last-Event-ID": again[-3].id}) as response:
            rest = list(httpx2.EventSource(response, max_event_size=None))
        at_the_end = http.get(stream, headers={"Last-Event-ID": whole[-1].id})

    assert [message.id for message in rest] == [message.id for message in again[-2:]]
    assert at_the_end.status_code == 204


def test_a_synchronous_stream_has_a_preview_every_five_steps(service: Running) -> None:
    *told, done = messages(service, "POST", "/txt2img", json={"prompt": "a red circle", "steps": 12})
    events = [json.loads(message.data) for message in told]

    previews = [event["step"] for event in events if event["event"] == "preview"]
    assert previews == [5, 10][-len(previews) :]  # a follower that comes late, on a busy machine, sees the newest
    assert previews
    assert [event["step"] for event in events if event["event"] == "progress"] == list(range(1, 13))
    assert (events[-1]["event"], done.data) == ("complete", "[DONE]")


def test_generate_writes_the_same_picture_for_the_same_seed(service: Running) -> None:
    first = service.darkroom("generate", "a red circle", "--size", "128", "--steps", "8", "--seed", "7")
    second = service.darkroom("generate", "a red circle", "--steps", "8", "--seed", "7", "-o", "again.png")

    assert first.returncode == 0, first.stderr
    assert first.stdout == "a-red-circle.png  (seed 7)\n"
    assert "step 8 of 8" in first.stderr
    assert second.returncode == 0, second.stderr
    pictures = [(service.folder / name).read_bytes() for name in ("a-red-circle.png", "again.png")]
    assert picture(pictures[0]).size == (128, 128)
    assert pictures[0] == pictures[1]


def test_models_and_jobs_tell_programs_what_there_is(service: Running) -> None:
    (model,) = json.loads(service.darkroom("models", "--json").stdout)["data"]
    jobs = json.loads(service.darkroom("jobs", "--json", "--status", "succeeded", "--limit", "1").stdout)["jobs"]

    assert (model["id"], model["state"], model["weights"]) == ("sd15", "ready", "demo")
    assert [job["status"] for job in jobs] == ["succeeded"]


def test_a_running_job_is_cancelled_by_its_id(service: Running) -> None:
    with service.http as http:
        job_id = http.post("/v1/jobs", json=LONG_JOB).json()["job_id"]

    cancelled = service.darkroom("cancel", job_id)

    assert (cancelled.returncode, cancelled.stdout) == (0, f"{job_id}: cancelled\n")
    *told, done = messages(service, "GET", f"/v1/jobs/{job_id}/stream")
    assert json.loads(told[-1].data) == {"event": "cancelled"}
    assert done.data == "[DONE]"


def test_ctrl_c_in_generate_cancels_its_job(service: Running) -> None:
    command = [DARKROOM, "generate", "a long one", "--steps", "150", "--size", "512", "--url", service.url]
    with subprocess.Popen(command, cwd=service.folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "started\n":
                process.send_signal(signal.SIGINT)
                break
        told = process.stderr.read()

    assert process.returncode == 130
    assert ": cancelled" in told
    with service.http as http:
        newest = http.get("/v1/jobs", params={"limit": 1}).json()["jobs"][0]
    assert (newest["request"]["prompt"], newest["status"]) == ("a long one", "cancelled")


def test_the_stock_openai_client_generates_and_streams(service: Running) -> None:
    with OpenAI(base_url=f"{service.url}/v1", api_key="none", max_retries=0) as client:
        made = client.images.generate(
            model="sd15", prompt="a red circle", size="128x128", n=2, extra_body={"steps": 4, "seed": 7}
        )
        streamed = list(
            client.images.generate(
                model="sd15",
                prompt="a red circle",
                size="128x128",
                stream=True,
                partial_images=2,
                extra_body={"steps": 12},
            )
        )

    assert made.data is not None
    assert [picture(base64.b64decode(image.b64_json or "")).size for image in made.data] == [(128, 128)] * 2
    assert [event.type for event in streamed] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert picture(base64.b64decode(streamed[-1].b64_json)).size == (128, 128)


@pytest.mark.parametrize(("body", "status", "code"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_gets_its_typed_error(service: Running, body: bytes, status: int, code: str) -> None:
    with service.http as http:
        answer = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert len(answer.content) < 2000  # it doesn't echo a megabyte


def test_after_all_that_the_service_goes_on(service: Running) -> None:
    with service.http as http:
        assert http.get("/health/ready").status_code == 200
        answer = http.post("/txt2img", json={"prompt": "x", "steps": 2}, headers={"Accept": "image/png"})

    assert picture(answer.content).size == (128, 128)


def test_the_openai_example_streams_partial_images(service: Running, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, EXAMPLES / "openai_stream.py", service.url, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    with Image.open(tmp_path / "lighthouse.png") as lighthouse, Image.open(tmp_path / "partial-1.jpg") as partial:
        assert (lighthouse.format, lighthouse.size) == ("PNG", (128, 128))
        assert partial.format == "JPEG"


def test_ctrl_c_ends_it_with_0_and_leaves_no_process_behind(service: Running) -> None:
    started = service.descendants()
    assert any("raylet" in process.name() for process in started)

    os.killpg(service.process.pid, signal.SIGINT)
    printed, _ = service.process.communicate()

    assert service.process.returncode == 0, printed
    assert printed.splitlines()[-1].startswith("Stopping")
    _, alive = psutil.wait_procs(started, timeout=20)
    assert alive == []
