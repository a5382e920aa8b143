"""Where a process's spans go: to an OTLP endpoint, as OpenTelemetry's own environment variables say."""

import logging

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider

logger = logging.getLogger(__name__)

SERVICE = "darkroom"
"""The name of the service, unless ``OTEL_SERVICE_NAME`` gives another."""


def export_traces(deployment: str, replica: str) -> None:
    """Send this process's spans over OTLP (HTTP, protobuf); the SDK reads ``OTEL_EXPORTER_OTLP_…`` by itself.

    Does nothing where somebody has set up a provider already, as Ray Serve's own tracing does. Without the extra
    ``tracing`` it only warns: no trace is worth a service that does not start.
    """
    if not isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("traces are asked for, but can't be exported: pip install 'darkroom[tracing]'")
        return
    ours = {"service.name": SERVICE, "service.instance.id": replica, "darkroom.deployment": deployment}
    provider = TracerProvider(resource=Resource.create(ours).merge(OTELResourceDetector().detect()))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
