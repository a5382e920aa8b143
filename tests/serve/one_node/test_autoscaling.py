"""Replicas follow the backlog on real Ray: one, several, one again, each on a GPU of its own (GPUs are faked)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.service import GPUS, Node, Service, eventually, service


@pytest.fixture(scope="module")
def darkroom(node: Node, data: Path) -> Iterator[Service]:
    model = {
        "id": "sd15",
        "weights": "demo",
        "num_gpus": 1,
        "min_replicas": 1,
        "max_replicas": GPUS,
        "max_batch": 1,
        "prefetch": 0,
        "upscale_delay_s": 0,
        "downscale_delay_s": 1,
    }
    application = {
        "name": "darkroom",
        "import_path": "tests.serve.waiting_app:build",
        "route_prefix": "/",
        "autoscaling_policy": {
            "policy_function": "serve_app.autoscaling:BacklogPolicy",
            "policy_kwargs": {"target_drain_s": 5},
        },
        "args": {"data": str(data), "models": [model]},
    }
    with service(node, {"applications": [application]}) as running:
        yield running


def test_replicas_follow_the_backlog_up_and_down_while_jobs_are_served(darkroom: Service) -> None:
    (first,) = darkroom.workers("sd15")
    jobs = [darkroom.submit(model="sd15", steps=10) for _ in range(60)]  # a second each

    def all_up() -> list[str]:
        workers = darkroom.workers("sd15")
        return [worker["gpu"] for worker in workers] if len(workers) == GPUS else []

    gpus = eventually(all_up)
    assert len(set(gpus)) == GPUS
    assert first["gpu"] in gpus

    def finished() -> list[dict[str, object]]:
        return [job for job in map(darkroom.job, jobs) if job["status"] == "succeeded"]

    served = len(finished())
    eventually(lambda: len(finished()) > served + GPUS)
    for job_id in jobs:
        darkroom.http.post(f"/v1/jobs/{job_id}/cancel")
    eventually(lambda: len(darkroom.workers("sd15")) == 1)
    assert {darkroom.job(job_id)["status"] for job_id in jobs} == {"succeeded", "cancelled"}
    assert list(darkroom.events(darkroom.submit(model="sd15", steps=1)))[-1]["event"] == "complete"
