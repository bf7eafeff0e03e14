"""What is recorded of jobs: their outcome in the run, in their history, and as their last one; progress; lost jobs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import UpdateMode

from shared.audit.lake_records import as_committed
from shared.audit.ledger import record_load
from shared.audit.progress import REOPENED
from shared.audit.properties import as_properties, as_row, without_keys
from shared.audit.runs import expect_late_loads, has_ended
from shared.audit.table import LATEST, RUNNING, RUNS, SUCCEEDED, Row, audit_table, partition, replace_row, run_key
from shared.models.attempt import BUSY, JobResult, JobStatus, figures_of
from shared.models.job import Job
from shared.models.run import LastRun, RunStatus, Totals

log = logging.getLogger(__name__)

_NAMES = ("source_name", "table_name", "load_type")  # of a row, which follow from the job


_COUNTED = {
    JobStatus.SUCCESS.value: "jobs_succeeded",
    JobStatus.FAILED.value: "jobs_failed",
    JobStatus.SKIPPED.value: "jobs_skipped",
    JobStatus.CANCELLED.value: "jobs_cancelled",
}


_CHARTED = ["run_id", "status", "start_time", "rows_extracted", "duration_seconds"]


def record_job(result: JobResult, run_started_at: datetime, job: Job | None, etag: str | None = None) -> JobResult:
    """Write one attempt's outcome: the run's row of the job, the job's own history, and what its last row is.

    What a run has loaded stays loaded: nothing that a late execution of the same run brings replaces a success. Rows
    that the execution of that success did not live to write are written then.

    Args:
        result: The outcome.
        run_started_at: When the run was requested, UTC.
        job: The job; None if the workbook cannot be read, and then the row keeps the names that it has.
        etag: Of the row of its progress, if there is one.

    Returns:
        What is recorded: the outcome, or the success that was there.
    """
    row = _job_row(result, job)
    before: Row = {}

    def may_replace(found: Row) -> bool:
        nonlocal before
        before = found
        row.update({name: found[name] for name in _NAMES if name in found and name not in row})
        if result.status is not JobStatus.SUCCESS and found.get("status") == JobStatus.SUCCESS.value:
            return False
        if _may_be_counted(found) and has_ended(result.run_id, run_started_at):
            expect_late_loads(result.run_id)  # a process that dies before the count leaves it to the watch
        return True

    key = {"PartitionKey": result.run_id, "RowKey": result.job_id}
    if not replace_row(key, row, may_replace, etag if job else None):
        row, result = without_keys(before), _recorded(before)
    elif before and _may_be_counted(before):
        recount_run(result.run_id, run_started_at)
    _record_last(row, result, run_started_at)
    return result


def _may_be_counted(row: Row) -> bool:
    """Whether the run may have been closed by what a job's row said."""
    return bool(row.get(REOPENED) or row.get("status") != RUNNING)


def _record_last(row: Row, result: JobResult, run_started_at: datetime) -> None:
    history_key = {"PartitionKey": f"job:{result.job_id}", "RowKey": run_key(run_started_at, result.run_id)}
    is_success = result.status is JobStatus.SUCCESS
    if is_success:
        audit_table().upsert_entity({**row, **history_key}, mode=UpdateMode.REPLACE)
    else:  # its writer may have been frozen while another execution succeeded
        replace_row(history_key, row, lambda found: found["status"] != JobStatus.SUCCESS.value)
    last = {"run_start_time": run_started_at, **row}
    if result.status is not JobStatus.SKIPPED:
        is_later = _is_not_newer_than(run_started_at)
        key = {"PartitionKey": LATEST, "RowKey": result.job_id}
        replace_row(key, last, lambda found: is_later(found) and (is_success or not _has_loaded(found, result.run_id)))
    if result.status is JobStatus.SUCCESS:
        replace_row({"PartitionKey": SUCCEEDED, "RowKey": result.job_id}, last, _is_not_newer_than(run_started_at))


def _has_loaded(found: Row, run_id: str) -> bool:
    return bool(found["status"] == JobStatus.SUCCESS.value and found["run_id"] == run_id)


def _is_not_newer_than(run_started_at: datetime) -> Callable[[Row], bool]:
    """Whether a row is of this run or an earlier one: what is written late takes nothing from a later run."""
    return lambda found: bool(found["run_start_time"] <= run_started_at)


def complete_rows(row: Row, run_started_at: datetime) -> None:
    """Write what follows from a job's row of a run, whose writer may have died before it did: history, last results."""
    _record_last(as_properties(without_keys(row)), _recorded(row), run_started_at)


def record_outcome(result: JobResult, run_started_at: datetime, job: Job | None) -> JobResult:
    """Write everything that an attempt leaves behind: its load in the ledger, then its rows. May be done again.

    For arguments and result see `record_job`.
    """
    if job and result.status is JobStatus.SUCCESS:
        record_load(job, result)
    return record_job(result, run_started_at, job)


def close_lost_jobs(lost: Iterable[JobResult], run_started_at: datetime, find_job: Callable[[str], Job | None]) -> None:
    """Write everything that a recorded job writes for jobs whose attempts left nothing, or not yet.

    What the lake has of them counts, whatever is known of them otherwise.

    Args:
        lost: What is known of each.
        run_started_at: When their run was requested, UTC.
        find_job: Gives the job of an id, None if the workbook cannot be read.
    """
    for result in lost:
        job = find_job(result.job_id)
        record_outcome(as_committed(result, job, run_started_at), run_started_at, job)


def count_jobs(rows: Iterable[Row], planned: int) -> Totals:
    """What the job rows of a run add up to.

    Args:
        rows: Those of one run.
        planned: Jobs that the run was to load; one without a row counts as failed.
    """
    counted: Counter[str] = Counter()
    for row in rows:
        if row.get("error_kind") == "quiet_hours":  # it was never a job of the run
            continue
        counted[_COUNTED.get(row["status"], "jobs_failed")] += 1
        counted.update({name: int(row.get(name, 0)) for name in ("rows_extracted", "rows_written", "bytes_written")})
    found = sum(counted[name] for name in _COUNTED.values())
    return Totals(**counted, jobs_total=max(planned, found))


def recount_run(run_id: str, run_started_at: datetime) -> None:
    """Let the totals of a run that has ended be what its job rows add up to, and its status what follows from them."""
    try:
        run = audit_table().get_entity(RUNS, run_key(run_started_at, run_id))
    except ResourceNotFoundError:
        return
    if run["status"] == RUNNING:
        return
    totals = count_jobs(job_rows(run_id), int(run.get("jobs_total", 0)))
    counted = totals.model_dump(exclude={"unrecorded"})
    if run["status"] != RunStatus.CANCELLED.value and "error_kind" not in run:
        counted["status"] = totals.run_status().value
    properties = as_properties(counted)
    if any(run.get(name) != value for name, value in properties.items()):
        keys = {name: run[name] for name in ("PartitionKey", "RowKey")}
        audit_table().upsert_entity(keys | properties, mode=UpdateMode.MERGE)
        log_end(run_id, str(counted.get("status", run["status"])), totals)


def log_end(run_id: str, status: str, totals: Totals) -> None:
    """Log how a run ended; the last such line counts. The alerts' queries parse it."""
    log.info("Run %s: %s, %s", run_id, status, totals.model_dump(exclude={"unrecorded"}))


def job_rows(run_id: str) -> Iterator[Row]:
    """The job rows of one run, ordered by job_id."""
    return partition(run_id)


def open_job_rows(run_id: str) -> Iterator[Row]:
    """The rows of the jobs of one run that run, or may be tried again or wait; none if the table does not exist."""
    query = (  # the SDK knows no parameter before a bracket
        "PartitionKey eq @run_id and (error_kind eq @busy or status eq @running or "
        "(status eq @failed and retryable eq true))"
    )
    parameters = {"run_id": run_id, "running": RUNNING, "failed": JobStatus.FAILED.value, "busy": BUSY}
    with suppress(ResourceNotFoundError):
        yield from map(as_row, audit_table().query_entities(query, parameters=parameters))


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


def _recorded(row: Row) -> JobResult:
    """The result of which a row was written."""
    known = as_row(row)
    return JobResult(
        run_id=known["run_id"],
        job_id=known["job_id"],
        attempt=known.get("attempt", 1),
        status=JobStatus(known["status"]),
        started_at=known["start_time"],
        ended_at=known["end_time"],
        duration_seconds=known.get("duration_by_stage") or {},
        **figures_of(known).figures(),
    )


def _job_row(result: JobResult, job: Job | None) -> dict[str, Any]:
    error = result.error
    cells = job.model_dump(mode="json") if job and job.origins else {}
    row = {
        "run_id": result.run_id,
        "job_id": result.job_id,
        "attempt": result.attempt,
        "status": result.status.value,
        "source_name": job.source_name if job else None,
        "table_name": job.resource_name if job else None,
        "load_type": job.load_type.value if job else None,
        "resolved": {name: cells.get(name) for name in job.origins} if job and job.origins else None,
        **result.figures(),
        "schema_changes": result.schema_changes or None,
        "masked_columns": result.masked_columns or None,
        "warnings": result.warnings or None,
        "start_time": result.started_at,
        "end_time": result.ended_at,
        "duration_seconds": result.duration_seconds.get("total"),
        "duration_by_stage": result.duration_seconds or None,
        "lane": result.lane,
        "earlier_attempts": [one.model_dump(mode="json") for one in result.earlier] or None,
        "error_kind": error.kind if error else None,
        "error_message": error.message if error else None,
        "retryable": error.retryable if error else None,
    }
    return as_properties(row)
