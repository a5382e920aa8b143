"""A thousand open streams on one service: what they cost, and that each of them comes to its end.

    python -m benchmarks.streams [--streams 1000] [--jobs 50]

Starts a local Ray cluster and the service on the sd15 demo weights (CPU, SQLite), submits jobs, and follows each with
many streams at once, some of whose readers never read. Measures how long it takes until all are open, how late events
come while all are, and the memory of the Ingress and the Router before and with them.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
import psutil
from rich.progress import Progress

from benchmarks.chaos.kills import processes
from benchmarks.measure import environment, summary, write
from benchmarks.service import MODEL, PORT, URL, config
from serve_app import launch

SLOW = 20
"""Streams whose readers never read."""


def megabytes(kind: str) -> float:
    """Resident memory of the deployment's processes."""
    return round(sum(psutil.Process(pid).memory_info().rss for pid in processes(kind)) / 2**20, 1)


class Reader:
    """One stream, read to its end as fast as it comes."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.done = False
        self.steps: dict[int, float] = {}

    async def read(self, client: httpx2.AsyncClient, job_id: str) -> None:
        async with client.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
            answer.raise_for_status()
            self.opened.set()
            async for line in answer.aiter_lines():
                self.done = self.done or line == "data: [DONE]"
                if '"event":"progress"' in line:
                    self.steps[json.loads(line.removeprefix("data: "))["step"]] = time.perf_counter()


async def measured(streams: int, jobs: int, steps: int) -> dict[str, Any]:
    """The figures."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=URL, timeout=600, limits=limits) as client:
        before = {kind: await asyncio.to_thread(megabytes, kind) for kind in ("Ingress", "Router")}
        wish = {"model": MODEL, "steps": steps, "preview_every": 5}
        ids = [
            (await client.post("/v1/jobs", json=wish | {"prompt": f"picture {number}"})).json()["job_id"]
            for number in range(jobs)
        ]
        readers = [(Reader(), ids[number % jobs]) for number in range(streams)]
        begun = time.perf_counter()
        with Progress() as progress:
            task = progress.add_task(f"{streams} streams", total=streams)
            reading = [asyncio.create_task(reader.read(client, job_id)) for reader, job_id in readers]
            for one in reading:
                one.add_done_callback(lambda _: progress.advance(task))
            async with asyncio.TaskGroup() as slow:
                for number in range(SLOW):
                    slow.create_task(_never_read(client, ids[-1 - number % jobs]))
            await asyncio.gather(*(reader.opened.wait() for reader, _ in readers))
            all_open = time.perf_counter() - begun
            during = {kind: await asyncio.to_thread(megabytes, kind) for kind in ("Ingress", "Router")}
            await asyncio.gather(*reading)
        took = time.perf_counter() - begun
    apart = [spread for job_id in ids for spread in _spreads([reader for reader, of in readers if of == job_id])]
    return {
        "streams": streams,
        "jobs": jobs,
        "came_to_their_end": sum(reader.done for reader, _ in readers),
        "seconds_until_all_open": round(all_open, 2),
        "seconds_in_all": round(took, 2),
        "seconds_between_the_first_and_the_last_reader_of_a_step": summary(apart),
        "megabytes_before": before,
        "megabytes_with_all_open": during,
    }


def _spreads(readers: list[Reader]) -> list[float]:
    """For each step that all of a job's readers saw: seconds from the first of them to the last."""
    common = set.intersection(*(set(reader.steps) for reader in readers))
    return [
        max(reader.steps[step] for reader in readers) - min(reader.steps[step] for reader in readers) for step in common
    ]


async def _never_read(client: httpx2.AsyncClient, job_id: str) -> None:
    """Open a stream whose bytes nobody takes; it stays open as long as the client."""
    request = client.build_request("GET", f"/v1/jobs/{job_id}/stream")
    (await client.send(request, stream=True)).raise_for_status()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    before = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-streams-") as folder:
        launch.start_ray(num_cpus=2)
        try:
            launch.deploy(config(Path(folder)), timeout_s=300)
            found = asyncio.run(measured(asked.streams, asked.jobs, asked.steps))
        finally:
            launch.stop()
    print(
        write(
            "streams-sd15-cpu",
            {
                "benchmark": "streams",
                "dtype": "float32",
                "environment": before,
                "settings": vars(asked) | {"port": PORT},
                **found,
            },
        )
    )
    print(found)


if __name__ == "__main__":
    main()
