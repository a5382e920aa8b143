"""How the benchmarks measure: interleaved, warm-up excluded, medians; and how they write what they found."""

import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2

RESULTS = Path(__file__).parent / "results"


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` took."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def interleaved(a: Callable[[], object], b: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of ``a`` and of ``b``, run as A B B A in each round, so that a drifting machine is fair to both.

    Both run once before, uncounted.
    """
    a()
    b()
    of_a: list[float] = []
    of_b: list[float] = []
    for _ in range(rounds):
        of_a.append(timed(a))
        of_b.append(timed(b))
        of_b.append(timed(b))
        of_a.append(timed(a))
    return of_a, of_b


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """Median, least and largest, and the 95th and 99th percentile (nearest rank) of some figures."""
    ordered = sorted(seconds)

    def percentile(share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1]

    return {
        "median": round(statistics.median(ordered), 6),
        "min": round(ordered[0], 6),
        "max": round(ordered[-1], 6),
        "p95": round(percentile(0.95), 6),
        "p99": round(percentile(0.99), 6),
        "count": len(ordered),
    }


def until_answers(server: subprocess.Popen[bytes], url: str, within_s: float) -> float:
    """When ``url`` of a started server answered with success, by ``time.perf_counter``. Raises RuntimeError if the
    server ends first, or it takes longer."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx2.get(url).is_success:
                return time.perf_counter()
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer")


def environment() -> dict[str, Any]:
    """The machine and the versions, as a reader needs them to judge a figure."""
    import torch

    packages = ("darkroom", "torch", "diffusers", "transformers", "ray", "fastapi", "starlette", "pydantic")
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: version(name) for name in packages},
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def write(name: str, result: dict[str, Any]) -> Path:
    """Write ``result`` to ``benchmarks/results/{name}.json`` and return the path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path
