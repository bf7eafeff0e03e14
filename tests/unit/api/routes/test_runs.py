"""Run ids, and what `GET /api/runs/{run_id}` shows."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.api.routes.runs import RunBody, describe

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
