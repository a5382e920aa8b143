"""The page, section by section."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS
from benchmarks.report import engine, jobs, service

Rows = Callable[[dict[str, Any]], list[str]]

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"

INTRODUCTION = """\
# Performance

This page is written by `python -m benchmarks.report` from the files in `benchmarks/results/`, and `make bench` measures
anew. Compare ratios, which come from one run with both sides interleaved (A B B A, medians); absolute times are the
named machine's.
"""


def where(result: dict[str, Any]) -> str:
    """One line on the machine and the versions."""
    machine = result["environment"]
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", "diffusers", "ray"))
    gpu = machine["gpu"] or "no GPU"
    return (
        f"- `{result['file']}`: {machine['when'][:10]}, {machine['processor']}, "
        f"{machine['cores']} cores, {gpu}, {result['dtype']}, Python {machine['python']}, {versions}"
    )


def each(rows: Rows) -> Callable[[list[dict[str, Any]]], list[str]]:
    """A section for every result file."""
    return lambda results: [line for result in results for line in rows(result)]


SECTIONS: Mapping[str, Callable[[list[dict[str, Any]]], list[str]]] = {
    "engine": engine.engine_rows,
    "mixed": engine.mixed_rows,
    "against": each(service.against_rows),
    "service": each(service.service_rows),
    "modes": each(service.modes_rows),
    "open_loop": each(service.open_loop_rows),
    "cold_start": each(service.cold_start_rows),
    "event_loop": each(engine.event_loop_rows),
    "cancel": each(jobs.cancel_rows),
    "chaos": jobs.chaos_rows,
    "fairness": each(jobs.fairness_rows),
    "streams": each(jobs.streams_rows),
}
"""By the benchmark's name, in the order of the page."""


def page() -> str:
    """The whole page."""
    results = [json.loads(path.read_text()) | {"file": path.name} for path in sorted(RESULTS.glob("*.json"))]
    parts = [INTRODUCTION]
    for benchmark, told in SECTIONS.items():
        if found := [result for result in results if result["benchmark"] == benchmark]:
            parts += [*told(found), ""]
    parts += ["## Where it was measured", "", *(where(result) for result in results), ""]
    return "\n".join(parts)
