"""Run ids, and what `GET /api/runs/{run_id}` shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.api.answers import RunDescription
from shared.api.routes.run_description import describe
from shared.api.routes.runs import RunBody
from shared.runs.waiting import may_wait, with_waits

NOT_IN_KEYS = re.compile(r"[/\\#?@:\x00-\x1f\x7f-\x9f\s]")  # Durable instance ids, table keys, URLs


@given(st.one_of(st.text(max_size=120), st.from_regex(r"[A-Za-z0-9._-]{1,120}")))
def test_a_run_id_that_is_taken_fits_wherever_it_goes(run_id: str) -> None:
    try:
        taken = RunBody(run_id=run_id).run_id
    except ValidationError:
        return
    assert taken == run_id
    assert 1 <= len(run_id) <= 100
    assert run_id.isascii()
    assert run_id[0].isalnum()
    assert not NOT_IN_KEYS.search(run_id)


@pytest.mark.parametrize("run_id", ["a", "2024-01-01", "nightly.1_b-C", "x" * 100])
def test_plain_run_ids_are_taken(run_id: str) -> None:
    assert RunBody(run_id=run_id).run_id == run_id


@pytest.mark.parametrize("run_id", ["", ".", "-a", "@a", "a b", "a/b", "a\n", "ä", "x" * 101])
def test_other_run_ids_are_refused(run_id: str) -> None:
    with pytest.raises(ValidationError, match="run_id"):
        RunBody(run_id=run_id)


def a_status(runtime: str, **fields: Any) -> DurableOrchestrationStatus:
    """What Durable says of an orchestration."""
    status: DurableOrchestrationStatus = DurableOrchestrationStatus.from_json(
        {
            "name": "ingestion_run",
            "instanceId": "run-1",
            "createdTime": "2024-01-01T00:00:00Z",
            "runtimeStatus": runtime,
        }
        | fields
    )
    return status


@pytest.mark.parametrize(
    ("status", "row", "expected"),
    [
        (a_status("Pending"), None, "RUNNING"),
        (a_status("Running"), {"status": "RUNNING"}, "RUNNING"),
        (a_status("Completed"), {"status": "PARTLY_FAILED"}, "PARTLY_FAILED"),
        (a_status("Running"), {"status": "SUCCEEDED"}, "SUCCEEDED"),
        (a_status("Failed"), {"status": "RUNNING"}, "RUNNING"),
        (a_status("Terminated"), {"status": "RUNNING"}, "RUNNING"),
        (a_status("Failed", output="It has the input of run 'run-0'."), None, "FAILED"),
        (a_status("Terminated"), None, "CANCELLED"),
        (None, {"status": "SUCCEEDED"}, "SUCCEEDED"),
    ],
    ids=["pending", "running", "completed", "written", "lanes go on", "loads end", "refused", "ended early", "purged"],
)
def test_the_status_of_a_run_is_that_of_its_row_and_before_there_is_one_that_of_durable(
    status: DurableOrchestrationStatus | None, row: dict[str, Any] | None, expected: str
) -> None:
    assert describe("run-1", status, row, [])["status"] == expected


@pytest.mark.parametrize(
    ("row", "stage"), [(None, "waiting for a slot"), ({"status": "RUNNING", "stage": "planning"}, "planning")]
)
def test_a_run_waits_for_a_slot_until_its_plan_has_begun(row: dict[str, Any] | None, stage: str) -> None:
    status = a_status("Running", customStatus={"stage": "planning"})
    assert describe("run-1", status, row, [])["stage"] == stage


def test_progress_counts_the_jobs_that_have_ended() -> None:
    jobs: list[dict[str, Any]] = [
        {"job_id": "a", "status": "SUCCESS", "rows_written": 5},
        {"job_id": "b", "status": "FAILED"},
        {"job_id": "c", "status": "RUNNING", "rows_extracted": 7},
    ]
    status = a_status("Running", customStatus={"stage": "loading"})
    described = describe("run-1", status, {"jobs_total": 4, "status": "RUNNING"}, jobs)
    assert described["progress"] == {"jobs_total": 4, "jobs_done": 2, "jobs_failed": 1, "rows": 5}
    assert described["stage"] == "loading"


NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


def test_a_start_that_came_after_a_run_had_ended_leaves_no_error_in_it() -> None:
    status = a_status("Failed", output="Run 'run-1' was started before; this start came late and does nothing.")
    assert describe("run-1", status, {"status": "SUCCEEDED", "end_time": NOW}, [])["error"] is None


WAIT = {"job_id": "a", "attempt": 2, "not_before": "2024-01-01T12:01:00Z", "reason": "The worker has died."}


@pytest.mark.parametrize("row", [{"status": "RUNNING", "stage": "extract"}, {"status": "FAILED", "retryable": True}])
def test_a_job_between_two_attempts_waits_and_neither_runs_nor_has_failed(row: dict[str, Any]) -> None:
    jobs: list[dict[str, Any]] = [
        {"job_id": "a", "attempt": 1, "start_time": NOW} | row,
        {"job_id": "b", "status": "RUNNING"},
    ]
    found = with_waits(jobs, [{"job_id": "b", "waiting": [WAIT]}, None, {"job_id": "c"}])
    described = describe("run-1", a_status("Running"), {"jobs_total": 2, "status": "RUNNING"}, found)
    assert described["progress"] == {"jobs_total": 2, "jobs_done": 0, "jobs_failed": 0, "rows": 0}
    page = {"jobs": found, "continuation": None, "as_of": "now"}
    waiting, running = RunDescription.model_validate(described | page).jobs
    assert (waiting.status, waiting.attempt, waiting.next_attempt) == ("WAITING", 1, 2)
    assert waiting.next_attempt_at == NOW + timedelta(minutes=1)
    assert (waiting.reason, waiting.stage) == ("The worker has died.", None)
    assert running.status == "RUNNING"


def test_a_job_that_has_loaded_does_not_wait() -> None:
    jobs = [{"job_id": "a", "status": "SUCCESS"}]
    assert with_waits(jobs, [{"waiting": [WAIT]}]) == jobs


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"status": "RUNNING", "start_time": NOW - timedelta(minutes=1)}, True),
        ({"status": "RUNNING", "start_time": NOW - timedelta(seconds=1)}, False),
        ({"status": "FAILED", "start_time": NOW, "retryable": True}, True),
        ({"status": "FAILED", "start_time": NOW, "retryable": False}, False),
        ({"status": "SKIPPED", "start_time": NOW, "error_kind": "busy"}, True),
        ({"status": "SKIPPED", "start_time": NOW, "error_kind": "quiet_hours"}, False),
        ({"status": "SUCCESS", "start_time": NOW - timedelta(minutes=1)}, False),
    ],
)
def test_the_lanes_are_asked_only_where_a_job_may_wait(row: dict[str, Any], expected: bool) -> None:
    assert may_wait([row], NOW) is expected
