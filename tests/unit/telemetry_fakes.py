"""Meters and traces that tests can read."""

from collections import Counter

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deployments.telemetry.meters import Instrument, Kind

Series = tuple[str, ...]


class RecordingMeters:
    """Keeps what is measured, by instrument and label values in the order of its labels. Insists on the labels."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, Series]] = Counter()
        self.gauges: dict[tuple[str, Series], float] = {}
        self.observations: dict[tuple[str, Series], list[float]] = {}

    def add(self, counter: Instrument, amount: float = 1, /, **labels: str) -> None:
        self.counts[_series(counter, "counter", labels)] += amount  # type: ignore[assignment]  # seconds are counted too

    def set(self, gauge: Instrument, value: float, /, **labels: str) -> None:
        self.gauges[_series(gauge, "gauge", labels)] = value

    def observe(self, histogram: Instrument, value: float, /, **labels: str) -> None:
        self.observations.setdefault(_series(histogram, "histogram", labels), []).append(value)

    def count(self, counter: Instrument, *series: str) -> float:
        return self.counts[counter.name, series]

    def observed(self, histogram: Instrument, *series: str) -> list[float]:
        return self.observations.get((histogram.name, series), [])


def _series(instrument: Instrument, kind: Kind, labels: dict[str, str]) -> tuple[str, Series]:
    assert instrument.kind == kind
    assert set(labels) == set(instrument.labels), instrument.name
    assert all(isinstance(value, str) for value in labels.values())
    return instrument.name, tuple(str(labels[name]) for name in instrument.labels)


def is_child(span: ReadableSpan, of: ReadableSpan) -> bool:
    """Directly under ``of``, in its trace."""
    above = of.context
    return span.parent is not None and (span.parent.trace_id, span.parent.span_id) == (above.trace_id, above.span_id)


class RecordingTracer:
    """A real tracer whose finished spans are kept."""

    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = self.provider.get_tracer("tests")

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def all(self) -> list[ReadableSpan]:
        return list(self._kept.get_finished_spans())
