"""What makes a Serve replica's process tell of itself: the one place where log lines and metrics meet Ray."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from deployments.telemetry.export import export_traces
from deployments.telemetry.lines import JsonLines, LogFormat, LogLevel, StampConcern
from deployments.telemetry.meters import Instrument, Meters

OURS: Final = ("serve_app", "deployments")
"""The packages whose lines are told from the configured level on; those of all others from WARNING."""

SERVE: Final = "ray.serve"
"""Serve's logger, whose handlers write the replica's log file."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """How the processes of the application tell of themselves.

    Attributes:
        log_format: of the lines in Ray's log files; what goes to a terminal is text.
        log_level: of this application's lines.
        traces: spans are exported (:func:`~deployments.telemetry.export.export_traces`).
    """

    log_format: LogFormat = "json"
    log_level: LogLevel = "INFO"
    traces: bool = False

    def set_up(self) -> Meters:
        """Set this process up; what it measures with. Once, inside a Serve replica, before anything else is done."""
        from ray import serve

        place = serve.get_replica_context()
        _set_up_lines(self.log_format, self.log_level, place.deployment, place.replica_tag)
        if self.traces:
            export_traces(place.deployment, place.replica_tag)
        return RayMeters()


class RayMeters:
    """:class:`~deployments.telemetry.meters.Meters` over Ray Serve's metrics, which Ray's Prometheus endpoint tells."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def add(self, counter: Instrument, amount: float = 1, /, **labels: str) -> None:
        if amount:  # Ray takes no zero
            self._of(counter).inc(amount, tags=labels)

    def set(self, gauge: Instrument, value: float, /, **labels: str) -> None:
        self._of(gauge).set(value, tags=labels)

    def observe(self, histogram: Instrument, value: float, /, **labels: str) -> None:
        self._of(histogram).observe(value, tags=labels)

    def _of(self, instrument: Instrument) -> Any:
        made = self._made.get(instrument.name)
        if made is None:
            made = self._made[instrument.name] = _made(instrument)
        return made


def _made(instrument: Instrument) -> Any:
    from ray.serve import metrics

    told: dict[str, Any] = {"description": instrument.help, "tag_keys": instrument.labels}
    match instrument.kind:
        case "counter":
            return metrics.Counter(instrument.name, **told)
        case "gauge":
            return metrics.Gauge(instrument.name, **told)
        case "histogram":
            return metrics.Histogram(instrument.name, boundaries=list(instrument.buckets), **told)


class _ToServe(logging.Handler):
    """Hands records to Serve's logger, whichever handlers that has by then."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(SERVE).handle(record)


def _set_up_lines(format: LogFormat, level: LogLevel, deployment: str, replica: str) -> None:
    """Every line of this process goes to the replica's file in Ray's folder of Serve logs.

    Of itself Ray keeps only Serve's own lines there; a line of ours would be dropped, or, from WARNING on, end bare in
    the worker's error output.
    """
    files = [
        target
        for handler in logging.getLogger(SERVE).handlers
        if isinstance(target := getattr(handler, "target", handler), logging.FileHandler)
    ]
    if not files:  # Serve writes elsewhere than into files here: the process's logging stays as it is
        return
    if format == "json":
        for file in files:
            file.setFormatter(JsonLines(deployment, replica))
    to_serve = _ToServe()
    to_serve.addFilter(StampConcern())
    logging.getLogger().addHandler(to_serve)
    for package in OURS:
        logging.getLogger(package).setLevel(level)
