"""An OTLP receiver on this machine: takes what exporters send over HTTP and decodes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.post_server import post_server


@dataclass
class Telemetry:
    """What has arrived so far, as protobuf messages of OpenTelemetry."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def take(self, path: str, body: bytes) -> int:
        """Decode one request; gives the status of the answer."""
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
        return 200

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
    with post_server(telemetry.take) as telemetry.url:
        yield telemetry
