"""What the whole app sends to a real OTLP receiver and a webhook about one run: a load and a failure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from localhost.services import LocalServices
from tests.e2e.app import App
from tests.otlp_receiver import Telemetry, attributes, otlp_receiver
from tests.webhook_server import Webhook, webhook_server

SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_BLRP_SCHEDULE_DELAY": "100",
    "OTEL_METRIC_EXPORT_INTERVAL": "500",
}
HOOK = "s3cret-hook"


class Reported(NamedTuple):
    """A run that is over, and what was reported of it."""

    run_id: str
    telemetry: Telemetry
    webhook: Webhook
    log: str = ""

    def spans(self, name: str) -> list[Any]:
        return [span for span in self.telemetry.spans if span.name == name]

    def span(self, name: str) -> Any:
        (span,) = self.spans(name)
        return span

    def lines(self, beginning: str) -> list[Any]:
        """The log records that begin so."""
        return [record for record in self.telemetry.logs if record.body.string_value.startswith(beginning)]


@pytest.fixture(scope="module")
def reported(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reported]:
    with otlp_receiver() as telemetry, webhook_server(f"/{HOOK}") as webhook:
        settings = SOON | {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.url, "NOTIFY_WEBHOOK_URL": webhook.url}
        app = App(services, tmp_path_factory.mktemp("reported"), **settings)
        app.create_tables("orders", rows=5)
        app.put_workbook(app.row("orders", "orders"), app.row("gone", "gone"))
        with app.host:
            run_id = app.run()["run_id"]
            heard = Reported(run_id, telemetry, webhook)
            app.until(lambda: heard.spans("finish run"), "the run is traced to its end")
            app.until(lambda: heard.lines(f"Run {run_id}: "), "the log has its end")
            app.until(lambda: webhook.messages, "the webhook is notified")
            app.fire_timer("watch")  # the metrics that it adds to bring those before along
            app.until(lambda: telemetry.points("ingestion.lag"), "the lag is measured")
            exports = len(telemetry.points("ingestion.rows"))  # a counter is in each of them
            app.until(lambda: len(telemetry.points("ingestion.rows")) > exports + 3, "more exports follow the tick")
            yield heard._replace(log=app.host.log_text())


def test_a_trace_leads_from_the_trigger_to_the_jobs_and_their_stages(reported: Reported) -> None:
    trigger = reported.span("start run")
    attempts = {attributes(span)["job_id"]: span for span in reported.spans("load job")}
    below = [reported.span("plan run"), reported.span("finish run"), *attempts.values()]
    assert {span.parent_span_id for span in below} == {trigger.span_id}
    loaded = [span for span in reported.telemetry.spans if span.parent_span_id == attempts["orders"].span_id]
    assert [span.name for span in loaded][-3:] == ["extract", "normalize", "load"]
    assert {span.trace_id for span in (*below, *loaded)} == {trigger.trace_id}
    for first, second in pairwise(loaded):
        assert first.end_time_unix_nano == pytest.approx(second.start_time_unix_nano, abs=1_000)
    assert reported.telemetry.services == {"excel-to-lake"}


def test_a_span_says_how_its_attempt_ended(reported: Reported) -> None:
    by_job = {attributes(span)["job_id"]: span for span in reported.spans("load job")}
    loaded, failed = attributes(by_job["orders"]), attributes(by_job["gone"])
    assert (loaded["run_id"], loaded["attempt"], loaded["status"], loaded["rows"]) == (reported.run_id, 1, "SUCCESS", 5)
    assert (failed["status"], failed["error.type"]) == ("FAILED", "source")
    assert by_job["gone"].status.code == by_job["gone"].status.STATUS_CODE_ERROR


def test_log_lines_carry_run_job_and_attempt_and_their_trace(reported: Reported) -> None:
    (outcome,) = reported.lines(f"Run {reported.run_id}, job orders,")
    carried = attributes(outcome)
    assert (carried["run_id"], carried["job_id"], carried["attempt"]) == (reported.run_id, "orders", 1)
    assert outcome.trace_id == reported.span("start run").trace_id
    (end,) = reported.lines(f"Run {reported.run_id}: ")
    assert attributes(end)["run_id"] == reported.run_id


def test_metrics_count_rows_bytes_seconds_and_failures_and_measure_the_lag(reported: Reported) -> None:
    def latest(metric: str, **wanted: str) -> Any:
        points = [point for point in reported.telemetry.points(metric) if wanted.items() <= attributes(point).items()]
        return points[-1]

    assert latest("ingestion.rows", job_id="orders").as_int == 5
    assert latest("ingestion.bytes", job_id="orders").as_int > 0
    assert latest("ingestion.failures", job_id="gone", kind="source").as_int == 1
    assert latest("ingestion.attempt.duration", stage="total", status="SUCCESS").count == 1
    assert 0 < latest("ingestion.lag", job_id="orders").as_double < 600


def test_the_lag_is_sent_once_for_each_tick(reported: Reported) -> None:
    points = [point for point in reported.telemetry.points("ingestion.lag") if attributes(point)["job_id"] == "orders"]
    assert len(points) == len(reported.lines("No run has succeeded for "))


def test_neither_the_workers_own_log_nor_the_requests_of_the_sdks_are_exported(reported: Reported) -> None:
    exported = [record.body.string_value for record in reported.telemetry.logs]
    assert exported
    assert not [line for line in exported if "Request URL" in line or line.startswith("Response status")]


def test_the_webhook_heard_of_the_failure_once_and_its_address_is_nowhere(reported: Reported) -> None:
    (message,) = reported.webhook.messages
    assert message["title"] == "Excel to lake: 1 job failed"
    assert message["sections"][0]["lines"][0]["subject"] == "gone"
    everything = reported.log + "".join(map(str, (*reported.telemetry.logs, *reported.telemetry.spans)))
    assert HOOK not in everything
