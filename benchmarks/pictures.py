"""Do the demo models make what is asked for? Two hundred prompts, each picture read by its pixels.

    python -m benchmarks.pictures [--model sd15] [--sample] [--folder DIR] [--sheet FILE.png] [--out FILE.json]

Prints the share that is right by what was asked for, and what is not. Fails if a model gets less than 90 % of its
pictures wholly right.
"""

import json
import queue
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from PIL import Image
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from benchmarks.measure import environment
from deployments.catalog import MAIN_MODELS
from deployments.demo.check.cases import CASES, SAMPLE, Case
from deployments.demo.check.read import Reader, misses
from deployments.demo.world.labels import CLASSES
from deployments.engine import Completed, Engine, Event, GenerationRequest, ImageReady
from deployments.engine.events import TERMINAL

NEEDED = 0.9
"""The share of pictures that must be wholly right."""

_SIDE = 128  # pixels: what the reader reads
_DTYPE = "float32"
_PATIENCE_S = 300.0
_COLUMNS = 20
_FRAME = 4

Pixels = npt.NDArray[np.uint8]
Misses = dict[str, tuple[str, str]]


def pictures(engine: Engine, cases: Sequence[Case], **settings: Any) -> Iterator[tuple[Case, Pixels]]:
    """Ask for all ``cases`` at once, in default steps; each comes with its pixels (128, 128, 3) as soon as it is ready.

    Args:
        settings: further fields of every request.

    Raises:
        RuntimeError: one of them failed.
        queue.Empty: nothing happened for five minutes.
    """
    inbox: queue.SimpleQueue[list[Event]] = queue.SimpleQueue()
    asked = {}
    for case in cases:
        asks = {"prompt": case.prompt, "seed": case.seed, "width": _SIDE, "height": _SIDE, "preview_every": 0}
        request = GenerationRequest.model_validate(asks | settings)
        asked[engine.submit(request, inbox.put).id] = case
    left = len(asked)
    while left:
        for event in inbox.get(timeout=_PATIENCE_S):
            if isinstance(event, ImageReady):
                yield asked[event.id], np.asarray(event.image)
            if isinstance(event, TERMINAL):
                if not isinstance(event, Completed):
                    raise RuntimeError(f"{asked[event.id].prompt!r} ended with {event}")
                left -= 1


def alone(engine: Engine, cases: Sequence[Case]) -> float:
    """Median seconds of a default picture that has the engine for itself."""
    seconds = []
    for case in cases:
        begun = time.perf_counter()
        engine.generate(GenerationRequest(prompt=case.prompt, seed=case.seed))
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def figures(cases: Sequence[Case], missed: Mapping[int, Misses]) -> dict[str, Any]:
    """What there is to say of a model: shares right, in all and by what was asked for, and every miss.

    ``missed`` is :func:`misses` for each case's seed.
    """
    asked = Counter(key for case in cases for key in case.wanted)
    wrong = Counter(key for what in missed.values() for key in what)
    return {
        "cases": len(cases),
        "right": round(sum(not what for what in missed.values()) / len(cases), 4),
        "right_by_class": {key: round(1 - wrong[key] / asked[key], 4) for key in CLASSES if asked[key]},
        "misses": [
            {
                "prompt": case.prompt,
                "seed": case.seed,
                "wanted": {key: wanted for key, (wanted, _) in missed[case.seed].items()},
                "read": {key: read for key, (_, read) in missed[case.seed].items()},
            }
            for case in cases
            if missed[case.seed]
        ],
    }


def table(results: dict[str, dict[str, Any]]) -> Table:
    """A row for each thing that was asked for, a column for each model."""
    shown = Table("asked for", *results)
    keys = [key for key in CLASSES if any(key in result["right_by_class"] for result in results.values())]
    for key in keys:
        shown.add_row(key, *(f"{result['right_by_class'].get(key, 1):.1%}" for result in results.values()))
    shown.add_section()
    shown.add_row("all of it", *(f"{result['right']:.1%}" for result in results.values()), style="bold")
    times = [result["default_picture_alone_s"] for result in results.values()]
    shown.add_row("one picture alone", *(f"{seconds:.2f} s" for seconds in times))
    return shown


def sheet(rows: Sequence[tuple[Pixels, bool]]) -> Image.Image:
    """All pictures on one, twenty in a row; those that are not right in a red frame."""
    high = -(-len(rows) // _COLUMNS)
    image = Image.new("RGB", (_SIDE * min(_COLUMNS, len(rows)), _SIDE * high), "white")
    for index, (pixels, right) in enumerate(rows):
        framed = pixels.copy()
        if not right:
            inside = pixels[_FRAME:-_FRAME, _FRAME:-_FRAME]
            framed[:] = (230, 0, 0)
            framed[_FRAME:-_FRAME, _FRAME:-_FRAME] = inside
        image.paste(Image.fromarray(framed), (_SIDE * (index % _COLUMNS), _SIDE * (index // _COLUMNS)))
    return image


def main(
    model: Annotated[list[str] | None, typer.Option(help="A model to ask; several times for several.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Only every eighth prompt.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Weights from DIR/MODEL instead of the demo weights.")] = None,
    sheet_file: Annotated[Path | None, typer.Option("--sheet", help="Write all pictures to this file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Ask each model for its pictures, read them, and say what is right."""
    console, where = Console(), environment()
    cases = SAMPLE if sample else CASES
    reader = Reader.fitted()
    results: dict[str, dict[str, Any]] = {}
    rows: list[tuple[Pixels, bool]] = []
    for name in model or MAIN_MODELS:
        weights = str((folder / name).absolute()) if folder else "demo"
        with Engine.load(name, weights=weights, device="auto", dtype=_DTYPE, max_batch=16) as engine:
            begun = time.perf_counter()
            coming = track(pictures(engine, cases), name, len(cases), console=console)
            made = {case.seed: pixels for case, pixels in coming}
            seconds = time.perf_counter() - begun
            alone_s = alone(engine, cases[:5])
            steps, where_it_ran = engine.card.default_steps, engine.stats().device
        missed = {case.seed: misses(case.wanted, reader.read(made[case.seed])) for case in cases}
        results[name] = {
            "weights": "demo" if folder is None else "folder",
            "device": where_it_ran,
            "steps": steps,
            "seconds": round(seconds, 1),
            "default_picture_alone_s": round(alone_s, 3),
        } | figures(cases, missed)
        rows += [(made[case.seed], not missed[case.seed]) for case in cases]
    console.print(table(results))
    for name, result in results.items():
        for miss in result["misses"]:
            what = ", ".join(f"{key} {miss['wanted'][key]}, not {miss['read'][key]}" for key in miss["wanted"])
            console.print(f"{name}: {escape(miss['prompt'])}: {what}", highlight=False, soft_wrap=True)
    if sheet_file:
        sheet(rows).save(sheet_file)
    if out:
        result = {
            "benchmark": "pictures",
            "dtype": _DTYPE,
            "size": [_SIDE, _SIDE],
            "environment": where,
            "models": results,
        }
        out.write_text(json.dumps(result, indent=2) + "\n")
        console.print(f"written to {out}")
    if any(result["right"] < NEEDED for result in results.values()):
        sys.exit(1)


if __name__ == "__main__":
    typer.run(main)
