"""The service beside what a user would take instead, over HTTP, in one run.

    python -m benchmarks.against [--concurrency 1 16] [--requests 32] [--steps 20] [--rounds 3]

On one machine, each with every core: this application (sd15 demo weights, CPU, float32, SQLite), a FastAPI server with
the stock pipeline behind a lock, and Ray's documented Stable Diffusion application. Each gets the same requests, PNG
over HTTP, one side at a time, in the order A B C C B A; the others idle meanwhile. All make the same pictures, or it
fails.
"""

import argparse
import asyncio
import io
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image
from rich.progress import track

from benchmarks.measure import environment, summary, until_answers, write
from benchmarks.rivals import asked
from benchmarks.service import CONCURRENT, MODEL, URL, config
from serve_app import launch

LOCKED_PORT = 8118
READY_WITHIN_S = 120

_NUMBERS = itertools.count()
"""No prompt comes twice: the service would find it in its cache, where the others encode it again."""


@dataclass(frozen=True, slots=True)
class Side:
    """One server: where it takes a request, and how that is written there."""

    name: str
    url: str
    fields: Mapping[str, Any]

    async def picture(self, client: httpx2.AsyncClient, prompt: str, seed: int, steps: int) -> bytes:
        """A PNG."""
        body = {**asked.body(prompt, seed, steps), **self.fields}
        answer = await client.post(self.url, json=body, headers={"Accept": "image/png"})
        return answer.raise_for_status().content


SIDES = (
    Side("darkroom", f"{URL}/txt2img", {"model": MODEL, "preview_every": 0}),
    Side("fastapi_lock", f"http://127.0.0.1:{LOCKED_PORT}/txt2img", {}),
    Side("ray_example", f"{URL}/rival/imagine", {}),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side did with its requests: seconds in all and of each, and the pictures."""

    seconds: float
    latencies: Sequence[float]
    pictures: Sequence[bytes]


async def turn(side: Side, numbers: Sequence[int], concurrency: int, steps: int) -> Turn:
    """All requests of ``numbers``, ``concurrency`` of them at any time."""
    free = asyncio.Semaphore(concurrency)
    latencies: list[float] = []

    async def one(client: httpx2.AsyncClient, number: int) -> bytes:
        async with free:
            begun = time.perf_counter()
            picture = await side.picture(client, f"a picture of the number {number}", number, steps)
            latencies.append(time.perf_counter() - begun)
            return picture

    async with httpx2.AsyncClient(timeout=600, limits=httpx2.Limits(max_connections=concurrency)) as client:
        begun = time.perf_counter()
        pictures = await asyncio.gather(*(one(client, number) for number in numbers))
        return Turn(time.perf_counter() - begun, latencies, pictures)


def difference(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """The largest between the pixels of two lists of pictures, of 255."""

    def pixels(data: bytes) -> np.ndarray[Any, Any]:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)

    return max(int(np.abs(pixels(a) - pixels(b)).max()) for a, b in zip(one, other, strict=True))


def case(concurrency: int, requests: int, steps: int, rounds: int) -> dict[str, Any]:
    """One row of the result. Raises RuntimeError if a side makes other pictures."""
    asyncio.run(_warm_up(concurrency, steps))
    turns: dict[str, list[Turn]] = {side.name: [] for side in SIDES}
    largest = 0
    for _ in track(range(rounds), f"{concurrency} at once"):
        for order in (SIDES, SIDES[::-1]):
            numbers = [next(_NUMBERS) for _ in range(requests)]
            found = {side.name: asyncio.run(turn(side, numbers, concurrency, steps)) for side in order}
            for name, its in found.items():
                turns[name].append(its)
                largest = max(largest, difference(found["fastapi_lock"].pictures, its.pictures))
    if largest > 1:
        raise RuntimeError(f"the sides make different pictures: by {largest} of 255")
    sides = {
        name: {
            "images_per_s": summary([requests / its.seconds for its in of_side]),
            "latency_s": summary([latency for its in of_side for latency in its.latencies]),
        }
        for name, of_side in turns.items()
    }
    ours = sides["darkroom"]
    return {
        "concurrency": concurrency,
        "requests_a_turn": requests,
        "largest_difference": largest,
        "sides": sides,
        "throughput_ratio": {
            name: round(ours["images_per_s"]["median"] / its["images_per_s"]["median"], 3)
            for name, its in sides.items()
            if its is not ours
        },
        "latency_ratio": {
            name: round(ours["latency_s"]["median"] / its["latency_s"]["median"], 3)
            for name, its in sides.items()
            if its is not ours
        },
    }


async def _warm_up(concurrency: int, steps: int) -> None:
    for side in SIDES:
        await turn(side, [next(_NUMBERS) for _ in range(max(2, concurrency))], concurrency, steps)


@contextmanager
def locked() -> Iterator[None]:
    """The locked server, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rivals.locked", "--model", MODEL, "--port", str(LOCKED_PORT)]
    server = subprocess.Popen(command)
    try:
        until_answers(server, f"http://127.0.0.1:{LOCKED_PORT}/health", READY_WITHIN_S)
        yield
    finally:
        server.terminate()
        server.wait()


def both(data: Path) -> dict[str, Any]:
    """This application and Ray's example, on one cluster and behind the same proxy."""
    deployed = config(data)
    rival = {"name": "rival", "import_path": "benchmarks.rivals.ray_example:build", "route_prefix": "/rival"}
    deployed["applications"].append(rival | {"args": {"model": MODEL}})
    return deployed


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, CONCURRENT])
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    where = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-against-") as folder, locked():
        try:
            launch.start_ray(num_gpus=0)
            launch.deploy(both(Path(folder)), timeout_s=300)
            cases = [
                case(concurrency, min(options.requests, 8 * concurrency), options.steps, options.rounds)
                for concurrency in options.concurrency
            ]
        finally:
            launch.stop()
    result = {
        "benchmark": "against",
        "model": MODEL,
        "weights": "demo",
        "dtype": "float32",
        "size": [128, 128],
        "environment": where,
        "settings": vars(options),
        "cases": cases,
    }
    print(json.dumps(cases, indent=2))
    print(f"written to {write(f'against-{MODEL}-cpu', result)}")


if __name__ == "__main__":
    main()
