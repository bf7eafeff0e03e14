"""Activity `load_job`: one attempt of one job. It returns an envelope and never raises."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone
from typing import Any

from shared.activation.store import configuration_store
from shared.audit.jobs import record_job, record_progress
from shared.audit.ledger import evidence, last_load, last_rewind, record_load
from shared.audit.runs import cancel_requested
from shared.errors.hierarchy import CancelledError
from shared.errors.job_errors import as_job_error, is_unexpected
from shared.isolation.leases import JobLease, job_lease
from shared.isolation.parent import Limits, run_in_child
from shared.isolation.work_folder import work_folder
from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.models.job import Job, LoadType
from shared.secrets import connection_secret, forget_cached_secrets
from shared.settings import most_timeout_minutes, settings
from shared.telemetry.spans import attempt_of_job
from shared.workbook.configuration import Configuration

log = logging.getLogger(__name__)

CANCEL_SECONDS = 5  # between two looks whether the run was cancelled
_STATUS = {"busy": JobStatus.SKIPPED, "cancelled": JobStatus.CANCELLED}


def load_job(order: dict[str, Any]) -> dict[str, Any]:
    """Run one attempt in a child process and write its outcome to the audit table.

    Takes the JSON form of an `AttemptOrder`, returns that of a `JobResult`.
    """
    attempt = AttemptOrder.model_validate(order)
    with attempt_of_job(attempt) as ended:
        result = _attempt(attempt)
        ended(result)
    return result.to_json()


def _attempt(attempt: AttemptOrder) -> JobResult:
    started_at = datetime.now(timezone.utc)
    job: Job | None = None
    try:
        configuration = configuration_store().read_version(attempt.config_sha256)
        job = configuration_store().read_job(attempt.config_sha256, attempt.job_id)
        result = _load(attempt, job, configuration, started_at)
    except Exception as error:
        result = _failure(attempt, error, started_at)
    if result.error and result.error.kind in _STATUS:
        result = result.model_copy(update={"status": _STATUS[result.error.kind]})
    _log_outcome(result)
    record_job(result, attempt.run_started_at, job)
    return result


def _load(attempt: AttemptOrder, job: Job, configuration: Configuration, started_at: datetime) -> JobResult:
    def progress(stage: str, rows: int) -> None:
        record_progress(attempt, job, started_at, stage, rows)

    earlier = last_load(job)
    loaded_before = evidence(earlier) if earlier and job.load_type is LoadType.INCREMENTAL else None
    needed_bytes = int(earlier.get("bytes", 0)) if earlier else 0
    with job_lease(job.job_id, attempt.run_id) as lease, work_folder(needed_bytes) as folder:
        progress("starting", 0)
        _raise_if_cancelled(attempt)
        result: JobResult = run_in_child(
            "shared.loading.attempt:run_attempt",
            {
                "order": attempt,
                "job": job,
                "folder": folder,
                "loaded_before": loaded_before,
                "rewind": last_rewind(job),
            },
            connection_secret(configuration.source(job.source_name), job.source_type),
            _limits(job),
            name=job.job_id,
            progress=progress,
            raise_if_interrupted=_Interruptions(attempt, lease),
            reusable=lambda loaded: loaded.status is JobStatus.SUCCESS,
        )
        if result.status is JobStatus.SUCCESS:
            record_load(job, result)
    if result.status is JobStatus.FAILED:
        forget_cached_secrets()  # the password may have been rotated: the next attempt reads it again
    return result


def _limits(job: Job) -> Limits:
    minutes = job.timeout_minutes or settings().job_timeout_minutes
    minutes = min(minutes, most_timeout_minutes() or minutes)
    return Limits(seconds=minutes * 60, megabytes=settings().job_memory_megabytes)


class _Interruptions:
    """Why a running attempt must end: its lease is lost, or somebody has cancelled the run."""

    def __init__(self, attempt: AttemptOrder, lease: JobLease) -> None:
        self._attempt = attempt
        self._lease = lease
        self._asked = time.monotonic()

    def __call__(self) -> None:
        """Raises LeaseLostError or CancelledError."""
        self._lease.raise_if_lost()
        if time.monotonic() - self._asked > CANCEL_SECONDS:
            self._asked = time.monotonic()
            _raise_if_cancelled(self._attempt)


def _raise_if_cancelled(attempt: AttemptOrder) -> None:
    if cancel_requested(attempt.run_id):
        raise CancelledError("The run was cancelled.")


def _failure(attempt: AttemptOrder, error: Exception, started_at: datetime) -> JobResult:
    known = as_job_error(error)
    if is_unexpected(known):
        log.error("Job %s of run %s broke", attempt.job_id, attempt.run_id, exc_info=error)
    ended_at = datetime.now(timezone.utc)
    return JobResult(
        run_id=attempt.run_id,
        job_id=attempt.job_id,
        attempt=attempt.attempt,
        status=JobStatus.FAILED,
        started_at=started_at,
        ended_at=ended_at,
        duration_seconds={"total": (ended_at - started_at).total_seconds()},
        error=known,
    )


def _log_outcome(result: JobResult) -> None:
    if result.error:
        log.error(
            "Run %s, job %s, attempt %d: %s (%s): %s",
            *(result.run_id, result.job_id, result.attempt, result.status.value),
            *(result.error.kind, result.error.message),
        )
    else:
        log.info(
            "Run %s, job %s, attempt %d: %s, %d rows in %.1f s",
            *(result.run_id, result.job_id, result.attempt, result.status.value),
            *(result.rows_written, result.duration_seconds.get("total", 0.0)),
        )
