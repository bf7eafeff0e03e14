"""What `GET /api/jobs` says of a job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.planning.overview import Timing, describe_jobs
from shared.workbook.configuration import Configuration
from tests.builders import a_job


def utc(day: int, hour: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def a_row(job_id: str, started: datetime, status: str = "SUCCESS", **fields: Any) -> dict[str, Any]:
    return {"job_id": job_id, "run_start_time": started, "status": status, "PartitionKey": "latest"} | fields


def described(latest: list[dict[str, Any]], succeeded: list[dict[str, Any]], **job: Any) -> dict[str, Any]:
    """One job, two days after the configuration became active; the timer ticks at two in the night."""
    timing = Timing("0 0 2 * * *", activated_at=utc(1), grace=timedelta(hours=1), now=utc(3, 12))
    configuration = Configuration(jobs=(a_job(job_id="orders", **job),))
    rows = [{row["job_id"]: row for row in some} for some in (latest, succeeded)]
    (only,) = describe_jobs(configuration, rows[0], rows[1], timing)
    return only


def test_a_job_that_loaded_in_the_last_tick_is_not_overdue() -> None:
    row = a_row("orders", utc(3), rows_written=5, stage="load")
    job = described([row], [row])
    assert (job["next_due"], job["overdue_since"]) == (utc(4), None)
    assert job["last_result"] == {"status": "SUCCESS", "rows_written": 5}
    assert job["last_success"] == {"rows_written": 5}


def test_the_warnings_of_the_last_load_are_shown() -> None:
    row = a_row("orders", utc(3), warnings=["The watermark is in the future."])
    assert described([row], [row])["last_result"]["warnings"] == ["The watermark is in the future."]


def test_a_job_that_has_failed_since_its_last_load_is_overdue() -> None:
    job = described([a_row("orders", utc(3), "FAILED", error_kind="source")], [a_row("orders", utc(2))])
    assert (job["next_due"], job["overdue_since"]) == (utc(4), utc(3, 3))
    assert job["last_result"] == {"status": "FAILED", "error_kind": "source"}


def test_a_job_that_never_loaded_is_overdue_from_the_first_tick_after_its_activation() -> None:
    job = described([], [])
    assert (job["overdue_since"], job["last_result"], job["last_success"]) == (utc(2, 3), None, None)


def test_a_disabled_job_is_never_overdue() -> None:
    assert described([], [], enabled=False)["overdue_since"] is None


def test_a_job_may_take_the_time_that_its_row_allows() -> None:
    assert described([], [a_row("orders", utc(2))], timeout_minutes=11 * 60)["overdue_since"] is None


def test_the_tables_of_a_wildcard_show_when_it_last_loaded() -> None:
    row = a_row("orders.eu", utc(3), rows_written=7)
    job = described([row], [row], table_name="orders_*")
    assert (job["overdue_since"], job["tables"]) == (None, {"orders.eu": {"status": "SUCCESS", "rows_written": 7}})
