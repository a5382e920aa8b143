"""Nothing lost: jobs run to their ends while the processes that run them are killed.

    python -m benchmarks.chaos [--seed 1] [--jobs 200] [--kills 30] [--database sqlite|postgresql]

Starts a local Ray cluster and the service on the sd15 demo weights (CPU, two model replicas, two Ingresses; SQLite, or
a PostgreSQL of its own; four clients with keys), makes each picture once undisturbed, then all jobs again while model
replicas, the Router and Ingresses get SIGKILL. Every job must end exactly once, with the same bytes, and every stream
must come to its end.
Writes benchmarks/results/chaos-{database}.json; exit code 1 if anything was lost.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
from rich.progress import Progress

from benchmarks.chaos.kills import Killer
from benchmarks.chaos.work import Story, live
from benchmarks.clients import keys
from benchmarks.measure import environment, write
from serve_app import launch
from serve_app.settings import AppArgs

MODEL = "sd15"
PORT = 8118
IN_FLIGHT = 24
CLIENTS = ("anna", "bert", "cleo", "dora")
DIFFERENT = 25
"""Pictures; the jobs are these again and again."""


def config(data: Path, database: str | None, port: int) -> dict[str, Any]:
    """A service with several of what may be several, and states saved at every step."""
    model = {
        "id": MODEL, "weights": "demo", "device": "cpu", "dtype": "float32", "torch_threads": 1,
        "max_batch": 1, "prefetch": 1, "min_replicas": 2, "max_replicas": 2, "checkpoint_every_s": 0,
    }  # fmt: skip
    args: dict[str, Any] = {
        "data": str(data),
        "models": [model],
        "ingress": {"min_replicas": 2, "max_replicas": 2},
        "jobs": {"max_attempts": 50},
    }
    if database is not None:
        args["database"] = database
    return {
        "http_options": {"host": "127.0.0.1", "port": port},
        "applications": [{"name": "darkroom", "import_path": "serve_app:build", "route_prefix": "/", "args": args}],
    }


def body(number: int, steps: int) -> dict[str, Any]:
    """Picture ``number``."""
    return {"model": MODEL, "prompt": f"a red circle, number {number}", "seed": number, "steps": steps,
            "preview_every": 4}  # fmt: skip


async def all_of(
    clients: Sequence[httpx2.AsyncClient], wanted: dict[str, dict[str, Any]], progress: Progress, what: str
) -> list[Story]:
    """The stories of these jobs, which the clients submit in turn, at most :data:`IN_FLIGHT` at a time."""
    task = progress.add_task(what, total=len(wanted))
    few = asyncio.Semaphore(IN_FLIGHT)

    async def one(client: httpx2.AsyncClient, job_id: str, wish: dict[str, Any]) -> Story:
        async with few:
            story = await live(client, job_id, wish)
        progress.advance(task)
        return story

    return list(
        await asyncio.gather(
            *(one(client, job_id, wish) for client, (job_id, wish) in zip(cycle(clients), wanted.items(), strict=False))
        )
    )


async def run(
    url: str, keys: Sequence[str], *, seed: int, jobs: int, kills: int, mean_s: float, steps: int
) -> dict[str, Any]:
    """Both rounds, by a client for each of ``keys``; the figures."""
    limits = httpx2.Limits(max_connections=2 * IN_FLIGHT)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx2.AsyncClient(base_url=url, timeout=60, limits=limits, headers={"Authorization": f"Bearer {key}"})
            )
            for key in keys
        ]
        with Progress() as progress:
            different = min(DIFFERENT, jobs)
            calm = {f"calm-{number}": body(number, steps) for number in range(different)}
            reference = await all_of(clients, calm, progress, "undisturbed")
            killer = Killer(seed, kills, mean_s)
            wild = {f"wild-{seed}-{number}": body(number % different, steps) for number in range(jobs)}
            begun = time.perf_counter()
            killing = asyncio.create_task(killer.run())
            stories = await all_of(clients, wild, progress, "while processes are killed")
            took = time.perf_counter() - begun
            killing.cancel()
            await asyncio.wait({killing})
            if not killing.cancelled() and (error := killing.exception()) is not None:
                raise error
    return judged(reference, stories) | {"kills": dict(killer.kills), "seconds": round(took, 1)}


def judged(reference: list[Story], stories: list[Story]) -> dict[str, Any]:
    """What became of the jobs, and whether all is as it must be."""
    ends = Counter(kind for story in stories for kind in story.ends)
    equal = sum(
        story.digest is not None and story.digest == reference[number % len(reference)].digest
        for number, story in enumerate(stories)
    )
    resumed = [step for story in stories for step in story.resumed_steps]
    result = {
        "jobs": len(stories),
        "ends": dict(ends),
        "ended_exactly_once": sum(len(story.end_ids) == 1 for story in stories),
        "pictures_equal_to_undisturbed": equal,
        "streams_with_ascending_ids": sum(story.ids_ascend for story in stories),
        "connections": sum(story.connections for story in stories),
        "jobs_that_ran_more_than_once": sum(story.attempts > 1 for story in stories),
        "attempts_at_most": max(story.attempts for story in stories),
        "restarts_told": len(resumed),
        "restarts_from_a_saved_step": sum(step > 0 for step in resumed),
    }
    whole = ("ended_exactly_once", "pictures_equal_to_undisturbed", "streams_with_ascending_ids")
    return result | {"nothing_lost": all(result[name] == len(stories) for name in whole)}


@contextmanager
def service(database: str, port: int) -> Iterator[tuple[str, list[str]]]:
    """A running service over a new database of this kind; its URL, and a key for each of :data:`CLIENTS`."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="darkroom-chaos-")))
        url = None
        if database == "postgresql":
            from tests.postgres import postgres_server

            url = stack.enter_context(postgres_server()).fresh_database()
        wanted = config(data, url, port)
        made = asyncio.run(keys(AppArgs.model_validate(wanted["applications"][0]["args"]), CLIENTS))
        launch.start_ray(num_cpus=2)
        stack.callback(launch.stop)
        launch.deploy(wanted, timeout_s=300)
        yield f"http://127.0.0.1:{port}", [made[client] for client in CLIENTS]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--mean-s", type=float, default=8.0, help="seconds between two kills, on average")
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    before = environment()
    with service(asked.database, PORT) as (url, known):
        found = asyncio.run(
            run(url, known, seed=asked.seed, jobs=asked.jobs, kills=asked.kills, mean_s=asked.mean_s, steps=asked.steps)
        )
    result = {"benchmark": "chaos", "dtype": "float32", "environment": before, "settings": vars(asked), **found}
    print(write(f"chaos-{asked.database}", result))
    print(found)
    sys.exit(0 if found["nothing_lost"] else 1)


if __name__ == "__main__":
    main()
