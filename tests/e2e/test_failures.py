"""A job fails alone, says why, and leaves the other jobs of its run as they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.app import App, jobs_of


@pytest.fixture(scope="module")
def run(app: App) -> dict[str, Any]:
    """One run in which some jobs cannot work."""
    app.create_tables("present", "also_present", "left_alone", "hidden")
    app.execute("create role reader login password 'a password'", "grant select on present to reader")
    app.put_source(
        "restricted", app.postgres_connection(app.database) | {"username": "reader", "password": "a password"}
    )
    app.put_source("locked_out", app.postgres_connection(app.database) | {"password": "not the password"})
    app.put_workbook(
        app.row("good", "present"),
        app.row("also_good", "also_present"),
        app.row("disabled", "left_alone", enabled="N"),
        app.row("no_secret", "present", source_name="nowhere_pg"),
        app.row("no_table", "presents"),
        app.row("no_watermark", "hidden", load_type="INCREMENTAL", watermark_column="nam"),
        app.row("no_password", "present", source_name="locked_out"),
        app.row("no_right", "hidden", source_name="restricted"),
    )
    return app.run()


def test_the_run_is_reported_as_partly_failed(app: App, run: dict[str, Any]) -> None:
    assert run["status"] == "PARTLY_FAILED"
    assert run["progress"] == {"jobs_total": 7, "jobs_done": 7, "jobs_failed": 5, "rows": 6}
    (row,) = app.run_rows()
    assert (row["status"], row["jobs_succeeded"], row["jobs_failed"]) == ("PARTLY_FAILED", 2, 5)


def test_the_other_jobs_succeed(app: App, run: dict[str, Any]) -> None:
    assert [jobs_of(run)[job]["status"] for job in ("good", "also_good")] == ["SUCCESS", "SUCCESS"]
    assert app.lake_rows("present") == app.source_rows("present")
    assert app.lake_rows("also_present") == app.source_rows("also_present")


@pytest.mark.parametrize(
    ("job_id", "kind", "texts"),
    [
        ("no_secret", "secret_not_found", ["'nowhere_pg'", "secret 'source-nowhere-pg'", "secret 'source-PostgreSQL'"]),
        ("no_table", "source", ["'public.presents' does not exist", "'shop_pg'", "Did you mean present"]),
        ("no_watermark", "source", ["watermark_column 'nam'", "Did you mean name?"]),
        ("no_password", "source", ["'locked_out'", "the user name or the password is wrong"]),
        ("no_right", "source", ["'restricted'", "permission denied for table hidden"]),
    ],
)
def test_a_job_that_cannot_work_fails_once_and_names_the_cause(
    app: App, run: dict[str, Any], job_id: str, kind: str, texts: list[str]
) -> None:
    (row,) = app.audit_rows(f"job:{job_id}")
    assert (row["status"], row["error_kind"], row["retryable"], row["attempt"]) == ("FAILED", kind, False, 1)
    assert [text for text in texts if text not in row["error_message"]] == []
    assert jobs_of(run)[job_id]["error_message"] == row["error_message"]


def test_a_disabled_job_does_not_run(app: App, run: dict[str, Any]) -> None:
    assert "disabled" not in jobs_of(run)
    assert app.audit_rows("job:disabled") == []
    assert app.lake_files("left_alone") == {}


def test_a_retry_does_what_failed_and_nothing_else(app: App, run: dict[str, Any]) -> None:
    accepted = app.request("POST", f"/api/runs/{run['run_id']}/retry")
    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"/api/runs/{accepted.json()['run_id']}"
    again = app.wait(accepted.json()["run_id"])
    assert again["progress"] == {"jobs_total": 5, "jobs_done": 5, "jobs_failed": 5, "rows": 0}
    assert jobs_of(again).keys() == {job for job, row in jobs_of(run).items() if row["status"] == "FAILED"}
    newest = app.request("GET", "/api/runs?limit=1").json()["runs"][0]
    assert (newest["run_id"], newest["retry_of"]) == (again["run_id"], run["run_id"])


def test_a_retry_needs_an_ended_run_with_failures(app: App, run: dict[str, Any]) -> None:
    assert app.request("POST", "/api/runs/never-started/retry").status_code == 404
    fine = app.run(job_ids=["good"])
    refused = app.request("POST", f"/api/runs/{fine['run_id']}/retry")
    assert (refused.status_code, "nothing to retry" in refused.json()["detail"]) == (409, True)
    with app.locked("present", readers=1) as until_readers_wait:
        run_id = app.start_run(job_ids=["good"])
        until_readers_wait()
        refused = app.request("POST", f"/api/runs/{run_id}/retry")
        assert (refused.status_code, "is running" in refused.json()["detail"]) == (409, True)
    app.wait(run_id)


def test_a_secret_that_is_added_helps_the_next_run(app: App, run: dict[str, Any]) -> None:
    app.put_source("nowhere_pg", app.postgres_connection(app.database))
    app.put_source("locked_out", app.postgres_connection(app.database))
    repaired = app.run(job_ids=["no_secret", "no_password"])
    assert repaired["status"] == "SUCCEEDED", repaired
    assert len(app.audit_rows("job:no_secret")) == 3


def test_a_transient_failure_is_tried_again(app: App, run: dict[str, Any]) -> None:
    app.create_tables("interrupted")
    app.put_workbook(app.row("patient", "interrupted"))
    with app.locked("interrupted", readers=1) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        app.end_waiting_readers()
        app.until(lambda: _is_over(jobs_of(app.get_run(run_id))["patient"], attempt=1), "the first attempt fails")
    job = jobs_of(app.wait(run_id))["patient"]
    assert (job["status"], job["attempt"], job["rows_written"]) == ("SUCCESS", 2, 3)
    assert len(app.audit_rows("job:patient")) == 1


def _is_over(job: dict[str, Any], attempt: int) -> bool:
    """Whether an attempt of a job has ended, however long ago: the next one may be running by now."""
    return bool(job["attempt"] > attempt or job["status"] != "RUNNING")
