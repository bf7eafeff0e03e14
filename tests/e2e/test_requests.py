"""Orders of the sheet Requests: each is carried out once, and a range comes again without doubles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of


def order(request_id: str, job_id: str, action: str = "run", **cells: str) -> dict[str, str]:
    return {"request_id": request_id, "job_id": job_id, "action": action, **cells}


def carried_out(app: App, *request_ids: str) -> dict[str, dict[str, Any]]:
    """The rows of orders in the audit table, once all of them have ended."""

    def ended() -> dict[str, dict[str, Any]] | None:
        rows = {row["RowKey"]: row for row in app.audit_rows("request") if row["status"] != "STARTED"}
        return rows if rows.keys() >= set(request_ids) else None

    return app.until(ended, f"{', '.join(request_ids)} are carried out")


def statuses(app: App, job_id: str) -> list[str]:
    return [row["status"] for row in app.audit_rows(f"job:{job_id}")]


def ordered_runs(app: App) -> list[str]:
    return [row["run_id"] for row in app.run_rows() if row["run_id"].startswith("requests-")]


@pytest.fixture(scope="module")
def incremental(app: App) -> dict[str, Any]:
    """Tables of three months, loaded by two incremental jobs: one that upserts and one without a key."""
    rows = "select n, timestamptz '2026-01-01Z' + n * interval '1 month', 'old' from generate_series(0, 2) n"
    for table in ("keyed", "keyless"):
        app.execute(f"create table {table} (id bigint, changed timestamptz not null, state text)")
        app.execute(f"insert into {table} {rows}")
    cells = {"load_type": "INCREMENTAL", "watermark_column": "changed", "table_format": "delta"}
    jobs = [app.row("keyed", "keyed", primary_key="id", **cells), app.row("keyless", "keyless", **cells)]
    app.put_workbook(*jobs)
    run = app.run()
    assert run["status"] == "SUCCEEDED", run
    return {"jobs": jobs, "watermark": jobs_of(run)["keyed"]["watermark_after"]}


@pytest.fixture(scope="module")
def backfill(app: App, incremental: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """An upload that orders January and February of both tables, in which the source has changed all rows."""
    for table in ("keyed", "keyless"):
        app.execute(f"update {table} set state = 'new'", f"delete from {table} where id = 1")
        app.execute(f"insert into {table} values (7, '2026-01-15Z', 'late')")
    span = {"from": "2026-01-01", "to": "2026-03-01"}
    orders = [order(f"{name}-fix", name, "backfill", **span) for name in ("keyed", "keyless")]
    app.upload_workbook(a_workbook(*incremental["jobs"], requests=orders))
    return carried_out(app, "keyed-fix", "keyless-fix")


def test_a_backfill_updates_the_rows_of_its_range_by_their_key(app: App, backfill: dict[str, dict[str, Any]]) -> None:
    states = {row[0]: row[2] for row in app.delta_rows("keyed")}
    assert states == {0: "new", 1: "old", 2: "old", 7: "late"}  # 1 is gone at the source: an upsert keeps it


def test_a_backfill_without_a_key_replaces_the_rows_of_its_range(app: App, backfill: dict[str, dict[str, Any]]) -> None:
    assert [(row[0], row[2]) for row in app.delta_rows("keyless")] == [(0, "new"), (2, "old"), (7, "late")]


def test_a_backfill_leaves_the_watermark_and_the_next_load_alone(
    app: App, incremental: dict[str, Any], backfill: dict[str, dict[str, Any]]
) -> None:
    app.execute("insert into keyless values (8, '2026-04-01Z', 'next')")
    job = app.load("keyless")
    assert job["watermark_before"] == incremental["watermark"]
    # the row at the watermark has changed since, so it counts as one more
    assert [(row[0], row[2]) for row in app.delta_rows("keyless")] == [
        *[(0, "new"), (2, "new"), (2, "old"), (7, "late"), (8, "next")],
    ]


def test_an_order_is_audited(app: App, incremental: dict[str, Any], backfill: dict[str, dict[str, Any]]) -> None:
    row = backfill["keyed-fix"]
    assert (row["status"], row["action"], row["start"], row["end"]) == (
        *("SUCCESS", "backfill", "2026-01-01", "2026-03-01"),
    )
    (run,) = [run for run in app.run_rows() if run["run_id"] == row["run_id"]]
    assert (run["trigger"], run["status"], run["config_sha256"]) == ("blob", "SUCCEEDED", row["config_sha256"])


def test_an_order_that_was_carried_out_is_not_repeated(
    app: App, incremental: dict[str, Any], backfill: dict[str, dict[str, Any]]
) -> None:
    before = ordered_runs(app)
    old, jobs = order("keyed-fix", "keyed"), incremental["jobs"]
    app.upload_workbook(a_workbook(*jobs, requests=[old, order("Again", "keyless", "full_refresh")]))
    assert carried_out(app, "again")["again"]["status"] == "SUCCESS"
    (run_id,) = set(ordered_runs(app)) - set(before)
    assert list(jobs_of(app.wait(run_id))) == ["keyless"]
    assert app.delta_rows("keyless") == app.source_rows("keyless")

    versions = app.request("GET", "/api/config/history").json()["versions"]
    assert app.request("POST", "/api/config/rollback", {"sha256": versions[1]["sha256"]}).status_code == 200
    app.fire_timer()
    (timed,) = app.until(
        lambda: [row["run_id"] for row in app.run_rows() if row["trigger"] == "timer"], "the timer starts a run"
    )
    app.wait(timed)
    assert len(ordered_runs(app)) == len(before) + 1


def test_two_orders_for_one_job_come_one_after_the_other(app: App, incremental: dict[str, Any]) -> None:
    orders = [order("first", "keyed"), order("second", "keyed", "full_refresh"), order("other", "keyless")]
    app.upload_workbook(a_workbook(*incremental["jobs"], requests=orders))
    rows = carried_out(app, "first", "second", "other")
    assert {rows[name]["status"] for name in ("first", "second", "other")} == {"SUCCESS"}
    assert rows["second"]["run_id"] == f"{rows['first']['run_id']}-next"
    assert rows["other"]["run_id"] == rows["first"]["run_id"]


def test_an_order_waits_for_a_run_that_has_its_job(app: App, incremental: dict[str, Any]) -> None:
    with app.locked("keyed", readers=1) as until_readers_wait:
        run_id = app.start_run(job_ids=["keyed"])
        until_readers_wait()
        app.upload_workbook(a_workbook(*incremental["jobs"], requests=[order("patient", "keyed")]))
        app.until(
            lambda: any(row["status"] == "SKIPPED" for row in app.audit_rows("job:keyed")), "the order is held up"
        )
    assert app.wait(run_id)["status"] == "SUCCEEDED"
    assert carried_out(app, "patient")["patient"]["status"] == "SUCCESS"


def test_an_order_for_a_disabled_job_waits_until_it_is_enabled(app: App, incremental: dict[str, Any]) -> None:
    keyed, keyless = incremental["jobs"]
    requests = [order("later", "keyed")]
    app.upload(a_workbook(keyed | {"enabled": "N"}, keyless, requests=requests))
    orders = app.request("GET", "/api/config").json()["active"]["requests"]
    assert [(one["request_id"], one["status"]) for one in orders] == [("later", "WAITING")]
    app.upload_workbook(a_workbook(keyed, keyless, requests=requests))
    assert carried_out(app, "later")["later"]["status"] == "SUCCESS"


def test_an_order_is_carried_out_once_even_when_the_host_is_killed_in_between(
    services: LocalServices, tmp_path: Path
) -> None:
    app = App(services, tmp_path)
    app.create_tables("wanted")
    content = a_workbook(app.row("wanted", "wanted"), requests=[order("once", "wanted")])
    app.host.start()
    try:
        with app.locked("wanted", readers=1) as until_readers_wait:
            app.upload_workbook(content)
            until_readers_wait()
            app.host.kill()
        app.host.start()
        app.upload_workbook(content)  # the same again: another event for the same version
        row = carried_out(app, "once")["once"]
        assert row["status"] == "SUCCESS"
        assert app.wait(row["run_id"])["status"] == "SUCCEEDED"
    finally:
        app.host.stop()
    assert len(app.audit_rows("job:wanted")) == len(app.run_rows()) == 1
    assert len(app.lake_files("wanted")) == 1
