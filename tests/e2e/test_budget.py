"""What a run costs: storage operations, log lines and exported records of 20 small jobs, which may not creep up.

Only what follows from the work is counted, not what follows from the clock: progress rows, renewals of leases and looks
for a cancellation come once a second, and metrics with the interval of their export.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from localhost.services import LocalServices
from tests.e2e.app import App
from tests.faults.stages import StorageRequest
from tests.faults.storage_proxy import StorageProxy
from tests.otlp_receiver import otlp_receiver

JOBS = 20
OPERATIONS, LOG_LINES, EXPORTED_LINES, EXPORTED_SPANS = 637, 21, 21, 83
"""Measured with a second FULL load of 20 tables of PostgreSQL. Lower them when a run gets cheaper."""

MAY_GROW = 1.1


class Cost(NamedTuple):
    """What one run did."""

    operations: Counter[str]
    log_lines: list[str]
    exported_lines: list[str]
    exported_spans: list[str]


@pytest.fixture(scope="module")
def cost(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cost]:
    folder = tmp_path_factory.mktemp("budget")
    azurite = services.azurite
    with (
        StorageProxy(folder / "proxy", services.certificates, azurite.blob_url, azurite.table_url) as storage,
        otlp_receiver() as telemetry,
    ):
        at_once = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BLRP_SCHEDULE_DELAY": "100"}
        receiver = {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.url, "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
        app = App(services, folder / "app", **storage.settings(), **receiver, **at_once)
        tables = [f"table_{number}" for number in range(JOBS)]
        app.create_tables(*tables)
        app.put_workbook(*(app.row(table, table) for table in tables))
        with app.host:

            def run() -> str:
                run_id = str(app.start_run())
                end = f"Run {run_id}: SUCCEEDED"
                app.until(
                    lambda: any(record.body.string_value.startswith(end) for record in telemetry.logs), "the run ends"
                )
                app.until(lambda: [span.name for span in telemetry.spans].count("finish run") == runs, "it is traced")
                return run_id

            runs = 1
            run()
            storage.requests.clear()
            telemetry.logs.clear()
            telemetry.spans.clear()
            before = app.host.log_text()
            run()
            yield Cost(
                Counter(_purpose(request) for request in list(storage.requests) if not _follows_the_clock(request)),
                _lines(app.host.log_text().removeprefix(before)),
                [record.body.string_value for record in telemetry.logs],
                [span.name for span in telemetry.spans],
            )


def _follows_the_clock(request: StorageRequest) -> bool:
    looks_for_cancellation = "cancelled" in str(request.query.get("$filter"))
    host_looks_for_uploads = request.stage == "list" and request.path.endswith("-config")
    return looks_for_cancellation or host_looks_for_uploads or request.stage in ("progress row", "renew lease")


def _purpose(request: StorageRequest) -> str:
    return f"{request.method} {request.stage}"


def _lines(log: str) -> list[str]:
    """What the app wrote; the host's own lines have no function."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line["message"] for line in lines if line.get("function")]


def test_a_run_costs_no_more_storage_operations_than_it_did(cost: Cost) -> None:
    assert cost.operations.total() <= OPERATIONS * MAY_GROW, dict(cost.operations)


def test_a_run_writes_no_more_log_lines_than_it_did(cost: Cost) -> None:
    assert len(cost.log_lines) <= LOG_LINES * MAY_GROW, cost.log_lines


def test_a_run_exports_no_more_lines_and_spans_than_it_did(cost: Cost) -> None:
    assert len(cost.exported_lines) <= EXPORTED_LINES * MAY_GROW, cost.exported_lines
    assert len(cost.exported_spans) <= EXPORTED_SPANS * MAY_GROW, Counter(cost.exported_spans)


def test_no_line_is_exported_twice(cost: Cost) -> None:
    assert [line for line, times in Counter(cost.exported_lines).items() if times > 1] == []
