"""One node of Ray with Serve, applications that come and go on it, and what the tests ask them."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
import ray
from ray import serve

from serve_app.launch import deploy, start_ray, stop

GPUS = 3
"""Of the cluster, in name only."""

T = TypeVar("T")


class Service:
    """A deployed application, as a client sees it, and the processes behind it."""

    def __init__(self, url: str, logs: Path) -> None:
        self.logs = logs
        self.http = httpx2.Client(base_url=url, timeout=60)

    def submit(self, **body: Any) -> str:
        """POST a job; its id."""
        answer = self.http.post("/v1/jobs", json={"operation": "image_generation", "prompt": "a red circle", **body})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.http.get(f"/v1/jobs/{job_id}").json())

    def events(self, job_id: str) -> Iterator[dict[str, Any]]:
        """The job's events as they come, to the terminal one."""
        with self.http.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line == "data: [DONE]":
                    return
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended without [DONE]")

    def workers(self, model: str) -> list[dict[str, Any]]:
        """The model's replicas that are alive."""
        workers = self.http.get("/v1/workers").json()["data"]
        return [worker for worker in workers if worker["model"] == model and worker["state"] == "ready"]

    def metric(self, name: str, **labels: str) -> float | None:
        """The sum of a metric's series that have these labels, as Ray's Prometheus endpoint tells it now; or None."""
        (node,) = ray.nodes()
        page = httpx2.get(f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics").text
        found = re.findall(rf"^ray_{name}\{{(.*)\}} (\S+)$", page, re.MULTILINE)
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        values = [float(value) for told, value in found if wanted <= set(told.split(","))]
        return sum(values) if values else None

    def log_lines(self, deployment: str) -> list[dict[str, Any]]:
        """Every line that the deployment's replicas have logged."""
        files = (self.logs / "serve").glob(f"replica_*_{deployment}_*.log")
        return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]

    def replicas(self, deployment: str) -> list[Any]:
        """The actors behind a deployment."""
        actors = ray.util.list_named_actors(all_namespaces=True)
        mine = [actor for actor in actors if f"#{deployment}#" in actor["name"]]
        return [ray.get_actor(actor["name"], namespace=actor["namespace"]) for actor in mine]


def eventually(what: Callable[[], T | None], within_s: float = 60) -> T:
    """The first true answer of ``what``; fails loudly if there is none. The deadline is a safety net, not a measure."""
    deadline = time.monotonic() + within_s
    while not (answer := what()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Node:
    """A one-node Ray cluster with Serve on it; an application comes and goes with :func:`service`."""

    port: int
    logs: Path


@contextmanager
def one_node() -> Iterator[Node]:
    """A cluster of its own; it ends with the block."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_metrics_report_interval_ms", "1000")  # of all its processes; the default is ten seconds
        logs = start_ray(num_cpus=2, num_gpus=GPUS)
    try:
        yield Node(free_port(), logs)
    finally:
        stop()


@contextmanager
def service(node: Node, config: Mapping[str, Any]) -> Iterator[Service]:
    """``config``'s application on the node; it ends with the block."""
    deploy({**config, "http_options": {"host": "127.0.0.1", "port": node.port}}, timeout_s=120)
    running = Service(f"http://127.0.0.1:{node.port}", node.logs)
    try:
        with running.http:
            eventually(lambda: running.http.get("/health/ready").status_code == 200)
            yield running
    finally:
        for application in config["applications"]:
            serve.delete(application["name"])
