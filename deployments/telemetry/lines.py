"""Log lines as JSON: one object per line, with the job that a line is about."""

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal

from deployments.telemetry.context import concern

LogFormat = Literal["json", "text"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

FIELDS: Final = ("job", "attempt", "model", "status", "code", "seconds", "request_id", "route")
"""What a line may tell beside its message, from ``extra=``, from :func:`~deployments.telemetry.context.about` or from
Ray Serve. Everything else on a record stays out: nothing is logged by accident."""


class StampConcern(logging.Filter):
    """Writes on a record which job it is about, unless it says so itself: where it is logged, since the formatting may
    come later, in another task."""

    def filter(self, record: logging.LogRecord) -> bool:
        current = concern()
        if current is not None and not hasattr(record, "job"):
            record.job = current.job
            if current.attempt is not None:
                record.attempt = current.attempt
        return True


class JsonLines(logging.Formatter):
    """``{"time": "2026-11-20T12:00:00.000Z", "level", "logger", "message", "deployment", "replica", …}``.

    Of :data:`FIELDS` those that the record has; ``exception`` with the traceback, if it has one.
    """

    def __init__(self, deployment: str, replica: str) -> None:
        super().__init__()
        self._place = {"deployment": deployment, "replica": replica}

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._place,
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")}
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(line, default=str)
