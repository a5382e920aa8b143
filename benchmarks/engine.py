"""The engine against the stock pipeline, in one process and one run.

    python -m benchmarks.engine [--model sd15] [--steps 20] [--requests 16] [--rounds 5]

Both sides make PIL images from the same demo weights, prompts, seeds, steps and size, in float32 on the CPU: the stock
pipeline one request after the other, as a server with a lock would; the engine all at once. Then one request alone on
each side. Sides are interleaved A B B A.
"""

import argparse
import itertools
import queue
from typing import Any

import diffusers
import torch

from benchmarks.measure import environment, interleaved, summary, write
from deployments.demo import demo_folder
from deployments.engine import Completed, Engine, Event, Failed, GenerationRequest

_PROMPTS = itertools.count()
"""No prompt comes twice: the engine would find it in its cache, where the stock pipeline encodes it again."""


class Stock:
    """The stock pipeline, called as its documentation says."""

    def __init__(self, engine: Engine, steps: int) -> None:
        self._card = engine.card
        self._steps = steps
        pipeline: Any = getattr(diffusers, self._card.pipeline)
        self._pipeline = pipeline.from_pretrained(demo_folder(self._card.id), dtype=torch.float32)
        self._pipeline.set_progress_bar_config(disable=True)

    def run(self, requests: int) -> None:
        """Make ``requests`` images of new prompts, one after the other."""
        extra: dict[str, Any] = {}
        if self._card.max_sequence_length is not None:
            extra["max_sequence_length"] = self._card.max_sequence_length
        if self._card.capabilities.supports_guidance:
            extra["guidance_scale"] = self._card.default_guidance
        width, height = self._card.default_size
        for number in range(requests):
            self._pipeline(
                f"prompt {next(_PROMPTS)}",
                width=width,
                height=height,
                num_inference_steps=self._steps,
                generator=torch.Generator("cpu").manual_seed(number),
                **extra,
            )


def run_engine(engine: Engine, steps: int, requests: int) -> None:
    """Submit ``requests`` requests with new prompts at once and wait for all images."""
    inbox: queue.SimpleQueue[list[Event]] = queue.SimpleQueue()
    for number in range(requests):
        prompt = f"prompt {next(_PROMPTS)}"
        engine.submit(GenerationRequest(prompt=prompt, seed=number, steps=steps, preview_every=0), inbox.put)
    left = requests
    while left:
        for event in inbox.get():
            if isinstance(event, Failed):
                raise RuntimeError(event.message)
            left -= isinstance(event, Completed)


def main() -> None:
    """Measure, print, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    where = environment()
    with Engine.load(
        options.model, weights="demo", device="cpu", dtype="float32", max_batch=options.requests
    ) as engine:
        stock = Stock(engine, options.steps)
        many = interleaved(
            lambda: stock.run(options.requests),
            lambda: run_engine(engine, options.steps, options.requests),
            options.rounds,
        )
        one = interleaved(lambda: stock.run(1), lambda: run_engine(engine, options.steps, 1), 3 * options.rounds)
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
