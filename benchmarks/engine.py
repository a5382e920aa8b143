"""The engine against the stock pipeline, in one process and one run.

    python -m benchmarks.engine [--model sd15] [--steps 20] [--requests 16] [--rounds 5]

Both sides make PIL images from the same demo weights, prompts, seeds, steps and size, in float32 on the CPU: the stock
pipeline one request after the other, as a server with a lock would; the engine all at once. Then one request alone on
each side. Sides are interleaved A B B A.
"""

import argparse
import itertools
import queue
from collections.abc import Sequence
from typing import Any

from PIL import Image

from benchmarks.measure import environment, interleaved, summary, write
from benchmarks.sides import StockCall, engine_and_stock
from deployments.demo import demo_folder
from deployments.engine import Completed, Engine, Event, Failed, GenerationRequest, ImageReady
from deployments.engine.resolve import resolve
from deployments.engine.spec import LoadSpec

_PROMPTS = itertools.count()
"""No prompt comes twice: the engine would find it in its cache, where the stock pipeline encodes it again."""


def new_requests(engine: Engine, steps: int, requests: int) -> list[GenerationRequest]:
    """``requests`` resolved requests with new prompts."""
    return [
        resolve(
            GenerationRequest(prompt=f"prompt {next(_PROMPTS)}", seed=number, steps=steps, preview_every=0), engine.card
        )
        for number in range(requests)
    ]


def run_stock(stock: StockCall, requests: Sequence[GenerationRequest]) -> list[Image.Image]:
    """Make the pictures of ``requests`` one after the other."""
    return [stock(request) for request in requests]


def run_engine(engine: Engine, requests: Sequence[GenerationRequest]) -> list[Image.Image]:
    """Submit ``requests`` at once, each for one picture; wait for all pictures, and return them in order."""
    inbox: queue.SimpleQueue[list[Event]] = queue.SimpleQueue()
    for request in requests:
        engine.submit(request, inbox.put)
    made: dict[str, Image.Image] = {}
    left = len(requests)
    while left:
        for event in inbox.get():
            if isinstance(event, Failed):
                raise RuntimeError(event.message)
            if isinstance(event, ImageReady):
                made[event.id] = event.image
            left -= isinstance(event, Completed)
    return [made[request.id] for request in requests]


def main() -> None:
    """Measure, print, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    where = environment()
    spec = LoadSpec(options.model, weights="demo", device="cpu", dtype="float32")
    with engine_and_stock(spec, demo_folder(options.model), options.requests) as (engine, stock):

        def compared(requests: int, rounds: int) -> tuple[list[float], list[float]]:
            return interleaved(
                lambda: run_stock(stock, new_requests(engine, options.steps, requests)),
                lambda: run_engine(engine, new_requests(engine, options.steps, requests)),
                rounds,
            )

        many, one = compared(options.requests, options.rounds), compared(1, 3 * options.rounds)
        size = engine.card.default_size
    (stock_many, ours_many), (stock_one, ours_one) = map(summary, many), map(summary, one)
    result: dict[str, Any] = {
        "benchmark": "engine",
        "model": options.model,
        "weights": "demo",
        "dtype": "float32",
        "size": list(size),
        "steps": options.steps,
        "output": "PIL images",
        "environment": where,
        "concurrent": {
            "requests": options.requests,
            "stock_s": stock_many,
            "engine_s": ours_many,
            "stock_images_per_s": round(options.requests / stock_many["median"], 3),
            "engine_images_per_s": round(options.requests / ours_many["median"], 3),
            "throughput_ratio": round(stock_many["median"] / ours_many["median"], 3),
        },
        "alone": {
            "stock_s": stock_one,
            "engine_s": ours_one,
            "latency_ratio": round(ours_one["median"] / stock_one["median"], 3),
        },
    }
    path = write(f"engine-{options.model}-cpu", result)
    concurrent, alone = result["concurrent"], result["alone"]
    print(f"{options.requests} at once: {concurrent['throughput_ratio']} times the stock pipeline's throughput")
    print(f"one alone: {alone['latency_ratio']} times its latency")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
