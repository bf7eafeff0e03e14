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

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, UpdateMode

from shared.audit_properties import as_properties, as_row, without_keys
from shared.identity import table_service
from shared.maintenance_models import MaintenanceResult
from shared.models import AttemptOrder, Job, JobResult, JobStatus, RunRequest
from shared.planning import LastRun
from shared.settings import settings
from shared.workbook.uploads import Activation, Outcome

RUNS = "runs"
WORKBOOK = "workbook"
RUNNING = "RUNNING"
CANCELLED = "cancelled"
LATEST = "latest"
SUCCEEDED = "succeeded"
REQUEST = "request"
HOUSEKEEPING = "housekeeping"
MAINTENANCE = "maintenance"
INCIDENT = "incident"
CALLS = "calls"
PARTITIONS = frozenset(
    {RUNS, WORKBOOK, CANCELLED, LATEST, SUCCEEDED, REQUEST, HOUSEKEEPING, MAINTENANCE, INCIDENT, CALLS}
)
"""The partitions that are not named after a run or a job: no run may bear one of these names."""
PROBLEMS_LIMIT = 50  # of one upload; all of them stand in its problems.json
_CHARTED = ["run_id", "status", "start_time", "rows_extracted", "duration_seconds"]

Row = Mapping[str, Any]


def newest_first(moment: datetime) -> str:
    """A key part that sorts later moments first: 13 digits, milliseconds since 1970 counted down from the year 2286."""
    last = 10**13 - 1
    return f"{last - min(max(int(moment.timestamp() * 1000), 0), last):013d}"


def run_key(run_started_at: datetime, run_id: str) -> str:
    """The row key of a run, among the runs and in each job's history."""
    return f"{newest_first(run_started_at)}-{run_id}"


@cache
def audit_table() -> TableClient:
    """The audit table, created where it does not exist yet."""
    return table_service("AuditStorage").create_table_if_not_exists(settings().audit_table)


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


def record_run(request: RunRequest, status: str, totals: Mapping[str, Any]) -> None:
    """Write the row of a run: once when it is planned, once more when it ends; what was planned stays in it."""
    audit_table().upsert_entity(
        {
            "PartitionKey": RUNS,
            "RowKey": run_key(request.requested_at, request.run_id),
            "run_id": request.run_id,
            "trigger": request.trigger,
            "status": status,
            "start_time": request.requested_at,
            **as_properties(totals),
        },
        mode=UpdateMode.MERGE,
    )


def record_activation(activation: Activation) -> None:
    """Write what became of an upload, or that an earlier version was brought back."""
    status = activation.outcome.value
    if activation.outcome is Outcome.UNCHANGED:  # handled again: its row says how it became active
        status = Outcome.ACTIVATED.value
    key = f"{newest_first(activation.at)}-{activation.sha256[:12]}"
    if activation.outcome is Outcome.ROLLED_BACK:
        key += "-rollback"  # an upload of the same workbook that follows has a row of its own
    details = {
        "uploaded_by": activation.uploaded_by,
        "changes": activation.changes.summary() if activation.changes else None,
        "problem_count": len(activation.problems),
        "problems": [str(problem) for problem in activation.problems[:PROBLEMS_LIMIT]] or None,
        "warning_count": len(activation.warnings),
        "refused_folder": activation.refused_folder,
    }
    row = {"PartitionKey": WORKBOOK, "RowKey": key, "sha256": activation.sha256, "status": status}
    audit_table().upsert_entity(row | {"time": activation.at} | as_properties(details), mode=UpdateMode.REPLACE)


def record_housekeeping(at: datetime, report: Mapping[str, Any]) -> None:
    """Write what a tick of the housekeeping removed."""
    key = {"PartitionKey": HOUSEKEEPING, "RowKey": newest_first(at)}
    audit_table().upsert_entity(key | {"time": at} | as_properties(report), mode=UpdateMode.REPLACE)


def record_maintenance(run_id: str, run_started_at: datetime, result: MaintenanceResult) -> None:
    """Write what was done to each Delta table of a job; one row without a table where it came to none."""
    error = result.error
    of_job = {
        "run_id": run_id,
        "job_id": result.job_id,
        "status": result.status.value,
        "start_time": result.started_at,
        "end_time": result.ended_at,
        "error_kind": error.kind if error else None,
        "error_message": error.message if error else None,
    }
    tables: list[dict[str, Any]] = [table.to_json() for table in result.tables] or [{}]
    for number, table in enumerate(tables):
        row_key = f"{newest_first(run_started_at)}-{result.job_id}-{number}"
        row = {"PartitionKey": MAINTENANCE, "RowKey": row_key} | as_properties(of_job | table)
        audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)


def last_housekeeping() -> Row:
    """The row of the last tick of the housekeeping; empty before the first one."""
    query, parameters = "PartitionKey eq @key", {"key": HOUSEKEEPING}
    return next(map(as_row, audit_table().query_entities(query, parameters=parameters, results_per_page=1)), {})


def job_rows(run_id: str) -> Iterator[Row]:
    """The job rows of one run, ordered by job_id."""
    return _partition(run_id)


def latest_rows() -> Iterator[Row]:
    """The row of the last run of every job, ordered by job_id."""
    return _partition(LATEST)


def succeeded_rows() -> Iterator[Row]:
    """The row of the last load of every job that succeeded, ordered by job_id."""
    return _partition(SUCCEEDED)


def last_runs() -> dict[str, LastRun]:
    """When every job last ran and how long it took, by job id."""
    return {
        row["job_id"]: LastRun(row["run_start_time"], float(row.get("duration_seconds", 1.0))) for row in latest_rows()
    }


def refused_uploads() -> Iterator[dict[str, Any]]:
    """The uploads of the workbook that were refused with their problems, newest first."""
    query, parameters = "PartitionKey eq @workbook and status eq 'REFUSED'", {"workbook": WORKBOOK}
    for row in map(as_row, audit_table().query_entities(query, parameters=parameters)):
        yield without_keys(row, "status")


def request_rows() -> Iterator[Row]:
    """The orders of the sheet Requests that a run has claimed."""
    return _partition(REQUEST)


def run_rows() -> Iterator[Row]:
    """The runs, newest first."""
    return _partition(RUNS)


def request_cancel(run_id: str) -> None:
    """Note that a run is to be cancelled; its jobs look for the note."""
    row = {"PartitionKey": CANCELLED, "RowKey": run_id, "time": datetime.now(timezone.utc)}
    audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)


def cancel_requested(run_id: str) -> bool:
    """Whether somebody has cancelled a run."""
    query = "PartitionKey eq @cancelled and RowKey eq @run_id"
    parameters = {"cancelled": CANCELLED, "run_id": run_id}
    return any(True for _ in audit_table().query_entities(query, parameters=parameters))


def find_run(run_id: str) -> Row | None:
    """The row of one run, or None where the table has none."""
    query = "PartitionKey eq @runs and run_id eq @run_id"
    found = audit_table().query_entities(query, parameters={"runs": RUNS, "run_id": run_id})
    return next(map(as_row, found), None)


def job_history(job_id: str) -> Iterator[Row]:
    """The loads of one job over all runs, newest first."""
    return _partition(f"job:{job_id}")


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


def _partition(key: str) -> Iterator[Row]:
    try:
        yield from map(as_row, audit_table().query_entities("PartitionKey eq @key", parameters={"key": key}))
    except ResourceNotFoundError:
        return


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
        "rows_extracted": result.rows_extracted,
        "rows_written": result.rows_written,
        "rows_deleted": result.rows_deleted,
        "bytes_written": result.bytes_written,
        "files_written": result.files_written,
        "watermark_before": result.watermark_before,
        "watermark_after": result.watermark_after,
        "load_id": result.load_id,
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
