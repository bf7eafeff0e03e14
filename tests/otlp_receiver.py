"""An OTLP receiver on this machine: takes what exporters send over HTTP and decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Telemetry:
    """What has arrived so far, as protobuf messages of OpenTelemetry."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, path: str, body: bytes) -> None:
        """Decode one request."""
        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.services.add(attributes(group.resource)["service.name"])
                self.spans += [span for scope in group.scope_spans for span in scope.spans]
        elif path == "/v1/logs":
            for group in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.logs += [record for scope in group.scope_logs for record in scope.log_records]
        else:
            assert path == "/v1/metrics"
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [metric for scope in group.scope_metrics for metric in scope.metrics]

    def points(self, metric: str) -> list[Any]:
        """Every data point of a metric."""
        return [
            point
            for one in self.metrics
            if one.name == metric
            for point in getattr(one, str(one.WhichOneof("data"))).data_points
        ]


def attributes(message: Any) -> dict[str, Any]:
    """The attributes of a span, a log record, a data point or a resource."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in message.attributes}


@contextmanager
def otlp_receiver() -> Iterator[Telemetry]:
    """A receiver that listens on a port of its own."""
    telemetry = Telemetry()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            telemetry.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Keeps quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    telemetry.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield telemetry
    finally:
        server.shutdown()
        server.server_close()
