"""What a service told, as tables for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from serve_app.jobs.store import ApiKey

PIPE_WIDTH: Final = 200
"""Columns where the output is no terminal: lines of a pipe are read by programs and never need to fit a screen."""


def print_table(table: Table) -> None:
    """Print ``table`` on stdout."""
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def models_table(told: dict[str, Any]) -> Table:
    """The answer of ``GET /v1/models``."""
    names = ("model", "state", "size", "steps", "replicas", "queued", "running", "weights", "aliases")
    return _table(names, (_model(model) for model in told["data"]))


def jobs_table(told: dict[str, Any]) -> Table:
    """The answer of ``GET /v1/jobs``; times in this machine's own time zone."""
    names = ("job", "status", "model", "prompt", "progress", "created")
    return _table(names, (_job(job) for job in told["jobs"]))


def keys_table(keys: "Iterable[ApiKey]") -> Table:
    """Keys of a database; times in this machine's own time zone."""
    return _table(("key", "client", "admin", "created", "revoked"), (_key(key) for key in keys))


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table()
    for name in names:
        # an id that is cut could not be copied
        table.add_column(name, no_wrap=name in {"job", "key", "model", "state", "size"}, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))  # a prompt's brackets are no markup
    return table


def _model(model: dict[str, Any]) -> list[str]:
    able = model["capabilities"]
    return [
        model["id"],
        model["state"],
        "×".join(map(str, able["default_size"])),
        str(able["default_steps"]),
        *(str(model[count]) for count in ("replicas", "queued", "running")),
        model["weights"],
        ", ".join(model["aliases"]),
    ]


def _key(key: "ApiKey") -> list[str]:
    revoked = "" if key.revoked_at is None else _time(key.revoked_at)
    return [key.id, key.client, "yes" if key.admin else "", _time(key.created_at), revoked]


def _job(job: dict[str, Any]) -> list[str]:
    prompt = _cut(job["request"]["prompt"])
    return [job["job_id"], job["status"], job["model"], prompt, _progress(job), _time(job["created_at"])]


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


def _progress(job: dict[str, Any]) -> str:
    if job["progress"]:
        return f"{job['progress']['step']}/{job['progress']['total']}"
    if job["position"] is not None:
        return f"position {job['position']}"
    return job["error"]["code"] if job["error"] else ""


def _cut(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
