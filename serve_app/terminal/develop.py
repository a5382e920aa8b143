"""Develop pictures through a running service, with progress, and put them on disk."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from serve_app.terminal.client import ImageLink, ServiceClient, ServiceError
from serve_app.terminal.display import job_display, say

EXTENSIONS: Final = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
FORMATS: Final = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}


def develop(service: ServiceClient, body: Mapping[str, Any], console: Console) -> list[ImageLink]:
    """Submit ``body`` as a job, show its progress on ``console``, and return its images.

    Interrupted by ``KeyboardInterrupt``, it cancels the job and passes the interrupt on.

    Raises:
        ServiceError: refused, failed, or cancelled by somebody else.
    """
    job_id = None
    try:
        job_id = service.submit(body)["job_id"]
        with job_display(console) as show:
            for event in service.follow(job_id):
                show(event)
                match event["event"]:
                    case "complete":
                        return event["images"]
                    case "error":
                        raise ServiceError(event["code"], event["message"])
                    case "cancelled":
                        raise ServiceError("cancelled", f"job {job_id} was cancelled")
    except KeyboardInterrupt:
        if job_id is not None:
            _cancel(service, job_id, console)
        raise
    raise ServiceError("internal", f"the stream of job {job_id} ended without an outcome")


def _cancel(service: ServiceClient, job_id: str, console: Console) -> None:
    try:
        state = service.cancel(job_id)["status"]
    except ServiceError as error:
        say(console, f"job {job_id} could not be cancelled: {error.message}")
    else:
        say(console, f"job {job_id}: {state}")


def save(image: bytes, path: Path, *, overwrite: bool) -> Path:
    """Write ``image`` to ``path``; without ``overwrite``, to the first of ``path``, ``path-2``, … that is free.

    Raises:
        OSError: the file can't be written.
    """
    if overwrite:
        path.write_bytes(image)
        return path
    number = 1
    while True:
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            with candidate.open("xb") as file:  # "x": two commands at once can't pick the same name
                file.write(image)
            return candidate
        except FileExistsError:
            number += 1


def paths_for(output: Path, count: int) -> list[Path]:
    """One path for each of ``count`` images: ``output`` itself for one, else ``output-0``, ``output-1``, …"""
    return [output] if count == 1 else [output.with_stem(f"{output.stem}-{index}") for index in range(count)]


def name_from(prompt: str, format: str) -> Path:
    """A file name that tells the prompt: its first words in lower case, joined by dashes."""
    slug = "-".join(re.findall(r"\w+", prompt.lower()))[:60].strip("-_")
    return Path((slug or "picture") + EXTENSIONS[format])
