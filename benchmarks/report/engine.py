"""What was measured of the engine."""

from typing import Any

from benchmarks.report.words import milliseconds


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
