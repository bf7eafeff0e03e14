"""The audit table as it is in Table Storage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.plan_run import plan_run
from shared.activation.uploads import Activation, Outcome
from shared.audit.jobs import (
    close_lost_jobs,
    job_rows,
    latest_rows,
    recent_loads,
    record_job,
    succeeded_rows,
)
from shared.audit.progress import ProgressRow
from shared.audit.properties import PROPERTY_LIMIT
from shared.audit.runs import (
    cancel_requested,
    claim_run_id,
    find_run,
    find_unindexed_run,
    record_run,
    release_run_id,
    request_cancel,
)
from shared.audit.table import audit_table
from shared.audit.uploads import has_row, record_activation, refused_uploads
from shared.models.attempt import AttemptOrder, JobError, JobResult, JobStatus
from shared.models.run import RunRequest
from shared.workbook.configuration import Problem
from tests.audit_rows import job_history, run_rows
from tests.builders import a_job

pytestmark = pytest.mark.usefixtures("app_settings")

START = datetime(2024, 1, 1, tzinfo=UTC)


def a_result(run_id: str = "run-1", job_id: str = "orders", **fields: Any) -> JobResult:
    """A success, but for what is named."""
    defaults = {"status": JobStatus.SUCCESS, "started_at": START, "ended_at": START + timedelta(seconds=2)}
    return JobResult(run_id=run_id, job_id=job_id, **(defaults | fields))


def a_request(run_id: str, started: datetime = START) -> RunRequest:
    return RunRequest(run_id=run_id, trigger="http", requested_at=started)


def an_order(job_id: str = "orders") -> AttemptOrder:
    return AttemptOrder(run_id="run-1", run_started_at=START, job_id=job_id, config_sha256="0f")


def test_a_run_that_was_recorded_before_there_were_run_ids_is_found() -> None:
    for run_id in ("run-1", "run-2"):
        record_run(a_request(run_id), "SUCCEEDED", {"jobs_total": 1})
        audit_table().delete_entity("run_ids", run_id)
    assert find_run("run-2") is None
    assert (find_unindexed_run("run-2") or {})["run_id"] == "run-2"
    assert find_unindexed_run("run-3") is None


def test_a_job_is_in_its_run_and_in_its_own_history() -> None:
    result = a_result(
        rows_written=7, watermark_after="2024", duration_seconds={"total": 2.0}, schema_changes=("a", "b")
    )
    record_job(result, START, a_job(job_id="orders"))
    (row,) = job_rows("run-1")
    assert row == dict(next(iter(job_history("orders")))) | {"PartitionKey": "run-1", "RowKey": "orders"}
    assert (row["status"], row["rows_written"], row["duration_seconds"]) == ("SUCCESS", 7, 2.0)
    assert (row["source_name"], row["table_name"], row["load_type"]) == ("shop_pg", "orders", "FULL")
    assert (row["start_time"], row["end_time"]) == (START, START + timedelta(seconds=2))
    assert (row["schema_changes"], row["duration_by_stage"]) == (["a", "b"], {"total": 2.0})


def test_an_outcome_that_is_written_again_is_still_one_row() -> None:
    for _ in range(2):
        record_job(a_result(), START, a_job(job_id="orders"))
    assert len(list(job_rows("run-1"))) == 1
    assert len(list(job_history("orders"))) == 1


def test_the_last_attempt_takes_the_place_of_the_one_before() -> None:
    broken = JobError(kind="transient", message="The network is gone.", retryable=True)
    record_job(a_result(status=JobStatus.FAILED, error=broken), START, a_job(job_id="orders"))
    record_job(a_result(attempt=2), START, a_job(job_id="orders"))
    (row,) = job_rows("run-1")
    assert (row["attempt"], row["status"]) == (2, "SUCCESS")
    assert "error_message" not in row


def test_an_outcome_takes_the_place_of_the_progress() -> None:
    ProgressRow(an_order(), a_job(job_id="orders"), START).write("extract", 5)
    (row,) = job_rows("run-1")
    assert (row["status"], row["stage"], row["rows_extracted"]) == ("RUNNING", "extract", 5)
    assert list(job_history("orders")) == []
    record_job(a_result(), START, a_job(job_id="orders"))
    assert [row["status"] for row in job_rows("run-1")] == ["SUCCESS"]


def test_an_outcome_that_takes_the_place_of_the_progress_leaves_a_success_of_another_execution_alone() -> None:
    job, broken = a_job(job_id="orders"), JobError(kind="lease_lost", message="It was frozen.", retryable=True)
    frozen = ProgressRow(an_order(), job, START)
    frozen.write("extract", 5)
    record_job(a_result(), START, job)  # by the execution that has taken the job over
    record_job(a_result(status=JobStatus.FAILED, error=broken), START, job, frozen.etag)
    assert [row["status"] for row in job_rows("run-1")] == ["SUCCESS"]


def test_histories_show_the_newest_first() -> None:
    for day in (2, 1, 3):
        started = datetime(2024, 1, day, tzinfo=UTC)
        record_job(a_result(f"run-{day}"), started, a_job(job_id="orders"))
        record_run(a_request(f"run-{day}", started), "RUNNING", {})
    assert [row["run_id"] for row in job_history("orders")] == ["run-3", "run-2", "run-1"]
    assert [row["run_id"] for row in run_rows()] == ["run-3", "run-2", "run-1"]


def test_a_run_is_one_row_from_its_plan_to_its_end() -> None:
    record_run(a_request("run-1"), "RUNNING", {"jobs_total": 2, "error_message": None})
    record_run(a_request("run-1"), "SUCCEEDED", {"jobs_total": 2, "jobs_succeeded": 2})
    (row,) = run_rows()
    assert (row["status"], row["jobs_succeeded"], row["start_time"]) == ("SUCCEEDED", 2, START)
    assert find_run("run-1") == row
    assert find_run("run-2") is None


def test_a_run_that_is_planned_for_another_start_of_its_id_leaves_the_rows_of_the_first() -> None:
    record_run(a_request("run-1"), "SUCCEEDED", {"jobs_total": 2})
    late = a_request("run-1", START + timedelta(minutes=5))
    assert plan_run(late.to_json())["is_of_another_start"]
    assert [row["start_time"] for row in run_rows()] == [find_run("run-1")["start_time"]] == [START]  # type: ignore[index]


def test_the_id_of_a_run_that_was_purged_before_it_had_a_row_is_free() -> None:
    audit_table().upsert_entity({"PartitionKey": "run_ids", "RowKey": "run-1", "run_key": "8205-run-1"})
    assert record_run(a_request("run-1"), "RUNNING", {})
    assert [row["run_id"] for row in run_rows()] == ["run-1"]
    assert find_run("run-1") is not None


def test_a_lost_job_leaves_all_that_a_recorded_one_does() -> None:
    job = a_job(job_id="lost")
    ProgressRow(an_order("lost"), job, START).write("load", 5)
    error = JobError(kind="activity", message="Python exited with code 137.", retryable=True)
    close_lost_jobs([a_result(job_id="lost", status=JobStatus.FAILED, error=error)], START, lambda _job_id: None)
    partitions = [job_rows("run-1"), job_history("lost"), latest_rows()]
    for partition in partitions:
        (row,) = [row for row in partition if row["job_id"] == "lost"]
        assert (row["status"], row["error_kind"], row["error_message"]) == (
            *("FAILED", "activity", "Python exited with code 137."),
        )
    (row,) = job_rows("run-1")
    assert row["source_name"] == job.source_name


def test_what_a_run_has_loaded_stays_loaded_whatever_a_late_execution_of_it_brings() -> None:
    lost = JobError(kind="lease_lost", message="Lost.", retryable=True)
    late = a_result(status=JobStatus.FAILED, error=lost)
    record_job(late, START, a_job(job_id="orders"))
    record_job(a_result(rows_written=7, load_id="1.5"), START, a_job(job_id="orders"))
    record_job(late, START, a_job(job_id="orders"))
    for partition in (job_rows("run-1"), job_history("orders"), latest_rows(), succeeded_rows()):
        (row,) = [row for row in partition if row["job_id"] == "orders"]
        assert (row["status"], row["rows_written"]) == ("SUCCESS", 7)


def test_what_is_recorded_late_takes_nothing_from_a_later_run() -> None:
    day = timedelta(days=1)
    record_job(a_result("old", "kept"), START, a_job(job_id="kept"))
    record_job(a_result("new", "kept"), START + day, a_job(job_id="kept"))
    record_job(a_result("old", "kept", status=JobStatus.FAILED), START, a_job(job_id="kept"))
    record_job(a_result("older", "kept"), START - day, a_job(job_id="kept"))
    assert [row["run_id"] for row in latest_rows() if row["job_id"] == "kept"] == ["new"]
    assert [row["run_id"] for row in succeeded_rows() if row["job_id"] == "kept"] == ["new"]
    assert [row["run_id"] for row in job_history("kept")] == ["new", "old", "older"]


def test_progress_is_written_over_what_failed_and_never_over_what_succeeded() -> None:
    job = a_job(job_id="orders")
    record_job(a_result(status=JobStatus.FAILED), START, job)
    first = ProgressRow(an_order(), job, START)
    first.write("extract", 5)
    assert [row["status"] for row in job_rows("run-1")] == ["RUNNING"]
    second = ProgressRow(an_order(), job, START + timedelta(minutes=5))  # scheduled again, while the first is frozen
    second.write("extract", 1)
    first.write("extract", 9)
    assert [row["rows_extracted"] for row in job_rows("run-1")] == [1]
    record_job(a_result(rows_written=7), START, job)
    for progress in (first, second, ProgressRow(an_order(), job, START + timedelta(minutes=9))):
        progress.write("load", 9)
        assert [row["status"] for row in job_rows("run-1")] == ["SUCCESS"]


def test_a_load_that_ends_after_its_run_is_counted_also_if_it_wrote_its_progress_once() -> None:
    job = a_job(job_id="orders")
    record_job(a_result(status=JobStatus.FAILED), START, job)
    record_run(a_request("run-1"), "FAILED", {"jobs_total": 1, "jobs_failed": 1})
    progress = ProgressRow(an_order(), job, START)
    progress.write("load", 7)
    record_job(a_result(rows_written=7), START, job, progress.etag)
    run = find_run("run-1")
    assert run
    assert (run["status"], run["jobs_succeeded"], run["jobs_failed"]) == ("SUCCEEDED", 1, 0)


def test_a_run_id_is_claimed_once_however_many_ask() -> None:
    with ThreadPoolExecutor(10) as threads:
        assert sum(threads.map(lambda _: claim_run_id("mine"), range(10))) == 1
    release_run_id("mine")
    assert claim_run_id("mine")


def test_a_long_message_is_cut() -> None:
    error = JobError(kind="source", message="x" * 100_000)
    record_job(a_result(status=JobStatus.FAILED, error=error), START, None)
    (row,) = job_rows("run-1")
    assert row["error_message"] == "x" * (PROPERTY_LIMIT - 1) + "…"


def test_a_run_is_asked_to_stop_by_its_id() -> None:
    request_cancel("run-1")
    assert cancel_requested("run-1")
    assert not cancel_requested("run-2")


def test_a_quote_in_a_key_is_part_of_it() -> None:
    assert find_run("x' or 'a' eq 'a") is None
    assert list(job_history("it's")) == []


def test_the_last_good_load_of_a_job_outlasts_a_failure() -> None:
    record_job(a_result("good", "kept", rows_written=7), START, a_job(job_id="kept"))
    record_job(a_result("bad", "kept", status=JobStatus.FAILED), START + timedelta(days=1), a_job(job_id="kept"))
    rows = [
        (row["run_id"], row["run_start_time"])
        for partition in (latest_rows(), succeeded_rows())
        for row in partition
        if row["job_id"] == "kept"
    ]
    assert rows == [("bad", START + timedelta(days=1)), ("good", START)]


def test_the_recent_loads_of_a_job_are_the_newest_and_few_of_their_fields() -> None:
    for day in range(4):
        record_job(a_result(f"run-{day}", "charted", rows_extracted=day), START + timedelta(days=day), None)
    assert recent_loads("charted", 2) == [
        {"run_id": f"run-{day}", "status": "SUCCESS", "start_time": START, "rows_extracted": day} for day in (3, 2)
    ]
    assert recent_loads("never ran", 2) == []


def test_a_refused_upload_keeps_as_many_problems_as_fit_one_property() -> None:
    problem = Problem(sheet="SourceConfig", cell="F2", column="load_type", message="is wrong " * 30)
    refused = Activation(outcome=Outcome.REFUSED, sha256="0f" * 32, at=START, problems=(problem,) * 50)
    record_activation(refused)
    (row,) = refused_uploads()
    assert (row["problem_count"], row["time"], row["sha256"]) == (50, START, "0f" * 32)
    assert 20 < len(row["problems"]) < 50
    *kept, rest = row["problems"]
    assert (set(kept), rest) == ({str(problem)}, f"… and {50 - len(kept)} more")


@pytest.mark.parametrize("outcome", [Outcome.ACTIVATED, Outcome.ROLLED_BACK])
def test_the_watch_finds_the_row_of_what_became_active(outcome: Outcome) -> None:
    activation = Activation(outcome=outcome, sha256="1f" * 32, at=START)
    assert not has_row(activation)
    record_activation(activation)
    assert has_row(activation)
