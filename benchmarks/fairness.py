"""Fairness under load: clients with jobs of unequal sizes share a model, and a newcomer is served at once.

    python -m benchmarks.fairness [--seconds 60]

Starts a local Ray cluster and the service on the sd15 demo weights (CPU, SQLite) with a key for each client. Three
clients keep crowds of jobs waiting, of 2, 8 and 20 steps; in the middle of it a newcomer submits one. Measures what
work (forwards) each of the three got while all of them had jobs waiting, Jain's index of these shares, and how many
jobs were begun between the newcomer's submission and its own.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx2

from benchmarks.clients import keys
from benchmarks.measure import environment, write
from benchmarks.service import MODEL, URL, config
from serve_app import launch
from serve_app.settings import AppArgs

STEPS: Final = {"small": 2, "middle": 8, "large": 20}
CROWD: Final = 400


def jain(shares: list[float]) -> float:
    """Jain, Chiu, Hawe 1984: 1 for equal shares, 1/n when one has all."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


async def crowd(client: httpx2.AsyncClient, name: str, key: str, jobs: int) -> list[str]:
    """``jobs`` of one client, submitted."""
    headers = {"Authorization": f"Bearer {key}"}
    wish = {"model": MODEL, "steps": STEPS[name], "preview_every": 0}
    ids = []
    for number in range(jobs):
        answer = await client.post("/v1/jobs", json=wish | {"prompt": f"{name} {number}"}, headers=headers)
        ids.append(answer.raise_for_status().json()["job_id"])
    return ids


async def begun(client: httpx2.AsyncClient, key: str) -> list[dict[str, Any]]:
    """Every job that has begun, as an admin sees them, in that order."""
    found: list[dict[str, Any]] = []
    for status in ("running", "succeeded"):
        cursor: str | None = None
        while True:
            query = {"status": status, "limit": "200"} | ({"cursor": cursor} if cursor else {})
            page = (await client.get("/v1/jobs", params=query, headers={"Authorization": f"Bearer {key}"})).json()
            found += page["jobs"]
            if (cursor := page["next_cursor"]) is None:
                break
    return sorted(found, key=lambda job: job["started_at"])


async def measured(made: dict[str, str], seconds: float) -> dict[str, Any]:
    """The figures."""
    async with httpx2.AsyncClient(base_url=URL, timeout=60) as client:
        await asyncio.gather(*(crowd(client, name, made[name], CROWD) for name in STEPS))
        since = time.time()
        await asyncio.sleep(seconds / 2)
        headers = {"Authorization": f"Bearer {made['newcomer']}"}
        wish = {"model": MODEL, "prompt": "just one", "steps": 4}
        asked = time.time()
        newcomer = (await client.post("/v1/jobs", json=wish, headers=headers)).raise_for_status().json()["job_id"]
        await asyncio.sleep(seconds / 2)
        jobs = await begun(client, made["admin"])
    until = time.time()
    names = {STEPS[name]: name for name in STEPS}
    shares = dict.fromkeys(STEPS, 0.0)
    for job in jobs:
        steps = job["request"]["steps"]
        if steps in names and since <= job["started_at"] <= until:
            shares[names[steps]] += 2 * steps + 2  # rows with guidance, and the fixed part of the queue's cost
    own = next(job for job in jobs if job["job_id"] == newcomer)
    return {
        "seconds": round(until - since, 1),
        "work_by_client": shares,
        "jains_index": round(jain(list(shares.values())), 4),
        "jobs_begun_before_the_newcomer": sum(asked < job["started_at"] < own["started_at"] for job in jobs),
        "newcomer_waited_s": round(own["started_at"] - asked, 2),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    before = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-fairness-") as folder:
        wanted = config(Path(folder))
        wanted["applications"][0]["args"]["models"][0] |= {"max_batch": 4, "prefetch": 0}
        args = AppArgs.model_validate(wanted["applications"][0]["args"])
        made = asyncio.run(keys(args, [*STEPS, "newcomer", "admin"]))
        launch.start_ray(num_cpus=2)
        try:
            launch.deploy(wanted, timeout_s=300)
            found = asyncio.run(measured(made, asked.seconds))
        finally:
            launch.stop()
    named = {"benchmark": "fairness", "dtype": "float32", "environment": before, "settings": vars(asked)}
    print(write("fairness-sd15-cpu", named | found))
    print(found)


if __name__ == "__main__":
    main()
