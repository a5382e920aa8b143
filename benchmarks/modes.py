"""The application in each of Ray Serve's modes, over HTTP, in one run.

    python -m benchmarks.modes [--steps 20] [--rounds 2] [--requests 20] [--probes 200]

*default*: Serve as it is. *throughput*: ``RAY_SERVE_THROUGHPUT_OPTIMIZED=1``, where replicas run their code on Serve's
own event loop and talk by gRPC (a message of at most 4 MiB). Serve reads the switch when a process begins, so each turn
is a process and a Ray cluster of its own (sd15 demo weights, CPU, float32, SQLite): A B B A in each round. A turn
measures pictures alone, 16 at once, and ``/health`` while saturated.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from rich.progress import track

from benchmarks.measure import environment, summary, write
from benchmarks.service import CONCURRENT, MODEL, URL, config, health_under_load, images
from serve_app import launch

MODES: Mapping[str, Mapping[str, str]] = {
    "default": {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "0"},
    "throughput": {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
}

BURSTS = 3
"""How often 16 are asked for at once in a turn."""


async def measured(steps: int, requests: int, probes: int) -> dict[str, Any]:
    """One turn's figures."""
    async with httpx2.AsyncClient(base_url=URL, timeout=120, limits=httpx2.Limits(max_connections=100)) as client:
        await images(client, 1, steps)
        await images(client, CONCURRENT, steps)
        return {
            "alone_s": [await images(client, 1, steps) for _ in range(requests)],
            "images_per_s": [CONCURRENT / await images(client, CONCURRENT, steps) for _ in range(BURSTS)],
            "health_s": await health_under_load(client, steps, probes),
        }


def turn(steps: int, requests: int, probes: int) -> None:
    """Start the application in this process's mode, measure, and print the figures as the last line."""
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        try:
            launch.start_ray(num_gpus=0)
            launch.deploy(config(Path(folder)))
            found = asyncio.run(measured(steps, requests, probes))
        finally:
            launch.stop()
    print(json.dumps(found))


def one(mode: str, options: argparse.Namespace) -> dict[str, Any]:
    """A turn in a process of its own."""
    asked = [f"--{name}={getattr(options, name)}" for name in ("steps", "requests", "probes")]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.modes", "--turn", *asked],
        env={**os.environ, **MODES[mode]},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def joined(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """What the turns of one mode say together."""
    return {
        "alone_s": summary([seconds for figures in turns for seconds in figures["alone_s"]]),
        "images_per_s": summary([rate for figures in turns for rate in figures["images_per_s"]]),
        "health_p99_s": summary([figures["health_s"]["p99"] for figures in turns]),
    }


def main() -> None:
    """Measure, print, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--requests", type=int, default=20, help="pictures alone in each turn")
    parser.add_argument("--probes", type=int, default=200, help="of /health in each turn")
    parser.add_argument("--turn", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        turn(options.steps, options.requests, options.probes)
        return
    where = environment()
    default, throughput = MODES
    turns: dict[str, list[dict[str, Any]]] = {mode: [] for mode in MODES}
    for mode in track([default, throughput, throughput, default] * options.rounds, "turns"):
        turns[mode].append(one(mode, options))
        time.sleep(2)  # the cluster before has let go of its ports
    modes = {mode: joined(figures) for mode, figures in turns.items()}
    result = {
        "benchmark": "modes",
        "model": MODEL,
        "weights": "demo",
        "dtype": "float32",
        "size": [128, 128],
        "steps": options.steps,
        "concurrent": CONCURRENT,
        "environment": where,
        "settings": {"rounds": options.rounds, "requests": options.requests, "probes": options.probes},
        "modes": modes,
        "throughput_ratio": round(
            modes[throughput]["images_per_s"]["median"] / modes[default]["images_per_s"]["median"], 3
        ),
        "latency_ratio": round(modes[throughput]["alone_s"]["median"] / modes[default]["alone_s"]["median"], 3),
    }
    path = write(f"modes-{MODEL}-cpu", result)
    print(json.dumps(modes, indent=2))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
