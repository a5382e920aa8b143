"""Several of everything: nodes, Ingresses, Routers, model replicas, over PostgreSQL and S3. Engines only wait."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import ray
from ray.cluster_utils import Cluster

from serve_app.launch import deploy, stop
from tests.postgres import postgres_server
from tests.s3 import fresh_bucket, s3_endpoint
from tests.serve.service import Service, eventually, free_port

NODES = 2
MODELS = ("sd15", "flux-schnell")


@contextmanager
def cluster_of(nodes: int) -> Iterator[Cluster]:
    """A head and ``nodes`` workers, each with room for one replica of each model."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, resources=dict.fromkeys(MODELS, 1))
        ray.init(address=cluster.address, namespace="serve", log_to_driver=False)
        yield cluster
    finally:
        stop()
        cluster.shutdown()


@pytest.fixture(scope="module")
def storage() -> Iterator[Mapping[str, str]]:
    with postgres_server() as postgres, s3_endpoint() as environ, pytest.MonkeyPatch.context() as patched:
        for name, value in environ.items():
            patched.setenv(name, value)  # the nodes' processes inherit it
        yield {"database": postgres.fresh_database(), "blobs": fresh_bucket(environ)}


@pytest.fixture(scope="module")
def cluster(storage: Mapping[str, str]) -> Iterator[Cluster]:
    with cluster_of(NODES) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def darkroom(cluster: Cluster, storage: Mapping[str, str]) -> Iterator[Service]:
    models = [
        {"id": model, "weights": "demo", "max_batch": 1, "prefetch": 1, "min_replicas": NODES, "max_replicas": NODES,
         "ray_actor_options": {"resources": {model: 1}}}
        for model in MODELS
    ]  # fmt: skip
    args = {**storage, "models": models, "router_shards": 2, "ingress": {"min_replicas": 2, "max_replicas": 2}}
    application = {
        "name": "darkroom",
        "route_prefix": "/",
        "import_path": "tests.serve.waiting_app:build",
        "args": args,
    }
    port = free_port()
    deploy({"applications": [application], "http_options": {"host": "127.0.0.1", "port": port}}, timeout_s=120)
    running = Service(f"http://127.0.0.1:{port}", Path(cluster.head_node.get_session_dir_path()) / "logs")
    with running.http:
        eventually(lambda: all(len(running.workers(model)) == NODES for model in MODELS))
        yield running


def resumed(darkroom: Service, job_id: str, told: list[dict[str, Any]]) -> None:
    """Follow the job as EventSource does: whenever the connection ends early, from the last event on."""
    last: dict[str, str] = {}
    while True:
        try:
            with darkroom.http.stream("GET", f"/v1/jobs/{job_id}/stream", headers=last) as answer:
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        last = {"Last-Event-ID": line.removeprefix("id: ")}
                    if line == "data: [DONE]":
                        return
                    if line.startswith("data: "):
                        told.append(json.loads(line.removeprefix("data: ")))
        except httpx2.TransportError:
            continue


def ends(darkroom: Service, job_id: str) -> dict[str, Any]:
    """Its last event, whatever Ingress is lost meanwhile."""
    told: list[dict[str, Any]] = []
    resumed(darkroom, job_id, told)
    return told[-1]


def test_the_replicas_of_a_model_run_on_several_nodes(darkroom: Service) -> None:
    for model in MODELS:
        assert len({worker["node"] for worker in darkroom.workers(model)}) == NODES


def test_two_routers_share_the_models_and_one_list_has_the_jobs_of_both(darkroom: Service) -> None:
    assert [len(darkroom.replicas(name)) for name in ("Router", "Router-1", "Ingress")] == [1, 1, 2]
    jobs = [darkroom.submit(model=model, steps=2) for model in MODELS * 3]
    assert [ends(darkroom, job_id)["event"] for job_id in jobs] == ["complete"] * len(jobs)
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = darkroom.http.get("/v1/jobs", params=query).json()
        seen += [job["job_id"] for job in page["jobs"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == jobs[::-1]
    assert [model["id"] for model in darkroom.http.get("/v1/models").json()["data"]] == list(MODELS)
    assert darkroom.http.get("/v1/jobs/nobody").status_code == 404
    for job_id in jobs[:2]:
        image = darkroom.http.get(f"/v1/jobs/{job_id}/images/0")
        assert (image.status_code, image.headers["content-type"]) == (200, "image/png")
        assert darkroom.http.delete(f"/v1/jobs/{job_id}").status_code == 204
        assert darkroom.http.get(f"/v1/jobs/{job_id}").status_code == 404


def test_the_same_key_means_one_job_whichever_ingress_it_reaches(darkroom: Service) -> None:
    made: list[str] = []

    def submit() -> None:
        with httpx2.Client(base_url=darkroom.http.base_url, timeout=60) as client:
            body = {"prompt": "x", "model": "flux-schnell", "steps": 1}
            answer = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once"})
            made.append(answer.json()["job_id"])

    threads = [threading.Thread(target=submit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(made))) == (20, 1)


def test_a_router_that_dies_takes_none_of_the_other_ones_jobs_along_and_loses_none_of_its_own(
    darkroom: Service,
) -> None:
    jobs = {model: darkroom.submit(model=model, steps=40) for model in MODELS}
    told: dict[str, list[dict[str, Any]]] = {model: [] for model in MODELS}
    readers = [threading.Thread(target=resumed, args=(darkroom, jobs[model], told[model])) for model in MODELS]
    for reader in readers:
        reader.start()
    eventually(lambda: all(any(event["event"] == "progress" for event in one) for one in told.values()))
    (router,) = darkroom.replicas("Router-1")
    ray.kill(router)
    for reader in readers:
        reader.join()
    assert [event["event"] for event in told["sd15"] if event["event"] == "restarted"] == []
    assert [event["reason"] for event in told["flux-schnell"] if event["event"] == "restarted"] == [
        "the service restarted"
    ]
    assert {one[-1]["event"] for one in told.values()} == {"complete"}


def test_a_stream_whose_ingress_dies_goes_on_at_another(darkroom: Service) -> None:
    job_id = darkroom.submit(model="sd15", steps=40)
    told: list[dict[str, Any]] = []
    reader = threading.Thread(target=resumed, args=(darkroom, job_id, told))
    reader.start()
    eventually(lambda: any(event["event"] == "progress" for event in told))
    for ingress in darkroom.replicas("Ingress"):
        ray.kill(ingress)
    reader.join()
    assert told[-1]["event"] == "complete"
    steps = [event["step"] for event in told if event["event"] == "progress"]
    assert steps == sorted(set(steps))
    eventually(lambda: darkroom.http.get("/health").status_code == 200)


def test_a_node_that_is_lost_costs_no_job(darkroom: Service, cluster: Cluster) -> None:
    jobs = [darkroom.submit(model="sd15", steps=40) for _ in range(4)]
    eventually(lambda: sum(darkroom.job(job_id)["status"] == "running" for job_id in jobs) >= NODES)
    cluster.remove_node(next(node for node in cluster.list_all_nodes() if not node.is_head()))
    assert [ends(darkroom, job_id)["event"] for job_id in jobs] == ["complete"] * len(jobs)
    assert max(darkroom.job(job_id)["attempt"] for job_id in jobs) == 2
