"""A wildcard row through the whole app."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of


@pytest.fixture(scope="module")
def run(app: App) -> dict[str, Any]:
    app.create_tables("ord_one", "ord_two", "ord_tmp", "own")
    app.execute(
        'create table "ord Three/ä" (id int)',
        'insert into "ord Three/ä" values (1), (2)',
    )
    app.execute("create view ord_view as select * from ord_one where id > 1")
    app.put_source("gone_pg", app.postgres_connection("no_such_database"))
    workbook = a_workbook(
        app.row("own", "ord_two", target_folder_path="raw"),
        app.row("orders", "ord*", excluded_tables="*tmp", tags="orders"),
        app.row("nothing", "zzz*"),
        app.row("gone", "*", source_name="gone_pg"),
        app.row("gone_plain", "own", source_name="nowhere_pg", enabled="N"),
    )
    app.upload_workbook(workbook)
    return app.run()


def test_a_wildcard_becomes_a_job_for_each_of_its_tables(app: App, run: dict[str, Any]) -> None:
    loaded = {job_id: job["rows_written"] for job_id, job in jobs_of(run).items() if job["status"] == "SUCCESS"}
    assert loaded == {
        "own": 3,
        "orders.ord_one": 3,
        "orders.ord_view": 2,
        "orders.ord~20Three~2f~c3~a4": 2,
    }
    assert app.lake_rows("ord_one") == app.source_rows("ord_one")
    assert app.lake_files("ord_tmp") == {}


def test_the_run_reports_what_its_wildcards_match(app: App, run: dict[str, Any]) -> None:
    (row,) = app.run_rows()
    assert row["wildcards"] == '{"orders": 3}'
    assert (row["jobs_total"], row["jobs_succeeded"], row["jobs_failed"]) == (6, 4, 2)


@pytest.mark.parametrize(
    ("job_id", "text"),
    [
        ("gone", 'database "no_such_database" does not exist'),
        ("nothing", "no table of schema 'public' matches 'zzz*'"),
    ],
)
def test_only_the_wildcards_whose_tables_are_not_known_fail(
    app: App, run: dict[str, Any], job_id: str, text: str
) -> None:
    assert run["status"] == "PARTLY_FAILED"
    (row,) = app.audit_rows(f"job:{job_id}")
    assert row["status"] == "FAILED"
    assert text in row["error_message"]


def test_the_tables_of_a_wildcard_are_listed_with_their_job(app: App, run: dict[str, Any]) -> None:
    jobs = {job["job_id"]: job for job in app.request("GET", "/api/jobs").json()["jobs"]}
    tables = {job_id: table["status"] for job_id, table in jobs["orders"]["tables"].items()}
    assert tables == dict.fromkeys(["orders.ord_one", "orders.ord_view", "orders.ord~20Three~2f~c3~a4"], "SUCCESS")
    assert jobs["gone"]["last_result"]["status"] == "FAILED"


def test_one_table_of_a_wildcard_can_be_run_by_its_id(app: App, run: dict[str, Any]) -> None:
    assert list(jobs_of(app.run(job_ids=["orders.ord_one"]))) == ["orders.ord_one"]


def test_a_new_table_is_found_by_the_next_run(app: App, run: dict[str, Any]) -> None:
    app.create_tables("ord_new")
    assert "orders.ord_new" in jobs_of(app.run(tags=["orders"]))
    assert app.lake_rows("ord_new") == app.source_rows("ord_new")
