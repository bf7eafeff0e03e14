"""Activity `plan_run`: the active configuration and a request become the plan of a run."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

from shared.audit import last_runs, record_job, record_run
from shared.errors import ConfigurationError, IngestionError
from shared.models import JobError, JobResult, JobStatus, RunPlan, RunRequest, RunStatus
from shared.planning import Selection, deal, problems_of, select
from shared.settings import settings
from shared.workbook.activation import configuration_store
from shared.workbook.configuration import Configuration

log = logging.getLogger(__name__)


def plan_run(request: dict[str, Any]) -> dict[str, Any]:
    """Plan a run and write its row in the audit table; what is wrong stands in the plan, nothing is raised.

    Takes the JSON form of a `RunRequest`, returns that of a `RunPlan`.
    """
    wanted = RunRequest.model_validate(request)
    try:
        plan = _plan(wanted)
    except Exception as error:
        log.exception("Run %s cannot be planned", wanted.run_id)
        retryable = isinstance(error, IngestionError) and error.retryable
        kind = error.kind if isinstance(error, IngestionError) else "unexpected"
        plan = RunPlan(request=wanted, error=JobError(kind=kind, message=str(error)[:2000], retryable=retryable))
    return plan.to_json()


def _plan(request: RunRequest) -> RunPlan:
    snapshot = configuration_store().refresh()
    configuration = snapshot.configuration
    if problems := problems_of(request, configuration):
        raise ConfigurationError(f"The request does not fit the active workbook: {'; '.join(problems)}.")
    known = last_runs()
    selection = select(request, configuration, snapshot.version.activated_at, known)
    plan = RunPlan(
        request=request,
        config_version=snapshot.version,
        lanes=deal(
            selection.jobs,
            concurrency=_concurrency(configuration),
            default_concurrency=settings().source_concurrency,
            last_runs=known,
            options=selection.options,
        ),
        max_attempts=settings().job_max_attempts,
        retry_seconds=settings().job_retry_seconds,
    )
    _record_waiting(request, configuration, selection)
    planned = {"jobs_total": plan.job_count, "jobs_waiting": len(selection.waiting), "jobs_not_due": selection.not_due}
    record_run(request, RunStatus.RUNNING.value, {**planned, "config_sha256": snapshot.version.sha256})
    return plan


def _concurrency(configuration: Configuration) -> dict[str, int]:
    limits = {source.source_name: source.max_concurrent_jobs for source in configuration.sources}
    return {name: limit for name, limit in limits.items() if limit}


def _record_waiting(request: RunRequest, configuration: Configuration, selection: Selection) -> None:
    """Say in the audit table why a job that was due does not run."""
    now = datetime.now(timezone.utc)
    for job_id, reason in selection.waiting.items():
        skipped = JobResult(
            run_id=request.run_id,
            job_id=job_id,
            status=JobStatus.SKIPPED,
            started_at=now,
            ended_at=now,
            error=JobError(kind="quiet_hours", message=reason),
        )
        record_job(skipped, request.requested_at, configuration.job(job_id))
