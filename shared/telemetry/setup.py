"""Where telemetry goes: to Application Insights, to any OTLP receiver, or to both.

The exporters are set up by hand, not by Azure Monitor's distribution: that one instruments HTTP clients as well, and
their addresses may hold secrets (webhooks, API keys in queries). The host exports for itself (`telemetryMode`), and
host.json keeps it from sending the app's lines a second time.
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
    from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import SpanExporter

log = logging.getLogger(__name__)

SERVICE = "excel-to-lake"  # OTEL_SERVICE_NAME wins
# The SDKs of Azure log each request at INFO, headers and all: 85 % of a job's lines. host.json cannot quiet them, since
# the host knows the lines of Python by the function that wrote them.
_NOISY_LOGGERS = ("azure", "urllib3")
_WORKER = "azure_functions_"  # begins the names of the loggers of Azure's worker: its system log, which the host has
_SERIES = 100_000  # of one metric: by default the SDK adds up all jobs from the 2,000th on


@dataclass(frozen=True)
class _Exporters:
    spans: SpanExporter
    metrics: MetricExporter
    logs: LogRecordExporter


def set_up_telemetry() -> None:
    """Start to export what the settings ask for; the libraries are imported only then. Once per process.

    Without any telemetry it still quiets the loggers of the SDKs. Never fails: an exception while function_app.py is
    imported leaves the app without a single function.
    """
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
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
    readers = [metric_reader(each.metrics) for each in exporters]
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider(readers, resource=resource))
    set_logger_provider(logs)
    handler = LoggingHandler(logging.INFO, logs)
    handler.addFilter(_is_not_the_workers)
    logging.getLogger().addHandler(handler)


def metric_reader(exporter: MetricExporter) -> PeriodicExportingMetricReader:
    """A reader that sends each value of a gauge once.

    A gauge with cumulative temporality repeats its last value in every export, for as long as the process lives: also
    of a job that is gone, and of an instance that measured once.

    Args:
        exporter: Where the metrics go; it also says how counters and histograms are added up.
    """
    from opentelemetry.sdk.metrics import Counter, Histogram
    from opentelemetry.sdk.metrics import _Gauge as Gauge
    from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader

    # The constructor of Azure Monitor's exporter does not take it, and a reader asks its exporter.
    exporter._preferred_temporality = {
        **(exporter._preferred_temporality or {}),
        Gauge: AggregationTemporality.DELTA,
    }
    return PeriodicExportingMetricReader(
        exporter, cardinality_limits=dict.fromkeys([Counter, Histogram, Gauge], _SERIES)
    )


def _is_not_the_workers(record: logging.LogRecord) -> bool:
    return not record.name.startswith(_WORKER)
