"""The service under an open load: requests come when they come, whether or not it keeps up.

    python -m benchmarks.open_loop [--models sd15 sdxl flux-dev flux-schnell] [--rates 0.5 1 2 4] [--seconds 60]

Starts the application on demo weights (CPU, float32, SQLite). First each model alone, whose median latency is the
isolated one. Then, for each rate (requests a second, all models together, chosen at random), Poisson arrivals from a
fixed seed; a request's clock starts when it was to be sent. Follows each by its events, over HTTP. Goodput counts the
requests that ended within 2 and 5 times their model's isolated latency. The sweep ends at the first rate at which less
than half of them end within 5 times.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from benchmarks.measure import environment, summary, write
from benchmarks.service import URL, config
from deployments.catalog import MAIN_MODELS
from serve_app import launch

SEED = 20_260
ALONE = 5
"""Requests of each model alone, after one to warm up."""

ENOUGH = 0.5
"""Of the requests that must end within 5 times the isolated latency for the sweep to go on."""

TIGHT, LOOSE = 2, 5

MAX_BATCH = 8
"""What the settings say where nothing is set."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request to be sent ``at`` so many seconds after the start."""

    at: float
    model: str
    seed: int


@dataclass(slots=True)
class Seen:
    """When a request was to be sent, and when its events came, in seconds of one clock."""

    model: str
    due: float
    times: dict[str, float] = field(default_factory=dict)

    def until(self, event: str) -> float | None:
        """Seconds from when it was due to the first such event."""
        return self.times[event] - self.due if event in self.times else None


def arrivals(rate: float, seconds: float, models: Sequence[str], seed: int) -> list[Arrival]:
    """A Poisson process: the pauses are exponential. The same arguments, the same arrivals."""
    chance = random.Random(f"{seed} {rate}")
    found: list[Arrival] = []
    at = chance.expovariate(rate)
    while at < seconds:
        found.append(Arrival(at, chance.choice(models), len(found)))
        at += chance.expovariate(rate)
    return found


async def follow(client: httpx2.AsyncClient, model: str, seed: int, due: float) -> Seen:
    """Send one request and note its events to the last."""
    seen = Seen(model, due)
    body = {"model": model, "prompt": f"open loop {model} {seed} {due}", "seed": seed}
    async with client.stream("POST", "/txt2img", json=body, headers={"Accept": "text/event-stream"}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                seen.times.setdefault(json.loads(line.removeprefix("data: "))["event"], time.perf_counter())
    return seen


async def isolated(client: httpx2.AsyncClient, models: Sequence[str]) -> dict[str, float]:
    """The median latency of each model with nothing else to do, in seconds."""
    found = {}
    for model in models:
        alone = [await follow(client, model, number, time.perf_counter()) for number in range(ALONE + 1)]
        found[model] = median(_latency(seen) for seen in alone[1:])
    return found


async def offered(client: httpx2.AsyncClient, load: Sequence[Arrival]) -> tuple[list[Seen], float]:
    """Send ``load`` as it is due, and wait for all of it; with the seconds that took."""
    begun = time.perf_counter()

    async def one(arrival: Arrival) -> Seen:
        due = begun + arrival.at
        await asyncio.sleep(due - time.perf_counter())
        return await follow(client, arrival.model, arrival.seed, due)

    seen = await asyncio.gather(*map(one, load))
    return list(seen), time.perf_counter() - begun


def row(rate: float, seen: Sequence[Seen], seconds: float, alone: Mapping[str, float]) -> dict[str, Any]:
    """What one rate came to."""
    latencies = [_latency(its) for its in seen]
    slowness = [latency / alone[its.model] for latency, its in zip(latencies, seen, strict=True)]
    waits = [its.until("started") for its in seen]
    previews = [its.until("preview") for its in seen]
    return {
        "rate": rate,
        "requests": len(seen),
        "seconds": round(seconds, 3),
        "images_per_s": round(len(seen) / seconds, 3),
        "latency_s": summary(latencies),
        "slowness": summary(slowness),
        "admission_wait_s": summary([wait for wait in waits if wait is not None]),
        "first_preview_s": summary([preview for preview in previews if preview is not None]),
        f"goodput_{TIGHT}x": round(sum(slow <= TIGHT for slow in slowness) / len(seen), 3),
        f"goodput_{LOOSE}x": round(sum(slow <= LOOSE for slow in slowness) / len(seen), 3),
    }


def _latency(seen: Seen) -> float:
    latency = seen.until("complete")
    if latency is None:
        raise RuntimeError(f"a request for {seen.model} did not complete: {', '.join(seen.times)}")
    return latency


async def sweep(options: argparse.Namespace) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The isolated latencies, and a row for each rate."""
    rows = []
    async with httpx2.AsyncClient(base_url=URL, timeout=None, limits=httpx2.Limits(max_connections=None)) as client:
        alone = await isolated(client, options.models)
        print({model: f"{1000 * latency:.0f} ms" for model, latency in alone.items()}, flush=True)
        for rate in options.rates:
            seen, seconds = await offered(client, arrivals(rate, options.seconds, options.models, SEED))
            rows.append(row(rate, seen, seconds, alone))
            print(json.dumps(rows[-1]), flush=True)
            if rows[-1][f"goodput_{LOOSE}x"] < ENOUGH:
                break
    return alone, rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MAIN_MODELS))
    parser.add_argument("--rates", type=float, nargs="+", default=[0.5, 1, 1.5, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    where = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-open-") as folder:
        try:
            launch.start_ray(num_gpus=0)
            wanted = config(Path(folder), options.models, max_batch=MAX_BATCH, api={"streams_per_client": 10_000})
            launch.deploy(wanted, timeout_s=300)
            alone, rows = asyncio.run(sweep(options))
        finally:
            launch.stop()
    result = {
        "benchmark": "open_loop",
        "model": ", ".join(options.models),
        "weights": "demo",
        "dtype": "float32",
        "environment": where,
        "settings": vars(options) | {"seed": SEED},
        "isolated_latency_s": {model: round(latency, 4) for model, latency in alone.items()},
        "rates": rows,
    }
    print(f"written to {write('open-loop-cpu', result)}")


if __name__ == "__main__":
    main()
