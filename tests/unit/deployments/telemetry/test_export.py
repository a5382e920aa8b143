"""Spans really leave the process, to where the environment says. In one of its own: a provider is set for good."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'darkroom[tracing]'")

PROGRAM = """
from opentelemetry import trace
from deployments.telemetry.export import export_traces
from deployments.telemetry.tracing import submission
export_traces("Router", "abc")
with submission() as told:
    print(told)
export_traces("Router", "abc")  # again: changes nothing
trace.get_tracer_provider().shutdown()
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, SimpleQueue[ExportTraceServiceRequest]]]:
    """An OTLP endpoint: its URL, and what arrives there."""
    arrived: SimpleQueue[ExportTraceServiceRequest] = SimpleQueue()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            arrived.put(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Take) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", arrived
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("named", "service"), [({}, "darkroom"), ({"OTEL_SERVICE_NAME": "pictures"}, "pictures")])
def test_spans_go_to_the_endpoint_under_the_service_s_name(
    named: dict[str, str], service: str, collector: tuple[str, SimpleQueue[ExportTraceServiceRequest]]
) -> None:
    url, arrived = collector
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**environ, **named, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (sent,) = arrived.get(timeout=10).resource_spans
    told = {attribute.key: attribute.value.string_value for attribute in sent.resource.attributes}
    assert (told["service.name"], told["darkroom.deployment"], told["service.instance.id"]) == (
        service,
        "Router",
        "abc",
    )
    (span,) = sent.scope_spans[0].spans
    assert span.name == "submit"
    assert run.stdout.split("-")[1:3] == [span.trace_id.hex(), span.span_id.hex()]
    assert arrived.empty()
