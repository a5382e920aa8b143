"""Requests go to the replica that holds their LoRA, on real Ray: two replicas, each with a LoRA of its own."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.serve.lora_app import SHADES, WAIT
from tests.serve.service import Node, Service, eventually, service

BATCH = 2


@pytest.fixture(scope="module")
def darkroom(node: Node, data: Path) -> Iterator[Service]:
    (data / "loras").mkdir()
    model = {
        "id": "sd15",
        "weights": "demo",
        "min_replicas": len(SHADES),
        "max_replicas": len(SHADES),
        "max_batch": BATCH,
        "prefetch": 2,
        "loras": str(data / "loras"),
    }
    application = {
        "name": "darkroom",
        "import_path": "tests.serve.lora_app:build",
        "route_prefix": "/",
        "args": {"data": str(data), "models": [model]},
    }
    with service(node, {"applications": [application]}) as running:
        eventually(lambda: len(running.workers("sd15")) == len(SHADES))
        # Serve tells the Router which replica holds what. Until then the choice is even: no LoRA is met ten times over.
        eventually(lambda: all(holder_of_the_picture(running, lora) == lora for lora in SHADES for _ in range(10)))
        yield running


def wish(*loras: str, **body: Any) -> dict[str, Any]:
    return {"model": "sd15", "steps": 1, "loras": [{"name": lora} for lora in loras], **body}


def holder_of_the_picture(darkroom: Service, *loras: str) -> str:
    """The LoRA that the replica holds which served a request for ``loras``."""
    end = list(darkroom.events(darkroom.submit(**wish(*loras))))[-1]
    assert end["event"] == "complete", end
    picture = Image.open(io.BytesIO(darkroom.http.get(end["images"][0]["url"]).content)).convert("L")
    shade = picture.getpixel((0, 0))
    return next(lora for lora in SHADES if SHADES[lora] == shade)


def running_at(darkroom: Service, lora: str) -> int:
    """Requests inside the replica that holds ``lora``, by its newest heartbeat."""
    (worker,) = [worker for worker in darkroom.workers("sd15") if worker["loras"] == [lora]]
    return int(worker["running"])


def test_requests_one_after_the_other_go_to_the_replica_that_holds_their_lora(darkroom: Service) -> None:
    asked = ["ink", "oil", "oil", "ink"] * 5
    assert [holder_of_the_picture(darkroom, lora) for lora in asked] == asked


def test_requests_without_a_lora_go_to_both(darkroom: Service) -> None:
    seen: set[str] = set()

    def both() -> bool:
        seen.add(holder_of_the_picture(darkroom))
        return seen == set(SHADES)

    eventually(both)


def test_while_its_batch_is_full_another_replica_serves_at_once_and_then_it_does_again(darkroom: Service) -> None:
    first = [darkroom.submit(**wish("ink", prompt=WAIT)) for _ in range(BATCH)]
    eventually(lambda: running_at(darkroom, "ink") == BATCH)
    assert [holder_of_the_picture(darkroom, "ink") for _ in range(5)] == ["oil"] * 5
    assert [darkroom.job(job_id)["status"] for job_id in first] == ["running"] * BATCH

    more = [darkroom.submit(**wish("ink", prompt=WAIT)) for _ in range(BATCH)]
    eventually(lambda: running_at(darkroom, "oil") == BATCH)
    assert holder_of_the_picture(darkroom, "ink") in SHADES  # both are full: either takes it beyond its batch
    assert [darkroom.job(job_id)["status"] for job_id in first + more] == ["running"] * 2 * BATCH

    for job_id in first + more:
        darkroom.http.post(f"/v1/jobs/{job_id}/cancel")
    eventually(lambda: running_at(darkroom, "ink") == running_at(darkroom, "oil") == 0)
    assert [holder_of_the_picture(darkroom, "ink") for _ in range(5)] == ["ink"] * 5


def test_the_loras_of_the_model_are_told_and_others_are_refused(darkroom: Service) -> None:
    (model,) = darkroom.http.get("/v1/models").json()["data"]
    assert model["capabilities"]["loras"] == list(SHADES)
    refused = darkroom.http.post("/v1/jobs", json={"operation": "image_generation", "prompt": "x", **wish("chalk")})
    assert refused.status_code == 422
    assert "chalk" in refused.json()["error"]["message"]
