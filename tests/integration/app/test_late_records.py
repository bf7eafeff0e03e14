"""What is recorded when an attempt commits and does not live to report it, or reports when its run has ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from activities.load_job import _completed
from shared.audit.jobs import job_rows, latest_rows, record_job
from shared.audit.lake_records import as_committed, unrecorded_loads
from shared.audit.runs import find_run, record_run
from shared.audit.table import audit_table
from shared.models.attempt import JobError, JobResult, JobStatus
from shared.models.job import Job
from shared.models.run import RunRequest, RunStatus
from tests.audit_rows import job_history
from tests.builders import a_job
from tests.conftest import unique_name

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
RUN = RunRequest(run_id="run-1", trigger="http", requested_at=START)


pytestmark = pytest.mark.usefixtures("app_settings")


def a_result(status: JobStatus = JobStatus.SUCCESS, **fields: Any) -> JobResult:
    ended_at = START + timedelta(seconds=9)
    error = JobError(kind="busy", message="Another run has it.") if status is not JobStatus.SUCCESS else None
    known = {"status": status, "started_at": START, "ended_at": ended_at, "error": error}
    return JobResult(run_id="run-1", job_id="orders", **(known | fields))


def put_record(lake: ContainerClient, job: Job, minutes: int, run_id: str = "run-1", job_id: str = "orders") -> str:
    """A load's record as the lake keeps it; gives the load's id."""
    at = START + timedelta(minutes=minutes)
    load_id = f"{at.timestamp():f}"
    record = {"load_id": load_id, "run_id": run_id, "job_id": job_id, "inserted_at": at.isoformat(), "rows_written": 7}
    name = f"{job.target_folder_path}/{job.source_name}_{job.table_name}/_dlt_loads/load__{load_id}.jsonl"
    lake.upload_blob(name, json.dumps(record).encode())
    return load_id


@pytest.fixture
def job(lake: ContainerClient) -> Job:
    return a_job(job_id="orders", target_container=lake.container_name, target_folder_path=unique_name())


@pytest.mark.parametrize("status", [JobStatus.SKIPPED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.SUCCESS])
def test_what_the_lake_has_of_a_run_counts(lake: ContainerClient, job: Job, status: JobStatus) -> None:
    load_id = put_record(lake, job, minutes=1)
    put_record(lake, job, minutes=2, run_id="run-2")
    found = as_committed(a_result(status), job, START)
    assert (found.status, found.load_id, found.rows_written, found.error) == (JobStatus.SUCCESS, load_id, 7, None)


def test_what_another_run_or_an_earlier_one_has_loaded_does_not_count(lake: ContainerClient, job: Job) -> None:
    put_record(lake, job, minutes=1, run_id="run-2")
    put_record(lake, job, minutes=-60)
    result = a_result(JobStatus.FAILED)
    assert as_committed(result, job, START) is result


def test_a_job_whose_lake_has_no_container_yet_keeps_its_result(job: Job) -> None:
    result = a_result(JobStatus.FAILED)
    assert as_committed(result, job.model_copy(update={"target_container": "nowhere"}), START) is result


def test_loads_that_the_ledger_lacks_are_found_oldest_first(lake: ContainerClient, job: Job) -> None:
    loads = [put_record(lake, job, minutes=number, run_id=f"run-{number}") for number in range(3)]
    folder = f"{job.target_folder_path}/{job.source_name}_{job.table_name}/_dlt_loads"
    lake.upload_blob(f"{folder}/load__{START.timestamp() + 30:f}.jsonl", b"")  # given up
    assert [record["load_id"] for record in unrecorded_loads(job, loads[0])] == loads[1:]
    assert [record["load_id"] for record in unrecorded_loads(job, None)] == loads
    assert unrecorded_loads(job, loads[-1]) == []


def test_a_success_of_an_earlier_execution_stays_and_its_missing_rows_are_written() -> None:
    job = a_job(job_id="orders")
    record_job(a_result(rows_written=7), START, job)
    for partition, key in (("latest", "orders"), ("succeeded", "orders")):  # as if it had died before them
        audit_table().delete_entity(partition, key)
    recorded = record_job(a_result(JobStatus.SKIPPED), START, job)
    assert (recorded.status, recorded.rows_written) == (JobStatus.SUCCESS, 7)
    assert [row["status"] for row in job_rows("run-1")] == ["SUCCESS"]
    assert [(row["run_id"], row["status"]) for row in latest_rows()] == [("run-1", "SUCCESS")]
    assert [row["status"] for row in job_history("orders")] == ["SUCCESS"]


def test_a_load_that_ends_after_its_run_is_counted_there() -> None:
    record_job(a_result(JobStatus.FAILED), START, a_job(job_id="orders"))
    record_run(RUN, RunStatus.FAILED.value, {"jobs_total": 1, "jobs_failed": 1, "end_time": START})
    record_job(a_result(rows_written=7), START, a_job(job_id="orders"))
    row = find_run("run-1")
    assert row
    assert (row["status"], row["jobs_succeeded"], row["jobs_failed"], row["rows_written"]) == ("SUCCEEDED", 1, 0, 7)


def test_a_late_plan_leaves_a_run_that_has_ended_alone() -> None:
    record_run(RUN, RunStatus.RUNNING.value, {"jobs_total": 1})
    record_run(RUN, RunStatus.SUCCEEDED.value, {"jobs_succeeded": 1, "end_time": START})
    record_run(RUN, RunStatus.RUNNING.value, {"jobs_total": 1})
    row = find_run("run-1")
    assert row
    assert (row["status"], row["jobs_total"], row["jobs_succeeded"]) == ("SUCCEEDED", 1, 1)


@pytest.mark.parametrize(("again", "kept"), [(None, "1.0"), ("2.0", "2.0")])
def test_a_repetition_without_rows_does_not_take_the_place_of_the_load_that_was_committed(
    again: str | None, kept: str
) -> None:
    committed = JobResult(
        run_id="run-1", job_id="orders", status=JobStatus.SUCCESS, started_at=START, ended_at=START, load_id="1.0"
    )
    repeated = committed.model_copy(update={"load_id": again})
    assert _completed(committed, lambda: repeated).load_id == kept
