"""What is exported, and what is not: values once, jobs one by one, and no line that the host has anyway."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from shared.settings import settings
from shared.telemetry.setup import _is_not_the_workers, metric_reader, set_up_telemetry

HOST = json.loads((Path(__file__).parents[3] / "host.json").read_text(encoding="utf-8"))


class Kept(MetricExporter):
    """Keeps the points that it is given, by metric."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.points: list[tuple[str, str, float]] = []

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        for of_resource in metrics_data.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    self.points += [
                        (metric.name, str((point.attributes or {})["job_id"]), getattr(point, "value", 0))
                        for point in metric.data.data_points
                    ]
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Has nothing to end."""


@pytest.fixture
def exporters() -> list[Kept]:
    return [Kept(), Kept()]


@pytest.fixture
def provider(exporters: list[Kept], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "inf")
    provider = MeterProvider([metric_reader(exporter) for exporter in exporters])
    yield provider
    provider.shutdown()


def test_a_value_of_a_gauge_is_sent_once_to_each_receiver(provider: MeterProvider, exporters: list[Kept]) -> None:
    lag = provider.get_meter("test").create_gauge("ingestion.lag")
    lag.set(7.0, {"job_id": "orders"})
    lag.set(9.0, {"job_id": "gone"})
    for _ in range(15):  # exports between two ticks
        provider.force_flush()
    lag.set(8.0, {"job_id": "orders"})  # the next tick; the other job is over
    provider.force_flush()
    for exporter in exporters:
        assert sorted(exporter.points) == [
            ("ingestion.lag", "gone", 9.0),
            ("ingestion.lag", "orders", 7.0),
            ("ingestion.lag", "orders", 8.0),
        ]


def test_thousands_of_jobs_stay_apart(provider: MeterProvider, exporters: list[Kept]) -> None:
    meter = provider.get_meter("test")
    rows, lag = meter.create_counter("ingestion.rows"), meter.create_gauge("ingestion.lag")
    for number in range(2_500):
        rows.add(1, {"job_id": f"job-{number}"})
        lag.set(1.0, {"job_id": f"job-{number}"})
    provider.force_flush()
    assert Counter(name for name, _, _ in exporters[0].points) == {"ingestion.rows": 2_500, "ingestion.lag": 2_500}


@pytest.mark.parametrize(
    ("logger", "exported"),
    [
        ("azure_functions_worker", False),
        ("azure_functions_worker.dispatcher", False),
        ("azure_functions_runtime", False),
        ("activities.load_job", True),
        ("azure.core", True),
    ],
)
def test_the_system_log_of_the_worker_is_not_exported(logger: str, exported: bool) -> None:
    record = logging.LogRecord(logger, logging.WARNING, __file__, 1, "text", None, None)
    assert _is_not_the_workers(record) is exported


@pytest.mark.parametrize("name", ["azure", "urllib3"])
def test_the_sdks_log_no_request_also_without_telemetry(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in ("APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(setting, raising=False)
    settings.cache_clear()
    monkeypatch.setattr(logging.getLogger(name), "level", logging.INFO)
    set_up_telemetry()
    assert logging.getLogger(name).level == logging.WARNING
    settings.cache_clear()


def test_the_host_sends_neither_its_own_calls_nor_the_lines_of_the_app() -> None:
    """Only this section binds the provider of the host, and there only longer names than the host's own win."""
    levels = HOST["logging"]["OpenTelemetry"]["logLevel"]
    quiet = ("Azure.Core", "Microsoft.Azure.WebJobs.Script", "Microsoft.Azure.WebJobs.Extensions")
    assert {levels[name] for name in quiet} == {"Warning"}
    assert {levels[name] for name in ("Host.Results*", "Host.Aggregator*", "Function.*.User")} == {"None"}
    assert "azure" not in HOST["logging"]["logLevel"], "Python's loggers are no categories of the host"


def test_durable_traces_by_the_app_alone() -> None:
    """Version 2 is sent by another SDK without a token, and costs the host's lines of functions."""
    tracing = HOST["extensions"]["durableTask"]["tracing"]
    assert (tracing["distributedTracingEnabled"], tracing["version"]) == (True, "None")
