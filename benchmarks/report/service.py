"""What was measured of the service over HTTP."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.words import milliseconds


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


SIDES: Mapping[str, str] = {
    "darkroom": "Darkroom",
    "fastapi_lock": "FastAPI, the stock pipeline, a lock",
    "ray_example": "Ray's Stable Diffusion example",
}
"""Whom `benchmarks.against` compares."""


def against_rows(result: dict[str, Any]) -> list[str]:
    """The service beside what a user would take instead."""
    width, height = result["size"]
    rows = [
        f"## The service against what one would write instead ({result['model']}, {result['weights']} weights)",
        "",
        f"`POST` of a prompt, PNG back, {result['settings']['steps']} steps, {width}×{height}. All sides on the same "
        "cores, one at a time, each with",
        "all of them; all make the same pictures, or the benchmark fails.",
        "",
        "| at once | | images/s | median latency | p95 | Darkroom's throughput | Darkroom's latency |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        for name, side in case["sides"].items():
            ratio, latency = case["throughput_ratio"].get(name), case["latency_ratio"].get(name)
            rows.append(
                f"| {case['concurrency']} | {SIDES[name]} | {side['images_per_s']['median']:.2f} "
                f"| {milliseconds(side['latency_s']['median'])} | {milliseconds(side['latency_s']['p95'])} "
                + (f"| **{ratio:.2f} ×** | {latency:.2f} × |" if ratio is not None else "| | |")
            )
    return rows


MODES: Mapping[str, str] = {"default": "Serve's default", "throughput": "`RAY_SERVE_THROUGHPUT_OPTIMIZED=1`"}
"""What `benchmarks.modes` compares."""


def modes_rows(result: dict[str, Any]) -> list[str]:
    """The service in each of Serve's modes."""
    at_once = result["concurrent"]
    rows = [
        f"## Ray Serve's modes ({result['model']}, {result['weights']} weights, {result['steps']} steps)",
        "",
        f"The same application, PNG over HTTP, each turn on a cluster of its own. In throughput mode {at_once} at once "
        f"get **{result['throughput_ratio']:.2f} ×** the",
        f"images per second, and one alone takes {result['latency_ratio']:.2f} × the time.",
        "",
        f"| mode | one alone, median | p95 | images/s, {at_once} at once | `/health` p99 while saturated |",
        "|---|---|---|---|---|",
    ]
    for name, found in result["modes"].items():
        alone = found["alone_s"]
        rows.append(
            f"| {MODES[name]} | {milliseconds(alone['median'])} | {milliseconds(alone['p95'])} "
            f"| {found['images_per_s']['median']:.2f} | {milliseconds(found['health_p99_s']['median'])} |"
        )
    return rows


def open_loop_rows(result: dict[str, Any]) -> list[str]:
    """The service under requests that come when they come."""
    alone = ", ".join(f"{model} {milliseconds(latency)}" for model, latency in result["isolated_latency_s"].items())
    rows = [
        "## The service under an open load (demo weights)",
        "",
        f"Poisson arrivals from a fixed seed for {result['settings']['seconds']:g} s, each for one of the models at "
        "random; the clock of a",
        f"request starts when it was to be sent. Alone, a request takes: {alone}. Goodput: the share that ended within",
        "2 and 5 times that.",
        "",
        "| requests/s | images/s | latency: median | p95 | p99 | goodput 2 × | 5 × | wait for a start, median "
        "| first preview, median |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rates"]:
        latency = " | ".join(milliseconds(row["latency_s"][key]) for key in ("median", "p95", "p99"))
        rows.append(
            f"| {row['rate']:g} | {row['images_per_s']:.2f} | {latency} | {row['goodput_2x']:.0%} "
            f"| {row['goodput_5x']:.0%} | {milliseconds(row['admission_wait_s']['median'])} "
            f"| {milliseconds(row['first_preview_s']['median'])} |"
        )
    return rows


def cold_start_rows(result: dict[str, Any]) -> list[str]:
    """From the start of a process to its first picture."""
    service = result["service"]
    rows = [
        "## Cold start (demo weights)",
        "",
        "Fresh processes, one at a time, files in the system's cache; medians. The service: from its command to "
        f"`/health`, {service['answers_s']['median']:.1f} s, and to",
        f"`/health/ready` with all of these models, {service['ready_s']['median']:.1f} s.",
        "",
        "| model | Python and torch | the engine's imports | weights | first picture | second picture |",
        "|---|---|---|---|---|---|",
    ]
    for model, stages in result["models"].items():
        rows.append(f"| {model} | " + " | ".join(milliseconds(stage["median"]) for stage in stages.values()) + " |")
    return rows
