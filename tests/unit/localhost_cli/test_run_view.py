"""A run as the API returns it becomes lines that a person can read."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console, RenderableType

from localhost import run_view

JOB = {
    "job_id": "pg_orders_incr",
    "table_name": "orders",
    "load_type": "INCREMENTAL",
    "status": "SUCCESS",
    "attempt": 1,
    "rows_extracted": 1234,
    "rows_written": 1234,
    "bytes_written": 56_789,
    "duration_seconds": 2.345,
    "watermark_before": "10",
    "watermark_after": "20",
}
FAILED = {"job_id": "pg_gone_full", "status": "FAILED", "attempt": 3, "error_message": "Table 'gone' does not exist."}


def a_run(*jobs: dict[str, Any], **fields: Any) -> dict[str, Any]:
    failed = sum(job["status"] == "FAILED" for job in jobs)
    rows = sum(job.get("rows_written", 0) for job in jobs)
    progress = {"jobs_total": len(jobs), "jobs_done": len(jobs), "jobs_failed": failed, "rows": rows}
    times = {"start_time": "2026-01-01T00:00:00+00:00", "end_time": "2026-01-01T00:00:03.5Z"}
    run = {"run_id": "r1", "status": "SUCCEEDED", "error": None, "progress": progress, "jobs": list(jobs)}
    return {**run, **times, **fields}


def printed(what: RenderableType) -> list[str]:
    """The printed lines, cells separated by single spaces."""
    console = Console(file=io.StringIO(), width=150, color_system=None)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.replace("│", " ").split()) for line in console.file.getvalue().splitlines()]


def test_a_job_is_one_line_with_what_it_moved() -> None:
    lines = printed(run_view.result(a_run(JOB)))
    assert "pg_orders_incr SUCCESS 1,234 56.8 kB 2.3 10 → 20" in lines


def test_a_failed_job_shows_its_attempt_and_its_error_in_full() -> None:
    lines = printed(run_view.result(a_run(JOB, FAILED, status="PARTLY_FAILED")))
    assert "pg_gone_full FAILED (attempt 3) 0" in lines
    assert "pg_gone_full: Table 'gone' does not exist." in lines
    assert lines[-1] == "Run r1: PARTLY_FAILED, 2 of 2 jobs done, 1 failed, 1,234 rows in 3.5 s"


def test_a_running_job_shows_its_stage_and_the_rows_read_so_far() -> None:
    running = {"job_id": "pg_big_full", "status": "RUNNING", "stage": "extract", "attempt": 1, "rows_extracted": 70_000}
    assert "pg_big_full extract 70,000" in printed(run_view.job_table([running]))


def test_the_error_of_a_run_that_could_not_be_planned_is_shown_without_a_table() -> None:
    lines = printed(run_view.result(a_run(status="FAILED", error="The workbook is gone.")))
    assert lines == ["run: The workbook is gone.", "Run r1: FAILED, 0 of 0 jobs done, 0 rows in 3.5 s"]


def test_a_run_without_enabled_jobs_says_so() -> None:
    assert printed(run_view.summary(a_run(status="SKIPPED"))) == ["Run r1: SKIPPED, no job of the workbook was to run"]


def test_a_run_that_is_being_planned_has_no_jobs_yet() -> None:
    lines = printed(run_view.summary(a_run(status="RUNNING", end_time=None)))
    assert lines == ["Run r1: RUNNING, 0 of 0 jobs done, 0 rows"]


def test_a_run_that_goes_on_has_no_duration() -> None:
    assert run_view.duration(a_run(end_time=None)) is None


def test_a_watermark_that_stayed_is_shown_once() -> None:
    lines = printed(run_view.job_table([JOB | {"watermark_after": "10"}]))
    assert any(line.endswith("2.3 10") for line in lines)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (7_012_345, "7.0 MB"), (3e15, "3000.0 TB")]
)
def test_sizes_have_a_unit(count: float, text: str) -> None:
    assert run_view.size(count) == text


LONG = JOB | {
    "job_id": "a_source_with_a_long_name_and_a_table_with_one_incr",
    "attempt": 2,
    "rows_written": 1_234_567_890,
    "bytes_written": 123_456_789_012,
    "duration_seconds": 12345.6,
    "watermark_after": "2026-01-31T00:00:00.123456+00:00",
}


@pytest.mark.parametrize("width", [50, 60, 80, 100])
def test_a_table_fits_its_terminal_and_no_number_is_cut(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(run_view.job_table([JOB, LONG]))
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for number in ("1,234,567,890", "123.5 GB", "12345.6"):
        assert any(number in line.split("  ") or number in line for line in lines)
    assert "…" not in console.file.getvalue()


def test_what_is_new_of_a_run_is_said_once() -> None:
    said: dict[str, str] = {}
    waiting = {"status": "WAITING", "next_attempt": 2, "next_attempt_at": "2026-01-01T00:05:30Z", "reason": "Gone."}
    first = [str(line) for line in run_view.news(a_run(JOB, FAILED | waiting), said)]
    assert first == [
        "pg_orders_incr: SUCCESS, 1,234 rows in 2.3 s",
        "pg_gone_full: WAITING, attempt 2 at 2026-01-01 00:05 UTC: Gone.",
    ]
    assert list(run_view.news(a_run(JOB, FAILED | waiting), said)) == []
    again = a_run(JOB, FAILED | {"status": "RUNNING"})
    assert list(run_view.news(again, said)) == []
    assert [str(line) for line in run_view.news(a_run(JOB, FAILED), said)] == [
        "pg_gone_full: FAILED, Table 'gone' does not exist."
    ]
