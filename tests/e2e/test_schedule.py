"""The timer: fired out of turn, and by a real schedule."""

from __future__ import annotations

from pathlib import Path

from localhost.services import LocalServices
from tests.e2e.app import App

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
        assert app.run(job_ids=["quick"])["status"] == "SUCCEEDED"
        assert len(app.run_rows()) == before + 2
    assert app.wait(active)["status"] == "SUCCEEDED"


def test_the_housekeeping_leaves_alone_what_is_young(app: App) -> None:
    app.create_tables("young")
    app.put_workbook(app.row("young", "young"))
    run_id = app.run(job_ids=["young"])["run_id"]
    app.fire_timer("housekeeping")
    report = app.until(lambda: next(iter(app.audit_rows("housekeeping")), None), "the housekeeping reports")
    assert {name for name in report if name.endswith("_error")} == set()
    assert (report["histories"], report["audit_rows"], report["complete"]) == (0, 0, True)
    assert app.get_run(run_id)["status"] == "SUCCEEDED"


def test_the_schedule_of_the_setting_starts_runs_one_after_another(services: LocalServices, tmp_path: Path) -> None:
    app = App(services, tmp_path, INGESTION_SCHEDULE="* * * * * *")
    app.create_tables("each_second")
    app.put_workbook(app.row("each_second", "each_second"))
    with app.host:
        with app.locked("each_second", readers=1) as until_readers_wait:
            until_readers_wait()
            (row,) = app.run_rows()
            skipped = SKIPPED.format(row["run_id"])
            app.until(lambda: app.host.log_text().count(skipped) >= 2, "two ticks pass without a run")
            assert [row["status"] for row in app.run_rows()] == ["RUNNING"]
        assert app.wait(row["run_id"])["status"] == "SUCCEEDED"
        app.until(lambda: len(app.run_rows()) > 1, "a later tick starts the next run")


def test_the_timer_fails_a_run_that_has_no_configuration(services: LocalServices, tmp_path: Path) -> None:
    app = App(services, tmp_path)
    with app.host:
        app.fire_timer()
        row = app.until(lambda: next(iter(app.run_rows()), None), "the run is in the audit table")
        run = app.wait(row["run_id"])
    assert run["status"] == "FAILED"
    assert f"upload the workbook to {app.name}-config/ingestion_config.xlsx" in run["error"]
