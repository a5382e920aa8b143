"""Writes ``docs/performance.md`` from the result files: no figure without its file.

    python -m benchmarks.report [--check]

``--check`` writes nothing and fails if the page is not what the result files say.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS

Rows = Callable[[dict[str, Any]], list[str]]

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"

INTRODUCTION = """\
# Performance

This page is written by `python -m benchmarks.report` from the files in `benchmarks/results/`, and `make bench` measures
anew. Compare ratios, which come from one run with both sides interleaved (A B B A, medians); absolute times are the
named machine's.
"""


def milliseconds(seconds: float) -> str:
    """``0.1234`` as ``123 ms``."""
    return f"{1000 * seconds:.0f} ms"


def engine_rows(results: list[dict[str, Any]]) -> list[str]:
    """The engine against the stock pipeline."""
    rows = [
        "## The engine against the stock pipeline",
        "",
        "Stock: one call after the other, as a server with a lock runs them. Engine: all requests at once. Same",
        "weights, prompts, seeds, steps, size and dtype; both make PIL images.",
        "",
        "| model | steps, size | requests | stock images/s | engine images/s | throughput | one alone: latency |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        many, alone = result["concurrent"], result["alone"]
        width, height = result["size"]
        rows.append(
            f"| {result['model']} ({result['weights']}) | {result['steps']}, {width}×{height} | {many['requests']} "
            f"| {many['stock_images_per_s']:.2f} | {many['engine_images_per_s']:.2f} "
            f"| **{many['throughput_ratio']:.2f} ×** | {alone['latency_ratio']:.2f} × |"
        )
    return rows


def mixed_rows(results: list[dict[str, Any]]) -> list[str]:
    """Mixed requests through the engine, against the stock pipelines."""
    samplers = ", ".join(results[0]["samplers"])
    rows = [
        "## A mixed load",
        "",
        f"Text to image, image to image and inpainting in equal parts, each by four samplers ({samplers}).",
        "Stock: the pipeline and the scheduler that each request wants, one call after the other. Engine: all at once,",
        "in shared forwards. Both sides make the same pictures, or the benchmark fails: the last column is the largest",
        "difference, of 255. Random weights of the demo architectures with four latent channels, because the stock",
        "inpainting pipelines refuse the demo weights' eight.",
        "",
        "| model | steps, size | requests | threads | stock images/s | engine images/s | throughput | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        width, height = result["size"]
        rows.append(
            f"| {result['model']} | {result['steps']}, {width}×{height} | {result['requests']} "
            f"| {result['environment']['torch_threads']} "
            f"| {result['stock_images_per_s']:.2f} | {result['engine_images_per_s']:.2f} "
            f"| **{result['throughput_ratio']:.2f} ×** | {result['largest_difference_of_255']} |"
        )
    return rows


def event_loop_rows(result: dict[str, Any]) -> list[str]:
    """How late a timer wakes beside a busy engine."""
    timer, limit = milliseconds(result["timer_s"]), milliseconds(result["limit_s"])
    busy = result["flat_out"]
    rows = [
        f"| {what} | " + " | ".join(f"{1000 * found['late_s'][key]:.1f} ms" for key in ("median", "p99", "max")) + " |"
        for what, found in (("engine idle", result["idle"]), ("engine flat out", busy))
    ]
    collected = "What is loaded is left to the garbage collector."
    if result["frozen"]:
        took = milliseconds(result["full_collection_s"])
        collected = (
            "What is loaded is frozen first, as Ray Serve does it when a replica has started: one full garbage "
            f"collection of it, in which no other thread runs, took {took}."
        )
    return [
        f"## The event loop beside the engine ({result['model']}, {result['weights']} weights)",
        "",
        f"How much later than asked a {timer} timer of asyncio wakes in the engine's own process. Flat out:",
        f"{result['in_flight']} requests in flight all the time, of all modes and four samplers, with previews; each",
        "that ends is followed by one that the event loop makes and submits.",
        "",
        "| | median | p99 | max |",
        "|---|---|---|---|",
        *rows,
        "",
        f"The limit is {limit} at p99, which {'holds' if result['holds'] else 'does NOT hold'}. The engine ran "
        f"{busy['forwards']} forwards of {busy['images_per_forward']:.1f} images in {busy['seconds']:.0f} s and made "
        f"{busy['images']} pictures and {busy['previews']} previews, with {result['environment']['torch_threads']} "
        "torch thread(s).",
        collected,
    ]


def service_rows(result: dict[str, Any]) -> list[str]:
    """The whole service against the engine alone."""
    alone, many, job = result["alone"], result["concurrent"], result["job_alone_s"]
    figures = {
        "one image, engine alone": alone["engine_s"],
        "one image over HTTP": alone["service_s"],
        "job accepted (committed and answered)": job["accepted"],
        "first event on its stream": job["first_event"],
        "first step on its stream": job["progress"],
        "first preview (step 5)": job["preview"],
        "`/health` while saturated": result["health_while_saturated_s"],
        "client gone → device free": result["disconnect_to_device_free_s"],
    }
    rows = [
        f"| {what} | {milliseconds(found['median'])} | {milliseconds(found['p99'])} |"
        for what, found in figures.items()
    ]
    return [
        f"## The service over HTTP ({result['model']}, {result['weights']} weights, {result['steps']} steps)",
        "",
        "PNG over HTTP, every request a job in SQLite, every image in the blob store. Ray, the replicas, the client",
        "and the engine it is compared with share the same cores, all of which the model wants.",
        "",
        "| what | median | p99 |",
        "|---|---|---|",
        *rows,
        "",
        f"So the service adds {milliseconds(alone['added_s_per_image'])} to an image alone, and "
        f"{milliseconds(many['added_s_per_image'])} per image at {many['requests']} at once, where the engine makes "
        f"{many['engine_images_per_s']:.2f} and the service {many['service_images_per_s']:.2f} images/s.",
    ]


def chaos_rows(results: list[dict[str, Any]]) -> list[str]:
    """What becomes of jobs while processes are killed."""
    rows = [
        "## Nothing lost",
        "",
        "`python -m benchmarks.chaos`: model replicas, the Router and Ingresses get SIGKILL at random moments, while",
        "jobs run; clients come back by `Last-Event-ID`. Every job must end exactly once, with the bytes of an",
        "undisturbed run.",
        "",
        "| database | jobs | kills | ended exactly once | same bytes | streams whole | ran again | from a saved step |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        kills = ", ".join(f"{count} {kind}" for kind, count in sorted(result["kills"].items()))
        rows.append(
            f"| {result['settings']['database']} | {result['jobs']} | {kills} | {result['ended_exactly_once']} "
            f"| {result['pictures_equal_to_undisturbed']} | {result['streams_with_ascending_ids']} "
            f"| {result['restarts_told']} times | {result['restarts_from_a_saved_step']} times |"
        )
    return rows


def fairness_rows(result: dict[str, Any]) -> list[str]:
    """Who got how much of a busy model."""
    shares = ", ".join(f"{client} {work:.0f}" for client, work in result["work_by_client"].items())
    return [
        "## Fairness under load",
        "",
        "Three clients keep 400 jobs each waiting, of 2, 8 and 20 steps. Rows of work that each got in "
        f"{result['seconds']:.0f} s: {shares}; Jain's index **{result['jains_index']:.4f}** (1 is equal).",
        f"A newcomer's single job began {result['newcomer_waited_s']:.2f} s after it was submitted.",
    ]


def streams_rows(result: dict[str, Any]) -> list[str]:
    """What many open streams cost."""
    before, during = result["megabytes_before"], result["megabytes_with_all_open"]
    apart = result["seconds_between_the_first_and_the_last_reader_of_a_step"]
    return [
        "## Many streams",
        "",
        f"{result['streams']} event streams on {result['jobs']} jobs through one Ingress, client and models on the",
        f"same cores: {result['came_to_their_end']} came to their end; all were open after "
        f"{result['seconds_until_all_open']:.0f} s. The Ingress took {before['Ingress']:.0f} MB before and "
        f"{during['Ingress']:.0f} MB with all open, the Router {before['Router']:.0f} and {during['Router']:.0f} MB.",
        f"Half of all steps reached the last of their readers within {milliseconds(apart['median'])} of the first.",
    ]


def cancel_rows(result: dict[str, Any]) -> list[str]:
    """How many forwards a cancelled job still takes part in."""
    rows = [
        f"## A cancel, counted in forwards ({result['model']}, demo weights)",
        "",
        "Forwards that began with the job in them after the client had sent `POST /v1/jobs/{id}/cancel`. The one under",
        "way at that moment began before. More than one begins only where a step is shorter than the call's way to the",
        "engine. Client, Router and model share the same cores.",
        "",
        "| size | others in the batch | a step takes | cancels | no further forward | one | more "
        "| the last began, p95 | answered |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        further = {int(count): times for count, times in case["forwards_begun_after_the_call"].items()}
        rows.append(
            f"| {case['side']}×{case['side']} | {case['others']} | {milliseconds(case['step_s']['median'])} "
            f"| {case['cancels']} | {further.get(0, 0)} | {further.get(1, 0)} "
            f"| {sum(times for count, times in further.items() if count > 1)} "
            f"| after {milliseconds(case['call_to_beginning_of_last_forward_s']['p95'])} "
            f"| after {milliseconds(case['answer_s']['median'])} |"
        )
    return rows


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
    "engine": engine_rows,
    "mixed": mixed_rows,
    "service": each(service_rows),
    "event_loop": each(event_loop_rows),
    "cancel": each(cancel_rows),
    "chaos": chaos_rows,
    "fairness": each(fairness_rows),
    "streams": each(streams_rows),
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


def main() -> None:
    """Write the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if not PAGE.is_file() or PAGE.read_text() != page():
            sys.exit("docs/performance.md is not what benchmarks/results/ says: run python -m benchmarks.report")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
