"""How late a timer of the event loop wakes while the engine runs flat out in the same process.

    python -m benchmarks.event_loop [--model sd15] [--steps 20] [--in-flight 16] [--seconds 20] [--threads N] [--thawed]

A coroutine asks to sleep for 10 ms, again and again, and notes how much later it woke: first while the engine idles,
then, after a warm-up, while 16 requests are always in flight, text to image, image to image and inpainting by four
samplers, with previews. Each that ends is followed by another, which the event loop itself makes and submits. Demo
weights, float32, on the CPU.

What is loaded is frozen first, as Ray Serve does it when a replica has started: the garbage collector looks at it no
more. ``--thawed`` leaves that out: then one full collection, in which no other thread may run, can fall anywhere.
"""

import argparse
import asyncio
import gc
import itertools
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from benchmarks.load import COMBINATIONS, mixed
from benchmarks.measure import environment, summary, timed, write
from deployments.engine import Engine, Event, Failed
from deployments.engine.compute import Compute
from deployments.engine.events import TERMINAL
from deployments.engine.families.base import DenoiseState, Family
from deployments.engine.loader import load
from deployments.engine.spec import LoadSpec
from deployments.served import available_cores

TIMER_S = 0.010
"""What the coroutine sleeps."""

LIMIT_S = 0.050
"""What its lateness is held against, at the 99th percentile."""


class Forwards:
    """Counts the forwards of a family and the images in them."""

    def __init__(self, family: Family) -> None:
        self._denoise = family.denoise
        self.count = 0
        self.images = 0
        family.denoise = self._counted  # type: ignore[method-assign]

    def _counted(self, states: Sequence[DenoiseState]) -> None:
        self.count += 1
        self.images += len(states)
        self._denoise(states)


class Press:
    """Keeps an engine busy from an event loop: a request that ends is followed by another, until :meth:`stop`.

    Attributes:
        seen: events by the name of their kind.
    """

    def __init__(self, engine: Engine, steps: int, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._steps = steps
        self._loop = loop
        self._numbers = itertools.count()
        self._in_flight = 0
        self._stopping = False
        self._changed = asyncio.Event()
        self._failure: str | None = None
        self.seen: Counter[str] = Counter()

    def start(self, in_flight: int) -> None:
        """Submit the first requests."""
        for _ in range(in_flight):
            self._submit()

    async def done(self, requests: int) -> None:
        """Wait until so many have ended since the start. Raises RuntimeError if one failed."""
        while self.seen["Completed"] < requests and self._failure is None:
            await self._next()
        self._check()

    async def stop(self) -> None:
        """Submit no more, and wait for those in flight. Raises RuntimeError if one failed."""
        self._stopping = True
        while self._in_flight:
            await self._next()
        self._check()

    async def _next(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _check(self) -> None:
        if self._failure is not None:
            raise RuntimeError(self._failure)

    def _submit(self) -> None:
        side = self._engine.card.default_size[0]
        request = mixed(next(self._numbers), side, self._steps, preview_every=5)
        self._engine.submit(request, self._hear)
        self._in_flight += 1

    def _hear(self, events: list[Event]) -> None:
        """On a thread of the engine's."""
        self._loop.call_soon_threadsafe(self._see, events)

    def _see(self, events: list[Event]) -> None:
        """On the event loop."""
        for event in events:
            self.seen[type(event).__name__] += 1
            if isinstance(event, Failed):
                self._failure = event.message
            if isinstance(event, TERMINAL):
                self._in_flight -= 1
                if not self._stopping and self._failure is None:
                    self._submit()
        self._changed.set()


def frozen() -> float:
    """Collect garbage, and keep what is left from the collector for good; the seconds that the collection took."""
    seconds = timed(gc.collect)
    gc.freeze()
    return seconds


async def lateness(seconds: float) -> list[float]:
    """How much later than asked, in seconds, the timer woke each time, for so many seconds."""
    late = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        await asyncio.sleep(TIMER_S)
        late.append(time.perf_counter() - begun - TIMER_S)
    return late


async def measure(engine: Engine, forwards: Forwards, steps: int, in_flight: int, seconds: float) -> dict[str, Any]:
    """All figures; those of the busy engine begin when each kind of request has come out once."""
    idle = await lateness(seconds)
    press = Press(engine, steps, asyncio.get_running_loop())
    press.start(in_flight)
    await press.done(in_flight + COMBINATIONS)
    seen, count, images = press.seen.copy(), forwards.count, forwards.images
    begun = time.perf_counter()
    busy = await lateness(seconds)
    took = time.perf_counter() - begun
    seen, count, images = press.seen - seen, forwards.count - count, forwards.images - images
    await press.stop()
    return {
        "idle": {"late_s": summary(idle)},
        "flat_out": {
            "late_s": summary(busy),
            "seconds": round(took, 3),
            "forwards": count,
            "images_per_forward": round(images / count, 2),
            "images": seen["ImageReady"],
            "previews": seen["Preview"],
        },
    }


def main() -> None:
    """Measure, print, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--threads", type=int, default=available_cores(), help="of torch; all cores by default")
    parser.add_argument("--thawed", action="store_true", help="leave what is loaded to the garbage collector")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    where = environment()
    compute = Compute(torch.device("cpu"))
    loaded = compute(partial(load, LoadSpec(options.model, weights="demo", device="cpu", dtype="float32")))
    forwards = Forwards(loaded.family)
    collection_s = None if options.thawed else round(frozen(), 3)
    with Engine(loaded.family, loaded.card, max_batch=options.in_flight, compute=compute) as engine:
        found = asyncio.run(measure(engine, forwards, options.steps, options.in_flight, options.seconds))
    holds = found["flat_out"]["late_s"]["p99"] <= LIMIT_S
    result: dict[str, Any] = {
        "benchmark": "event_loop",
        "model": options.model,
        "weights": "demo",
        "dtype": "float32",
        "size": list(loaded.card.default_size),
        "steps": options.steps,
        "in_flight": options.in_flight,
        "timer_s": TIMER_S,
        "limit_s": LIMIT_S,
        "switch_interval_s": sys.getswitchinterval(),
        "frozen": not options.thawed,
        "full_collection_s": collection_s,
        "environment": where,
        **found,
        "holds": holds,
    }
    path = write(f"event-loop-{options.model}-cpu" + "-thawed" * options.thawed, result)
    for name in ("idle", "flat_out"):
        late = found[name]["late_s"]
        shown = ", ".join(f"{key} {1000 * late[key]:.1f} ms" for key in ("median", "p99", "max"))
        print(f"{name.replace('_', ' ')}: late by {shown}")
    print(f"p99 at most {1000 * LIMIT_S:.0f} ms: {'yes' if holds else 'NO'}")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
