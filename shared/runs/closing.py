"""How the end of a run is written: its jobs, its one-off requests, its row, a line of the log, a message.

The run itself does it with the activity `finish_run`. For a run that cannot, the watch does it, or the request that
reads it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from shared.activation.store import configuration_store
from shared.audit.jobs import close_lost_jobs, count_jobs, job_rows, log_end, recount_run
from shared.audit.runs import expect_late_loads, expect_no_more_loads, record_run
from shared.audit.table import RUNNING
from shared.models.attempt import LOST, JobError, JobResult, JobStatus
from shared.models.job import Job
from shared.models.run import RunOutcome
from shared.notifications.notifier import notify_of_run
from shared.planning.one_off_requests import close_requests

log = logging.getLogger(__name__)


def close_run(run: RunOutcome) -> RunOutcome:
    """Write how a run ended; may be done again. Returns the outcome with the totals that its job rows add up to."""
    run_id = run.request.run_id
    lost = [*run.totals.unrecorded, *_lost_jobs(run)]
    note = expect_late_loads(run_id, is_said=False)
    may_go_on = bool(lost or run.error or run.was_terminated)
    if lost:
        sha256 = run.config_version.sha256 if run.config_version else None
        close_lost_jobs(lost, run.request.requested_at, partial(find_job, sha256))
    rows = list(job_rows(run_id))
    # an attempt may have died after its commit, and the lake not have answered since
    may_have_loaded = any(row["status"] == JobStatus.FAILED.value and row.get("retryable") for row in rows)
    totals = count_jobs(rows, run.totals.jobs_total)  # a second execution may have recorded another end
    run = run.model_copy(update={"totals": totals, "broken_jobs": ()})
    close_requests(run_id, JobStatus.CANCELLED if run.was_terminated else JobStatus.FAILED)
    counted = totals.model_dump(exclude={"unrecorded"})
    record_run(
        run.request,
        run.status.value,
        {
            **counted,
            "end_time": datetime.now(UTC),
            "config_sha256": run.config_version.sha256 if run.config_version else None,
            "error_kind": run.error.kind if run.error else None,
            "error_message": run.error.message if run.error else None,
            "stage": "finished",
        },
    )
    try:
        if may_go_on:  # a load may have ended since, and have taken the run for running
            recount_run(run_id, run.request.requested_at)
    finally:  # the row says that the run has ended: nothing closes it again
        log_end(run_id, run.status.value, totals)
        notify_of_run(run)
    if may_go_on or may_have_loaded:
        expect_late_loads(run_id)
    else:
        expect_no_more_loads(run_id, note)
    return run


def _lost_jobs(run: RunOutcome) -> Iterator[JobResult]:
    """The jobs without a reported end: rows that still say RUNNING, and jobs without a row.

    What an earlier try of this has closed counts, too: the load may have been committed since.
    """
    run_id = run.request.run_id
    reported = {result.job_id for result in run.totals.unrecorded}
    rows = {row["job_id"]: row for row in job_rows(run_id)}
    jobs = [job_id for job_id, row in rows.items() if row["status"] == RUNNING or row.get("error_kind") == LOST]
    jobs += [job_id for job_id in run.broken_jobs if job_id not in rows]
    now = datetime.now(UTC)
    status = JobStatus.CANCELLED if run.was_terminated else JobStatus.FAILED
    for job_id in jobs:
        if job_id not in reported:
            row = rows.get(job_id, {})
            yield JobResult(
                run_id=run_id,
                job_id=job_id,
                attempt=row.get("attempt", 1),
                status=status,
                rows_extracted=row.get("rows_extracted", 0),
                started_at=row.get("start_time", now),
                ended_at=now,
                error=_why_lost(run),
            )


def _why_lost(run: RunOutcome) -> JobError:
    if run.was_terminated:
        return run.error or JobError(kind="cancelled", message="The run was terminated from outside.")
    reason = f": {run.error.message}" if run.error else "."
    return JobError(kind=LOST, message=f"The attempt ended without a result{reason}", retryable=True)


def find_job(sha256: str | None, job_id: str) -> Job | None:
    """A job of a version of the workbook; None if that is unknown or cannot be read."""
    if sha256 is None:
        return None
    try:
        return configuration_store().read_job(sha256, job_id)
    except Exception as error:
        log.warning("Job %s is recorded without its cells, which cannot be read: %s", job_id, error)
        return None
