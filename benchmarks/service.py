"""The whole service over HTTP, against the engine alone, in one run.

    python -m benchmarks.service [--steps 20] [--rounds 5]

Starts a local Ray cluster and the application on the sd15 demo weights (CPU, float32, SQLite, local files), and the
same engine in this process. Measures what HTTP, jobs, storage and PNG add to an image; how ``/health`` answers while
the service is saturated; how long after a client has gone the device is free; how soon a client sees the first event.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from ray import serve

from benchmarks.engine import new_requests, run_engine
from benchmarks.measure import environment, summary, write
from deployments.engine import Engine
from serve_app import launch

_PROMPTS = itertools.count()

MODEL = "sd15"
CONCURRENT = 16
PORT = 8117
URL = f"http://127.0.0.1:{PORT}"


def config(
    data: Path, models: Sequence[str] = (MODEL,), *, max_batch: int = CONCURRENT, api: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The embedded default with these models, as a Serve config file would say it. ``api``: what is set of that."""
    how = {"weights": "demo", "device": "cpu", "dtype": "float32", "max_batch": max_batch}
    args = {"data": str(data), "models": [{"id": model, **how} for model in models], "api": dict(api or {})}
    return {
        "http_options": {"host": "127.0.0.1", "port": PORT},
        "applications": [
            {"name": "darkroom", "import_path": "serve_app:build", "route_prefix": "/", "args": args},
        ],
    }


def body(number: int, steps: int, **fields: Any) -> dict[str, Any]:
    """A request unlike every other."""
    return {"model": MODEL, "prompt": f"service prompt {next(_PROMPTS)}", "seed": number, "steps": steps, **fields}


async def images(client: httpx2.AsyncClient, requests: int, steps: int) -> float:
    """Seconds for ``requests`` concurrent ``POST /txt2img`` calls that answer PNG bytes."""
    begun = time.perf_counter()
    answers = await asyncio.gather(
        *(
            client.post("/txt2img", json=body(number, steps, preview_every=0), headers={"Accept": "image/png"})
            for number in range(requests)
        )
    )
    for answer in answers:
        answer.raise_for_status()
    return time.perf_counter() - begun


async def against_engine(
    client: httpx2.AsyncClient, engine: Engine, requests: int, steps: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of the engine in this process and of the service, A B B A; one uncounted run of each first."""

    async def in_process() -> float:
        begun = time.perf_counter()
        await asyncio.to_thread(run_engine, engine, new_requests(engine, steps, requests))
        return time.perf_counter() - begun

    await in_process()
    await images(client, requests, steps)
    of_engine: list[float] = []
    of_service: list[float] = []
    for _ in range(rounds):
        of_engine.append(await in_process())
        of_service.append(await images(client, requests, steps))
        of_service.append(await images(client, requests, steps))
        of_engine.append(await in_process())
    return of_engine, of_service


async def events(client: httpx2.AsyncClient, url: str) -> AsyncIterator[dict[str, Any]]:
    """The events of a job stream."""
    async with client.stream("GET", url, timeout=60) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


async def first_events(client: httpx2.AsyncClient, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds from posting a job to its first event, first step and first preview, alone on the service."""
    seen: dict[str, list[float]] = {"accepted": [], "first_event": [], "progress": [], "preview": [], "complete": []}
    for number in range(rounds + 1):
        begun = time.perf_counter()
        accepted = (await client.post("/v1/jobs", json=body(number, steps))).raise_for_status().json()
        times = {"accepted": time.perf_counter() - begun}
        async for event in events(client, accepted["sse_url"]):
            now = time.perf_counter() - begun
            times.setdefault("first_event", now)
            times.setdefault(event["event"], now)
        if number:  # the first is warm-up
            for name, values in seen.items():
                values.append(times[name])
    return {name: summary(values) for name, values in seen.items()}


async def health_under_load(client: httpx2.AsyncClient, steps: int, probes: int) -> dict[str, float]:
    """Seconds of ``GET /health`` while twice as many requests as fit a batch are always open."""
    saturated, done = asyncio.Event(), asyncio.Event()

    async def press(number: int) -> None:
        while not done.is_set():
            (await client.post("/txt2img", json=body(number, steps))).raise_for_status()
            saturated.set()

    load = [asyncio.create_task(press(number)) for number in range(2 * CONCURRENT)]
    await saturated.wait()
    seconds = []
    async with httpx2.AsyncClient(base_url=URL) as probe:
        for _ in range(probes):
            begun = time.perf_counter()
            (await probe.get("/health")).raise_for_status()
            seconds.append(time.perf_counter() - begun)
            await asyncio.sleep(0.02)
    done.set()
    await asyncio.gather(*load)
    return summary(seconds)


async def free_after_disconnect(rounds: int) -> dict[str, float]:
    """Seconds from a client's disconnect until no engine works for it any more."""
    replicas = serve.get_deployment_handle(f"model-{MODEL}", "darkroom")

    async def running() -> int:
        answers = await replicas.broadcast("sync", 0, ()).results_async(timeout_s=10)  # epoch 0 supersedes nobody
        return sum(stats.running for stats in answers)

    seconds = []
    for number in range(rounds):
        async with httpx2.AsyncClient(base_url=URL) as client:
            request = client.build_request(
                "POST", "/txt2img", json=body(number, 150), headers={"Accept": "text/event-stream"}
            )
            answer = await client.send(request, stream=True)
            async for line in answer.aiter_lines():
                if '"progress"' in line:
                    break
            begun = time.perf_counter()
            await answer.aclose()
            while await running():
                pass
            seconds.append(time.perf_counter() - begun)
    return summary(seconds)


async def measure(engine: Engine, steps: int, rounds: int) -> dict[str, Any]:
    """All figures."""
    async with httpx2.AsyncClient(base_url=URL, timeout=120, limits=httpx2.Limits(max_connections=100)) as client:
        engine_one, service_one = await against_engine(client, engine, 1, steps, 3 * rounds)
        engine_many, service_many = await against_engine(client, engine, CONCURRENT, steps, rounds)
        first = await first_events(client, steps, 4 * rounds)
        health = await health_under_load(client, steps, 100 * rounds)
    freed = await free_after_disconnect(2 * rounds)
    one, one_service, many, many_service = map(summary, (engine_one, service_one, engine_many, service_many))
    return {
        "alone": {
            "engine_s": one,
            "service_s": one_service,
            "added_s_per_image": round(one_service["median"] - one["median"], 4),
        },
        "concurrent": {
            "requests": CONCURRENT,
            "engine_s": many,
            "service_s": many_service,
            "engine_images_per_s": round(CONCURRENT / many["median"], 3),
            "service_images_per_s": round(CONCURRENT / many_service["median"], 3),
            "added_s_per_image": round((many_service["median"] - many["median"]) / CONCURRENT, 4),
        },
        "health_while_saturated_s": health,
        "job_alone_s": first,
        "disconnect_to_device_free_s": freed,
    }


def main() -> None:
    """Start, measure, print, write the result file, stop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    where = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        try:
            launch.start_ray(num_gpus=0)
            launch.deploy(config(Path(folder)))
            with Engine.load(MODEL, weights="demo", device="cpu", dtype="float32", max_batch=CONCURRENT) as engine:
                found = asyncio.run(measure(engine, options.steps, options.rounds))
        finally:
            launch.stop()
    result = {
        "benchmark": "service",
        "model": MODEL,
        "weights": "demo",
        "dtype": "float32",
        "size": [128, 128],
        "steps": options.steps,
        "output": "PNG over HTTP (service), PIL images (engine)",
        "environment": where,
        **found,
    }
    path = write(f"service-{MODEL}-cpu", result)
    print(json.dumps(found, indent=2))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
