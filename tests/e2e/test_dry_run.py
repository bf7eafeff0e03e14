"""A dry run: what a run would do, reported without doing it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import a_workbook
from tests.conftest import unique_name
from tests.e2e.app import SOURCE, App

DELTA = unique_name()


@pytest.fixture(scope="module")
def answer(app: App) -> dict[str, Any]:
    app.create_tables("plain", "wild_a", "wild_b")
    app.execute(
        "create table stamped (id bigint primary key, changed timestamptz not null)",
        "insert into stamped select n, timestamptz '2026-01-01Z' + n * interval '1 day' from generate_series(0, 999) n",
        "analyze stamped",
    )
    since = {
        "load_type": "INCREMENTAL",
        "watermark_column": "CHANGED",
        "last_watermark": "2026-01-11T00:00:00Z",
    }
    app.put_source("unreachable", app.postgres_connection(app.database) | {"port": 1})
    app.upload_workbook(
        a_workbook(
            app.row("plain", "plain", query_filter="name like '50%'"),
            app.row("in_delta", "plain", table_format="delta", target_container=DELTA, target_folder_path="other"),
            app.row("stamped", "stamped", included_columns="id, changed", **since),
            app.row("wild", "wild_*"),
            app.row("no_table", "plane"),
            app.row("no_cursor", "plain", target_folder_path="other", **since),
            app.row("no_secret", "plain", source_name="nowhere"),
            app.row("no_server", "plain", source_name="unreachable"),
            app.row("wild_gone", "*", source_name="unreachable", target_folder_path="other"),
            sources=[{"source_name": SOURCE, "max_concurrent_jobs": 2}],
        )
    )
    response = app.request("POST", "/api/runs", {"dry_run": True})
    assert response.status_code == 200, response.text
    plan: dict[str, Any] = response.json()
    return plan | {"jobs": {job["job_id"]: job for job in plan["jobs"]}}


def test_nothing_is_run_or_loaded(app: App, answer: dict[str, Any]) -> None:
    assert app.run_rows() == app.audit_rows("latest") == []
    assert not app.lake_container.exists()


def test_the_container_of_a_delta_job_has_the_check_of_its_log_alone(app: App, answer: dict[str, Any]) -> None:
    assert "error" not in answer["jobs"]["in_delta"]
    container = app.services.blob_service().get_container_client(DELTA)
    assert {name.partition("/")[0] for name in container.list_blob_names()} == {"_delta_log_check"}


def test_the_lanes_are_those_of_the_run(answer: dict[str, Any]) -> None:
    lanes = [set(lane["job_ids"]) for lane in answer["lanes"] if lane["source_name"] == SOURCE]
    assert len(lanes) == 2
    assert set.union(*lanes) == {
        "plain",
        "in_delta",
        "stamped",
        "wild.wild_a",
        "wild.wild_b",
        "no_table",
        "no_cursor",
    }
    assert answer["wildcards"] == {"wild": 2}


def test_a_job_reports_the_query_that_it_would_run_and_the_rows_expected(
    answer: dict[str, Any],
) -> None:
    job = answer["jobs"]["stamped"]
    assert (job["secret_found"], job["reachable"]) == (True, True)
    assert (job["watermark_column"], job["watermark_type"]) == (
        "changed",
        "timestamp[us, tz=UTC]",
    )
    assert "FROM public.stamped" in job["sql"]
    assert "2026-01-11 00:00:00+00:00" in job["sql"]
    assert job["rows_estimated"] == pytest.approx(990, rel=0.05)
    assert "name like '50%'" in answer["jobs"]["plain"]["sql"]


@pytest.mark.parametrize(
    ("job_id", "secret_found", "reachable", "text"),
    [
        ("no_table", True, True, "'public.plane' does not exist"),
        (
            "no_cursor",
            True,
            True,
            "watermark_column 'CHANGED' is not a column of table 'public.plain'",
        ),
        ("no_secret", False, False, "No connection secret for source 'nowhere'"),
        ("no_server", True, False, "Source 'unreachable' ("),
    ],
)
def test_what_would_fail_says_why(
    answer: dict[str, Any], job_id: str, secret_found: bool, reachable: bool, text: str
) -> None:
    job = answer["jobs"][job_id]
    assert (job["secret_found"], job["reachable"]) == (secret_found, reachable)
    assert text in job["error"]["message"]


def test_a_wildcard_whose_tables_are_not_known_says_why(answer: dict[str, Any]) -> None:
    assert answer["jobs"]["wild_gone"]["error"]["kind"] == "transient"


def test_the_next_load_starts_at_the_watermark_of_the_last(app: App, answer: dict[str, Any]) -> None:
    assert app.run(job_ids=["stamped"])["status"] == "SUCCEEDED"
    plan = app.request("POST", "/api/runs", {"dry_run": True, "job_ids": ["stamped"]}).json()
    (job,) = plan["jobs"]
    assert job["watermark"] == "2028-09-26T00:00:00+00:00"
    assert "2028-09-26 00:00:00+00:00" in job["sql"]
    again = app.request(
        "POST",
        "/api/runs",
        {"dry_run": True, "job_ids": ["stamped"], "full_refresh": True},
    ).json()
    assert "2026-01-11 00:00:00+00:00" in again["jobs"][0]["sql"]


def test_a_dry_run_of_an_unknown_job_is_refused(app: App) -> None:
    assert app.request("POST", "/api/runs", {"dry_run": True, "job_ids": ["zero"]}).status_code == 400
