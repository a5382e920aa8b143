"""A mixed load through the engine, and through the stock pipelines one request after the other, in one run.

    python -m benchmarks.mixed [--model sd15] [--steps 20] [--requests 24] [--rounds 3] [--threads N]

Text to image, image to image and inpainting, each by four samplers, in float32 on the CPU: the engine gets all requests
at once and runs them in shared forwards; the stock side calls the pipeline that each wants, as a server with a lock
would, with a scheduler put in for each. Both sides make the same pictures, which may differ by 1 of 255 at most: else
the benchmark fails. Sides are interleaved A B B A.

The weights are random ones with four latent channels: the stock inpainting pipelines refuse the demo weights' eight.
"""

import argparse
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.engine import run_engine, run_stock
from benchmarks.load import MODES, SAMPLERS, mixed
from benchmarks.measure import environment, interleaved, summary, write
from benchmarks.sides import engine_and_stock
from deployments.catalog import CATALOG
from deployments.demo.pipelines import build_pipeline
from deployments.engine import Engine, GenerationRequest
from deployments.engine.resolve import resolve
from deployments.engine.spec import LoadSpec
from deployments.served import available_cores

MODELS = [name for name, card in CATALOG.items() if set(SAMPLERS[1:]) <= set(card.capabilities.samplers)]
"""Those of the UNet family: flow models have other samplers."""

CHANNELS = 4
"""Latent channels that the stock inpainting pipelines insist on."""

LARGEST_DIFFERENCE = 1
"""Of 255, between the two sides' pictures: neighbours change a picture's last bits, which may tip a rounding."""


def random_weights(model: str, folder: Path) -> None:
    """Write ``model``'s demo architecture with :data:`CHANNELS` latent channels and random weights to ``folder``."""
    pipeline = build_pipeline(model, seed=4)
    parts = {"vae": {"latent_channels": CHANNELS}, "unet": {"in_channels": CHANNELS, "out_channels": CHANNELS}}
    for name, config in parts.items():
        part = getattr(pipeline, name)
        setattr(pipeline, name, type(part).from_config(part.config, **config).eval())
    pipeline.save_pretrained(folder, safe_serialization=True)


def loads(engine: Engine, requests: int, side: int, steps: int) -> Iterator[list[GenerationRequest]]:
    """One list of resolved requests after the other, without end: the same whenever it is called."""
    for first in itertools.count(step=requests):
        numbers = range(first, first + requests)
        yield [resolve(mixed(number, side, steps, preview_every=0), engine.card) for number in numbers]


def largest_difference(ours: Sequence[Image.Image], theirs: Sequence[Image.Image]) -> int:
    """Of any channel of any pixel, out of 255."""
    pairs = zip(ours, theirs, strict=True)
    return max(int(np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16)).max()) for a, b in pairs)


def main() -> None:
    """Measure, compare, print, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="sd15", choices=MODELS)
    parser.add_argument("--size", type=int, default=128, help="pixels of a side")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--requests", type=int, default=24)
    parser.add_argument("--max-batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=available_cores(), help="of torch; all cores by default")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    where = environment()
    with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
        random_weights(options.model, Path(folder))
        spec = LoadSpec(options.model, weights=folder, device="cpu", dtype="float32")
        with engine_and_stock(spec, Path(folder), options.max_batch) as (engine, stock):
            load = engine, options.requests, options.size, options.steps
            for_stock, for_engine = loads(*load), loads(*load)
            theirs: list[Image.Image] = []
            ours: list[Image.Image] = []
            stock_s, engine_s = map(
                summary,
                interleaved(
                    lambda: theirs.extend(run_stock(stock, next(for_stock))),
                    lambda: ours.extend(run_engine(engine, next(for_engine))),
                    options.rounds,
                ),
            )
    difference = largest_difference(ours, theirs)
    if difference > LARGEST_DIFFERENCE:
        raise SystemExit(f"the sides' pictures differ by {difference} of 255")
    result: dict[str, Any] = {
        "benchmark": "mixed",
        "model": options.model,
        "weights": f"random, {CHANNELS} latent channels: stock inpainting refuses the demo weights' number",
        "dtype": "float32",
        "size": [options.size, options.size],
        "steps": options.steps,
        "modes": list(MODES),
        "samplers": [name or "shipped" for name in SAMPLERS],
        "requests": options.requests,
        "max_batch": options.max_batch,
        "output": "PIL images",
        "environment": where,
        "stock_s": stock_s,
        "engine_s": engine_s,
        "stock_images_per_s": round(options.requests / stock_s["median"], 3),
        "engine_images_per_s": round(options.requests / engine_s["median"], 3),
        "throughput_ratio": round(stock_s["median"] / engine_s["median"], 3),
        "pictures_compared": len(ours),
        "largest_difference_of_255": difference,
    }
    path = write(f"mixed-{options.model}-cpu", result)
    print(
        f"{options.requests} mixed requests at once: {result['throughput_ratio']} times the stock pipelines' throughput"
    )
    print(f"{len(ours)} pictures differ by at most {difference} of 255")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
