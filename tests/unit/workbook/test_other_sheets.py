"""The sheets Sources and Requests: the cell and the sentence for each bad one, and what is read from good ones."""

from __future__ import annotations

from typing import Any

import pytest

from shared.workbook.template import write_workbook
from shared.workbook.validation import validate
from tests.builders import a_row

INCREMENTAL: dict[str, Any] = {"load_type": "INCREMENTAL", "watermark_column": "updated_at"}

OTHER_SHEETS: list[tuple[str, str, dict[str, Any], str]] = [
    ("source twice", "Sources", {"source_name": "SHOP_PG"}, "Sources!A3 source_name: 'SHOP_PG' is in A2 already"),
    (
        "jobs at once",
        "Sources",
        {"source_name": "x", "max_concurrent_jobs": 0},
        "Sources!B3 max_concurrent_jobs: '0' is",
    ),
    (
        "secret name",
        "Sources",
        {"source_name": "x", "secret_name": "a_b"},
        "Sources!C3 secret_name: 'a_b' is not a name in",
    ),
    (
        "auth",
        "Sources",
        {"source_name": "x", "auth": "mi"},
        "Sources!D3 auth: 'mi' is not one of password, managed_identity",
    ),
    (
        "quiet hours",
        "Sources",
        {"source_name": "x", "quiet_hours": "7-19"},
        "Sources!E3 quiet_hours: '7-19' is not a span",
    ),
    (
        "no quiet hour",
        "Sources",
        {"source_name": "x", "quiet_hours": "07:00-07:00"},
        "starts and ends at the same time",
    ),
    (
        "unknown job",
        "Requests",
        {"job_id": "incr_x"},
        "Requests!B3 job_id: 'incr_x' is not a job_id of the sheet SourceConfig",
    ),
    ("request twice", "Requests", {"request_id": "R1"}, "Requests!A3 request_id: 'R1' is in A2 already"),
    (
        "action",
        "Requests",
        {"action": "reload"},
        "Requests!C3 action: 'reload' is not one of run, full_refresh, backfill",
    ),
    (
        "backfill without a start",
        "Requests",
        {"from": None},
        "Requests!D3 from: is blank, but a value is required when action",
    ),
    (
        "backfill backwards",
        "Requests",
        {"to": "2025-01-01"},
        "Requests!E3 to: '2025-01-01' does not come after from, '2026-",
    ),
    (
        "backfill with a bad date",
        "Requests",
        {"to": "1.2.2026"},
        "Requests!E3 to: '1.2.2026' is not a date in ISO 8601",
    ),
    (
        "backfill of a full load",
        "Requests",
        {"job_id": "full"},
        "Requests!C3 action: 'backfill' needs a watermark_column",
    ),
    (
        "backfill of Parquet",
        "Requests",
        {"job_id": "parquet"},
        "Requests!C3 action: 'backfill' needs table_format delta, but job 'parquet' writes parquet",
    ),
]


@pytest.mark.parametrize(
    ("sheet", "cells", "message"), [case[1:] for case in OTHER_SHEETS], ids=[case[0] for case in OTHER_SHEETS]
)
def test_a_bad_cell_of_another_sheet_is_named(sheet: str, cells: dict[str, Any], message: str) -> None:
    jobs = [
        a_row(job_id="full"),
        a_row(job_id="incr", table_name="x", table_format="delta", **INCREMENTAL),
        a_row(job_id="parquet", table_name="y", **INCREMENTAL),
    ]
    source = {"source_name": "shop_pg"}
    request = {"request_id": "r1", "job_id": "incr", "action": "run"}
    backfill = {"request_id": "r2", "job_id": "incr", "action": "backfill", "from": "2026-01-01", "to": "2026-02-01"}
    sources = [source, cells] if sheet == "Sources" else []
    requests = [request, backfill | cells] if sheet == "Requests" else []
    report = validate(write_workbook(jobs, sources, requests))
    assert len(report.problems) == 1
    assert message in str(report.problems[0])


def test_sources_and_requests_are_read() -> None:
    content = write_workbook(
        [a_row(job_id="incr", table_format="delta", **INCREMENTAL)],
        [{"source_name": "shop_pg", "max_concurrent_jobs": 2, "quiet_hours": "22:00 - 06:00 utc"}],
        [{"request_id": "r", "job_id": "incr", "action": "backfill", "from": 1, "to": 5}],
    )
    configuration = validate(content).configuration
    assert configuration is not None
    source = configuration.source("shop_pg")
    assert (source.max_concurrent_jobs, source.auth, source.quiet_hours) == (2, "password", "22:00-06:00")
    assert configuration.source("other").max_concurrent_jobs is None
    assert [(request.action, request.start, request.end) for request in configuration.requests] == [
        ("backfill", "1", "5")
    ]


def test_a_request_for_a_disabled_job_and_a_source_without_jobs_are_warnings() -> None:
    content = write_workbook(
        [a_row(job_id="off", enabled="N")],
        [{"source_name": "shop_gp"}],
        [{"request_id": "r", "job_id": "off", "action": "run"}],
    )
    assert [str(warning) for warning in validate(content).warnings] == [
        "Sources!A2 source_name: 'shop_gp' is the source_name of no job; did you mean shop_pg?",
        "Requests!B2 job_id: 'off' is disabled in row 2; the request waits until it is enabled",
    ]
