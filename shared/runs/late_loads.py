"""Loads that end after their run: what they wrote last may not be all, and some do not live to write anything.

A run that was terminated, or lost a lane, ends while its loads continue. A load reports its end by itself, unless its
process dies: then it is not carried out again. So the watch looks at such a run until no load of it can follow.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from azure.data.tables import TableEntity

from shared.audit.jobs import complete_rows, count_jobs, job_rows, log_end, record_outcome, recount_run
from shared.audit.lake_records import surely_as_committed
from shared.audit.runs import expect_no_more_loads, find_run, runs_with_late_loads
from shared.audit.table import RUNNING, Row
from shared.isolation.leases import is_held_by
from shared.models.attempt import LOST, JobError, JobResult, JobStatus
from shared.models.run import RunStatus
from shared.runs.closing import find_job

log = logging.getLogger(__name__)

_MAY_CHANGE = (RUNNING, JobStatus.FAILED.value, JobStatus.CANCELLED.value)


def record_late_loads() -> None:
    """Look at every run whose loads may have ended after it; an error of one is logged, and the others continue."""
    for note in list(runs_with_late_loads()):
        try:
            _look_at(note)
        except Exception:
            log.exception(
                "Whether loads of run %s ended after it is not known yet; the next tick looks", note["RowKey"]
            )


def _look_at(note: TableEntity) -> None:
    run = find_run(note["RowKey"])
    if run is None:  # the housekeeping has removed it
        return expect_no_more_loads(note["RowKey"], str(note.metadata["etag"]))
    if run["status"] == RUNNING:  # it is about to be closed
        return None
    all_rows = list(job_rows(run["run_id"]))
    rows = [row for row in all_rows if row["status"] in _MAY_CHANGE]
    ended = [row for row in rows if not is_held_by(row["job_id"], run["run_id"])]
    is_last_look = len(ended) == len(rows) and note["until"] < datetime.now(UTC)
    changed = [_recorded(run, row) for row in ended if is_last_look or row["status"] == RUNNING]
    if any(changed) or is_last_look:  # a process that wrote a row late may have died before the count
        recount_run(run["run_id"], run["start_time"])
    if is_last_look and not any(changed):
        for row in all_rows:
            complete_rows(row, run["start_time"])
        if not note.get("is_said"):
            log_end(run["run_id"], run["status"], count_jobs(all_rows, int(run.get("jobs_total", 0))))
        expect_no_more_loads(run["run_id"], str(note.metadata["etag"]))
    return None


def _recorded(run: Row, row: Row) -> bool:
    """Record what the lake has of a job that has ended; returns whether its row says something else now."""
    job = find_job(run.get("config_sha256"), row["job_id"])
    result = surely_as_committed(_unreported(run, row), job, run["start_time"])
    if result.status is not JobStatus.SUCCESS and row["status"] != RUNNING:
        return False
    log.warning(
        "Run %s, job %s: its load ended after the run, as %s", run["run_id"], row["job_id"], result.status.value
    )
    record_outcome(result, run["start_time"], job)
    return True


def _unreported(run: Row, row: Row) -> JobResult:
    """What is known of a load that did not report its end."""
    error = JobError(kind=LOST, message="The load continued after its run and ended without a result.", retryable=True)
    if run["status"] == RunStatus.CANCELLED.value:
        error = JobError(kind="cancelled", message="The run was terminated from outside.")
    return JobResult(
        run_id=run["run_id"],
        job_id=row["job_id"],
        attempt=row.get("attempt", 1),
        status=JobStatus.CANCELLED if run["status"] == RunStatus.CANCELLED.value else JobStatus.FAILED,
        rows_extracted=row.get("rows_extracted", 0),
        started_at=row["start_time"],
        ended_at=datetime.now(UTC),
        error=error,
    )
