"""The audit table: what every run and every job did, readable with any Table Storage client.

| PartitionKey | RowKey | holds |
| --- | --- | --- |
| run_id | job_id | the last attempt of one job of one run |
| `job:{job_id}` | inverted start of the run, run_id | the same row as a job's history, newest first |
| `latest` | job_id | the same row again: the last run of every job in one partition |
| `succeeded` | job_id | and again where it succeeded: the last good load of every job |
| `runs` | inverted start, run_id | one run |
| `workbook` | inverted time, SHA-256 | one upload: activated or refused, and why; one rollback |
| `cancelled` | run_id | the wish that a run be cancelled |
| `housekeeping` | inverted time | one tick of the housekeeping: what it removed |
| `maintenance` | inverted time, job_id, a number | one Delta table: what a maintenance did to it |
| `incident` | kind and subject | what is broken and whether somebody was told (`shared/notifications`) |
| `calls` | inverted time, a random part | one call that may change something: who asked, and how it was answered |
| `request` | request_id | one order of the sheet Requests: which run carries it out, and how that ended |

Every row is an upsert under a key that follows from its content: whoever writes it again writes the same row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from azure.data.tables import UpdateMode

from shared.audit.properties import as_properties, as_row
from shared.audit.table import LATEST, RUNNING, SUCCEEDED, Row, audit_table, partition, run_key
from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.models.job import Job
from shared.models.run import LastRun

_CHARTED = ["run_id", "status", "start_time", "rows_extracted", "duration_seconds"]


def record_job(result: JobResult, run_started_at: datetime, job: Job | None) -> None:
    """Write one attempt's outcome: the run's row of the job, the job's own history, and what its last row is."""
    row = _job_row(result, job)
    history_key = run_key(run_started_at, result.run_id)
    table = audit_table()
    table.upsert_entity({"PartitionKey": result.run_id, "RowKey": result.job_id} | row, mode=UpdateMode.REPLACE)
    table.upsert_entity({"PartitionKey": f"job:{result.job_id}", "RowKey": history_key} | row, mode=UpdateMode.REPLACE)
    last = {"RowKey": result.job_id, "run_start_time": run_started_at} | row
    if result.status is not JobStatus.SKIPPED:
        table.upsert_entity({"PartitionKey": LATEST} | last, mode=UpdateMode.REPLACE)
    if result.status is JobStatus.SUCCESS:
        table.upsert_entity({"PartitionKey": SUCCEEDED} | last, mode=UpdateMode.REPLACE)


def record_progress(order: AttemptOrder, job: Job, started_at: datetime, stage: str, rows: int) -> None:
    """Write that an attempt is at work, with the rows it has read so far; its outcome takes the row's place."""
    row = {
        "run_id": order.run_id,
        "job_id": order.job_id,
        "attempt": order.attempt,
        "status": RUNNING,
        "stage": stage,
        "source_name": job.source_name,
        "table_name": job.resource_name,
        "load_type": job.load_type.value,
        "rows_extracted": rows,
        "start_time": started_at,
    }
    key = {"PartitionKey": order.run_id, "RowKey": order.job_id}
    audit_table().upsert_entity(key | as_properties(row), mode=UpdateMode.REPLACE)


def close_lost_jobs(run_id: str, lost_jobs: Iterable[str] = ()) -> None:
    """Mark as failed what left no result although its run has ended: rows that say RUNNING, and jobs without a row."""
    rows = {row["job_id"]: row for row in job_rows(run_id)}
    unknown = {job_id: {"run_id": run_id, "job_id": job_id} for job_id in lost_jobs if job_id not in rows}
    for job_id, row in (rows | unknown).items():
        if row.get("status", RUNNING) == RUNNING:
            closed = {
                **row,
                "PartitionKey": run_id,
                "RowKey": job_id,
                "status": JobStatus.FAILED.value,
                "end_time": datetime.now(timezone.utc),
                "error_kind": "activity",
                "error_message": "The attempt ended without a result.",
            }
            audit_table().upsert_entity(as_properties(closed), mode=UpdateMode.REPLACE)


def job_rows(run_id: str) -> Iterator[Row]:
    """The job rows of one run, ordered by job_id."""
    return partition(run_id)


def latest_rows() -> Iterator[Row]:
    """The row of the last run of every job, ordered by job_id."""
    return partition(LATEST)


def succeeded_rows() -> Iterator[Row]:
    """The row of the last load of every job that succeeded, ordered by job_id."""
    return partition(SUCCEEDED)


def last_runs() -> dict[str, LastRun]:
    """When every job last ran and how long it took, by job id."""
    return {
        row["job_id"]: LastRun(row["run_start_time"], float(row.get("duration_seconds", 1.0))) for row in latest_rows()
    }


def recent_loads(job_id: str, limit: int) -> list[Row]:
    """What a chart needs of the last loads of one job, newest first.

    Args:
        job_id: The job.
        limit: How many at most, up to 1000: one page of Table Storage.
    """
    query, parameters = "PartitionKey eq @key", {"key": f"job:{job_id}"}
    pages = (
        audit_table().query_entities(query, parameters=parameters, results_per_page=limit, select=_CHARTED).by_page()
    )
    return [as_row(row) for row in next(pages, ())]


def _job_row(result: JobResult, job: Job | None) -> dict[str, Any]:
    error = result.error
    row = {
        "run_id": result.run_id,
        "job_id": result.job_id,
        "attempt": result.attempt,
        "status": result.status.value,
        "source_name": job.source_name if job else None,
        "table_name": job.resource_name if job else None,
        "load_type": job.load_type.value if job else None,
        **result.figures(),
        "schema_changes": result.schema_changes or None,
        "start_time": result.started_at,
        "end_time": result.ended_at,
        "duration_seconds": result.duration_seconds.get("total"),
        "duration_by_stage": result.duration_seconds or None,
        "error_kind": error.kind if error else None,
        "error_message": error.message if error else None,
        "retryable": error.retryable if error else None,
    }
    return as_properties(row)
