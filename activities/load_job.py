"""Activity `load_job`: one attempt of one job. It returns an envelope and never raises."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

from shared.audit import record_job, record_progress
from shared.errors import ConfigurationError, IngestionError
from shared.models import AttemptOrder, Job, JobError, JobResult, JobStatus
from shared.secrets import forget_cached_secrets, source_secret
from shared.settings import settings
from shared.workbook.activation import configuration_store
from shared.worker import run_in_child

log = logging.getLogger(__name__)


def load_job(order: dict[str, Any]) -> dict[str, Any]:
    """Run one attempt in a child process and write its outcome to the audit table.

    Takes the JSON form of an `AttemptOrder`, returns that of a `JobResult`.
    """
    attempt = AttemptOrder.model_validate(order)
    started_at = datetime.now(timezone.utc)
    job: Job | None = None
    try:
        job = _job(attempt)
        result = _load(attempt, job, started_at)
    except Exception as error:
        result = _failure(attempt, error, started_at)
    _log_outcome(result)
    record_job(result, attempt.run_started_at, job)
    return result.to_json()


def _job(attempt: AttemptOrder) -> Job:
    job = configuration_store().read_version(attempt.config_sha256).job(attempt.job_id)
    if job is None:
        raise ConfigurationError(f"Job '{attempt.job_id}' is not in configuration version {attempt.config_sha256}.")
    return job


def _load(attempt: AttemptOrder, job: Job, started_at: datetime) -> JobResult:
    def progress(stage: str, rows: int) -> None:
        record_progress(attempt, job, started_at, stage, rows)

    progress("starting", 0)
    secret = source_secret(job.source_name, job.source_type.value)
    result = JobResult.model_validate(run_in_child(attempt, job, secret, settings().job_timeout_minutes * 60, progress))
    if result.status is JobStatus.FAILED:
        forget_cached_secrets()  # the password may have been rotated: the next attempt reads it again
    return result


def _failure(attempt: AttemptOrder, error: Exception, started_at: datetime) -> JobResult:
    if isinstance(error, IngestionError):
        known = JobError(kind=error.kind, message=str(error), retryable=error.retryable)
    else:
        log.exception("Job %s of run %s broke", attempt.job_id, attempt.run_id)
        known = JobError(kind="unexpected", message=f"{type(error).__name__}: {error}"[:2000], retryable=True)
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
