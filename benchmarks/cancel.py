"""From a cancel over HTTP to the last forward in which the job took part, counted in forwards.

    python -m benchmarks.cancel [--rounds 60]

Starts a local Ray cluster and the application on the sd15 demo weights (CPU, SQLite), whose engine writes down each
forward. Jobs of two sizes, alone and among three that stay, are cancelled at a random moment between two steps; what
counts is the clock when the call was sent, before it left the client. The forward that was under way then is none of
those counted: it began before.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
from rich.progress import track

from benchmarks import witnessed
from benchmarks.measure import environment, summary, write
from benchmarks.service import MODEL, URL, config
from serve_app import launch

STEPS = 150
"""More than any job here runs before it is cancelled."""

COMPANY = 3
"""Other jobs in the batch, in the crowded case."""


def submit(client: httpx2.Client, side: int, seed: int) -> str:
    """A long job; its id."""
    body = {"model": MODEL, "prompt": f"cancelled {seed}", "seed": seed, "steps": STEPS, "width": side, "height": side}
    return str(client.post("/v1/jobs", json=body | {"preview_every": 0}).raise_for_status().json()["job_id"])


def until_step(client: httpx2.Client, job_id: str, step: int) -> None:
    """Return once the job's stream has told ``step``."""
    with client.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
        for line in answer.iter_lines():
            if '"event":"progress"' in line and json.loads(line.removeprefix("data: "))["step"] >= step:
                return
    raise RuntimeError(f"job {job_id} ended before step {step}")


def cancelled(client: httpx2.Client, data: Path, job_id: str, company: int) -> dict[str, float]:
    """Cancel a job among ``company``: the forwards that began with it after the call was sent, and the times around."""
    called = time.monotonic()
    client.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
    answered = time.monotonic()
    while any(worker["running"] > company for worker in client.get("/v1/workers").json()["data"]):
        time.sleep(0.05)
    time.sleep(0.3)  # some forwards more that it might still be in
    took_part = [forward for forward in witnessed.read(data) if job_id in forward.requests]
    after = [forward for forward in took_part if forward.begun > called]
    return {
        "forwards": len(after),
        "after_the_answer": sum(forward.begun > answered for forward in took_part),
        "last_began_s": max((forward.begun - called for forward in after), default=0.0),
        "answered_s": answered - called,
        "step_s": sum(forward.ended - forward.begun for forward in took_part) / len(took_part),
    }


def case(client: httpx2.Client, data: Path, side: int, company: int, rounds: int) -> dict[str, Any]:
    """One row of the result."""
    chance = random.Random(side + company)
    found = []
    for number in track(range(rounds), f"{side}×{side}, {company} others"):
        others = [submit(client, side, 10_000 + 10 * number + other) for other in range(company)]
        for other in others:
            until_step(client, other, 1)
        job_id = submit(client, side, number)
        until_step(client, job_id, chance.randint(3, 8))
        time.sleep(chance.uniform(0, 0.2))  # anywhere within a step
        found.append(cancelled(client, data, job_id, company))
        for other in others:
            client.post(f"/v1/jobs/{other}/cancel").raise_for_status()
    counts = [int(one["forwards"]) for one in found]
    return {
        "side": side,
        "others": company,
        "cancels": rounds,
        "forwards_begun_after_the_call": {str(count): counts.count(count) for count in sorted(set(counts))},
        "forwards_begun_after_the_answer": sum(int(one["after_the_answer"]) for one in found),
        "step_s": summary([one["step_s"] for one in found]),
        "call_to_beginning_of_last_forward_s": summary([one["last_began_s"] for one in found]),
        "answer_s": summary([one["answered_s"] for one in found]),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    before = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-cancel-") as folder:
        data = Path(folder)
        deployed = config(data)
        deployed["applications"][0]["import_path"] = "benchmarks.witnessed:build"
        launch.start_ray(num_cpus=2)
        try:
            launch.deploy(deployed, timeout_s=300)
            with httpx2.Client(base_url=URL, timeout=120) as client:
                cases = [
                    case(client, data, side, company, asked.rounds) for side in (128, 256) for company in (0, COMPANY)
                ]
        finally:
            launch.stop()
    print(
        write(
            "cancel-sd15-cpu",
            {
                "benchmark": "cancel",
                "model": MODEL,
                "dtype": "float32",
                "environment": before,
                "settings": vars(asked),
                "cases": cases,
            },
        )
    )
    print(json.dumps(cases, indent=2))


if __name__ == "__main__":
    main()
