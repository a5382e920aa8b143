"""From the start of a process to its first picture, stage by stage.

    python -m benchmarks.cold_start [--models sd15 sdxl flux-dev flux-schnell] [--rounds 3]

Each model in fresh processes that do nothing else, on demo weights (CPU, float32): Python with torch, the engine's
imports, the weights, the first picture, the second one. Then the whole service, from its command to the moment when
``/health/ready`` says that every model is. Files are in the system's cache after the first, uncounted round.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from rich.progress import track

from benchmarks.measure import environment, summary, until_answers, write
from deployments.catalog import MAIN_MODELS

STAGES = ("python_and_torch_s", "engine_imports_s", "weights_s", "first_picture_s", "second_picture_s")
SERVICE_STAGES = ("answers_s", "ready_s")
READY_WITHIN_S = 300


def stages(model: str) -> dict[str, float]:
    """In this process, which has imported nothing of it yet: the seconds of each stage but the first."""
    begun = time.perf_counter()
    from benchmarks.engine import new_requests, run_engine
    from deployments.engine import Engine

    imported = time.perf_counter()
    with Engine.load(model, weights="demo", device="cpu", dtype="float32") as engine:
        loaded = time.perf_counter()
        run_engine(engine, new_requests(engine, engine.card.default_steps, 1))
        first = time.perf_counter()
        run_engine(engine, new_requests(engine, engine.card.default_steps, 1))
        second = time.perf_counter()
    marks = (begun, imported, loaded, first, second)
    return {name: later - earlier for name, (earlier, later) in zip(STAGES[1:], pairwise(marks), strict=True)}


def fresh(model: str) -> dict[str, float]:
    """All stages of one fresh process."""
    begun = time.time()
    command = [sys.executable, "-m", "benchmarks.cold_start", "--stages-of", model]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return {STAGES[0]: found.pop("torch_at") - begun, **found}


def service(models: list[str]) -> dict[str, float]:
    """Seconds from the command to the first answer, and to readiness."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="darkroom-cold-") as folder:
        darkroom = str(Path(sys.executable).with_name("darkroom"))
        command = [darkroom, "serve", "--demo", "--models", ",".join(models), "--data", folder, "--port", str(port)]
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as running:
            try:
                answers = until_answers(running, f"http://127.0.0.1:{port}/health", READY_WITHIN_S) - begun
                ready = until_answers(running, f"http://127.0.0.1:{port}/health/ready", READY_WITHIN_S) - begun
            finally:
                running.terminate()
                running.wait()
    return dict(zip(SERVICE_STAGES, (answers, ready), strict=True))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MAIN_MODELS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stages-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stages_of is not None:
        import torch  # noqa: F401

        at = time.time()
        print(json.dumps(stages(options.stages_of) | {"torch_at": at}))
        return
    where = environment()
    found = {}
    for model in options.models:
        rounds = [fresh(model) for _ in track(range(options.rounds + 1), model)][1:]
        found[model] = {name: summary([its[name] for its in rounds]) for name in STAGES}
    starts = [service(options.models) for _ in track(range(options.rounds + 1), "the service")][1:]
    result = {
        "benchmark": "cold_start",
        "model": ", ".join(options.models),
        "weights": "demo",
        "dtype": "float32",
        "environment": where,
        "models": found,
        "service": {name: summary([its[name] for its in starts]) for name in SERVICE_STAGES},
    }
    print(json.dumps(found | {"service": result["service"]}, indent=2))
    print(f"written to {write('cold-start-cpu', result)}")


if __name__ == "__main__":
    main()
