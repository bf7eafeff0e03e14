"""The timer: fired out of turn, and by a real schedule."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localhost.services import LocalServices
from tests.e2e.app import App, jobs_of

SKIPPED = "No scheduled run was started: run {} is still active."


def test_the_timer_starts_a_run_of_all_jobs(app: App) -> None:
    app.create_tables("ticked")
    app.put_workbook(app.row("ticked", "ticked"))
    app.fire_timer()
    (run_id,) = app.until(lambda: [row["run_id"] for row in app.run_rows()], "the timer starts a run")
    run = app.wait(run_id)
    assert run_id.startswith("scheduled-")
    assert (run["status"], run["trigger"]) == ("SUCCEEDED", "timer")
    assert app.lake_rows("ticked") == app.source_rows("ticked")


def test_no_scheduled_run_starts_beside_an_active_one_but_a_run_by_hand_does(app: App) -> None:
    app.create_tables("slow", "quick")
    app.put_workbook(app.row("slow", "slow"), app.row("quick", "quick"))
    before = len(app.run_rows())
    with app.locked("slow", readers=1) as until_readers_wait:
        app.fire_timer()
        until_readers_wait()
        active = app.run_rows()[0]["run_id"]
        app.fire_timer()
        app.until(lambda: SKIPPED.format(active) in app.host.log_text(), "the log says that no run was started")
        app.until(lambda: jobs_of(app.get_run(active)).get("quick", {}).get("status") == "SUCCESS", "quick is free")
        assert app.run(job_ids=["quick"])["status"] == "SUCCEEDED"
        assert len(app.run_rows()) == before + 2
    assert app.wait(active)["status"] == "SUCCEEDED"


def test_a_maintenance_compacts_the_delta_tables_of_enabled_jobs(app: App) -> None:
    app.create_tables("grown")
    cells = {"load_type": "INCREMENTAL", "watermark_column": "id", "table_format": "delta", "detect_deletes": "hard"}
    app.put_workbook(app.row("grown", "grown", primary_key="id", **cells))
    app.run(job_ids=["grown"])
    app.execute("insert into grown select n, 'new' from generate_series(4, 30) n", "delete from grown where id = 1")
    job = app.load("grown")
    assert (job["status"], job["rows_written"], job["rows_deleted"]) == ("FAILED", 0, 0)
    assert job["error_kind"] == "too_many_deletes"
    app.put_workbook(app.row("grown", "grown", primary_key="id", max_deleted_percent=50, **cells))
    job = app.load("grown")
    assert (job["status"], job["rows_written"], job["rows_deleted"]) == ("SUCCESS", 27, 1), job.get("error_message")

    app.fire_timer("maintenance")
    row = app.until(lambda: next(iter(app.audit_rows("maintenance")), None), "the maintenance reports")
    assert (row["job_id"], row["table_name"], row["status"], row["files_after"]) == ("grown", "grown", "SUCCESS", 1)
    assert app.delta_rows("grown") == app.source_rows("grown")


def test_the_housekeeping_purges_the_history_of_old_runs_and_leaves_alone_what_is_young(
    services: LocalServices, tmp_path: Path
) -> None:
    app = App(services, tmp_path)
    app.create_tables("orders")
    app.put_workbook(app.row("orders", "orders"))
    with app.host:
        old, young = (app.run(job_ids=["orders"])["run_id"] for _ in range(2))
    _make_older(tmp_path / "durable.db", old, days=60)
    with app.host:
        app.fire_timer("housekeeping")
        report = app.until(lambda: next(iter(app.audit_rows("housekeeping")), None), "the housekeeping reports")
        assert {name for name in report if name.endswith("_error")} == set()
        assert (report["histories"], report["audit_rows"], report["complete"]) == (2, 0, True), "the run and its lane"
        assert app.get_run(old)["status"] == app.get_run(young)["status"] == "SUCCEEDED", "the audit table knows"


def _make_older(store: Path, run_id: str, days: int) -> None:
    """Change the event store of the host, which has ended, so that a run and its lanes began so many days ago."""
    began = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%S.%fZ}"
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE instances SET created_at = ? WHERE instance_id LIKE ?", (began, f"{run_id}%"))


def test_the_schedule_of_the_setting_starts_runs_one_after_another(services: LocalServices, tmp_path: Path) -> None:
    app = App(services, tmp_path, INGESTION_SCHEDULE="* * * * * *")
    app.create_tables("each_second")
    app.put_workbook(app.row("each_second", "each_second"))
    try:
        with app.locked("each_second", readers=1) as until_readers_wait:
            app.host.start()  # now, so that no tick comes before the lock
            until_readers_wait()
            (row,) = app.run_rows()
            skipped = SKIPPED.format(row["run_id"])
            app.until(lambda: app.host.log_text().count(skipped) >= 2, "two ticks pass without a run")
            assert [row["status"] for row in app.run_rows()] == ["RUNNING"]
        assert app.wait(row["run_id"])["status"] == "SUCCEEDED"
        app.until(lambda: len(app.run_rows()) > 1, "a later tick starts the next run")
    finally:
        app.host.stop()


def test_the_timer_fails_a_run_that_has_no_configuration(services: LocalServices, tmp_path: Path) -> None:
    app = App(services, tmp_path)
    with app.host:
        app.fire_timer()
        row = app.until(lambda: next(iter(app.run_rows()), None), "the run is in the audit table")
        run = app.wait(row["run_id"])
    assert run["status"] == "FAILED"
    assert f"upload the workbook to {app.name}-config/ingestion_config.xlsx" in run["error"]
