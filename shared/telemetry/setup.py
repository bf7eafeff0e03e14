"""Where telemetry goes: to Application Insights, to any OTLP receiver, or to both.

The exporters are set up by hand, not by Azure Monitor's distribution: that one instruments HTTP clients as well, and
their addresses may hold secrets (webhooks, API keys in queries). The host exports for itself (`telemetryMode`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.identity import credential
from shared.settings import settings
from shared.telemetry.fields import add_fields_to_log_records

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

SERVICE = "excel-to-lake"  # OTEL_SERVICE_NAME wins
_NOISY_LOGGERS = ("azure", "urllib3")  # each request of theirs at INFO


@dataclass(frozen=True)
class _Exporters:
    spans: SpanExporter
    metrics: MetricExporter
    logs: LogRecordExporter


def set_up_telemetry() -> None:
    """Start to export what the settings ask for; the libraries are imported only then. Once per process.

    Never fails: an exception while function_app.py is imported leaves the app without a single function.
    """
    try:
        _set_up()
    except Exception as error:
        log.error("No telemetry is exported: %s: %s", type(error).__name__, error)  # noqa: TRY400


def _set_up() -> None:
    wanted = [_azure_monitor] if settings().applicationinsights_connection_string else []
    wanted += [_otlp] if settings().otel_exporter_otlp_endpoint else []
    if wanted:
        _export([exporters() for exporters in wanted])
        add_fields_to_log_records()
        for name in _NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)


def _azure_monitor() -> _Exporters:
    from azure.monitor.opentelemetry.exporter import (
        AzureMonitorLogExporter,
        AzureMonitorMetricExporter,
        AzureMonitorTraceExporter,
    )

    connection = settings().applicationinsights_connection_string
    assert connection is not None
    place = {"connection_string": connection.get_secret_value(), "credential": credential()}
    return _Exporters(
        AzureMonitorTraceExporter(**place), AzureMonitorMetricExporter(**place), AzureMonitorLogExporter(**place)
    )


def _otlp() -> _Exporters:
    """Address, headers and the rest come from the standard variables OTEL_EXPORTER_OTLP_…."""
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return _Exporters(OTLPSpanExporter(), OTLPMetricExporter(), OTLPLogExporter())


def _export(exporters: list[_Exporters]) -> None:
    from opentelemetry import metrics, trace
    from opentelemetry._logs import set_logger_provider
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": SERVICE}))
    spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    for each in exporters:
        spans.add_span_processor(BatchSpanProcessor(each.spans))
        logs.add_log_record_processor(BatchLogRecordProcessor(each.logs))
    readers = [PeriodicExportingMetricReader(each.metrics) for each in exporters]
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider(readers, resource=resource))
    set_logger_provider(logs)
    logging.getLogger().addHandler(LoggingHandler(logging.INFO, logs))
