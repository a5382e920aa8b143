"""SIGKILL to the processes of a service, by a seed: any of them that lives, again and again."""

import asyncio
import os
import signal
import time
from collections import Counter
from random import Random
from typing import Any, Final

import ray
from ray.exceptions import RayError

WEIGHTS: Final = {"model": 0.5, "Router": 0.3, "Ingress": 0.2}
"""How often which kind of process is hit."""


class Killer:
    """Kills ``count`` processes, about ``mean_s`` seconds apart.

    Of each kind it hits one that has come up, so that every kill takes a serving process away; where none is up, it
    waits. ``kills`` counts by kind.
    """

    def __init__(self, seed: int, count: int, mean_s: float) -> None:
        self.kills: Counter[str] = Counter()
        self._random = Random(seed)
        self._count = count
        self._mean_s = mean_s
        self._killed: set[int] = set()

    async def run(self) -> None:
        """All of them."""
        for _ in range(self._count):
            await asyncio.sleep(self._random.expovariate(1 / self._mean_s))
            kind = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
            await asyncio.to_thread(self._kill_one, kind)
            self.kills[kind] += 1

    def _kill_one(self, kind: str) -> None:
        while not (alive := [pid for pid in processes(kind) if pid not in self._killed]):
            time.sleep(0.2)
        pid = self._random.choice(sorted(alive))
        self._killed.add(pid)
        os.kill(pid, signal.SIGKILL)


def processes(kind: str) -> list[int]:
    """Process ids of the replicas whose deployment's name begins with ``kind``."""
    actors = [actor for actor in ray.util.list_named_actors(all_namespaces=True) if f"#{kind}" in actor["name"]]
    found = []
    for actor in actors:
        try:
            handle = ray.get_actor(actor["name"], namespace=actor["namespace"])
            found.append(int(ray.get(handle.__ray_call__.remote(_pid), timeout=2)))
        except (ValueError, RayError):  # it has just died, or is not up yet
            continue
    return found


def _pid(_replica: Any) -> int:
    return os.getpid()
