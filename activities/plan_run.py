"""Activity `plan_run`: the active configuration and a request become the plan of a run."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.activation.store import configuration_store
from shared.audit.jobs import record_job
from shared.audit.runs import record_run
from shared.errors.job_errors import as_job_error, is_unexpected
from shared.jobs.timers import next_tick
from shared.models.attempt import JobError, JobResult, JobStatus
from shared.models.run import ORCHESTRATORS_VERSION, RunPlan, RunRequest, RunStatus
from shared.planning.draft import draft_run
from shared.planning.one_off_requests import claim_requests
from shared.settings import settings
from shared.telemetry.spans import step_of_run
from shared.workbook.configuration import Configuration

log = logging.getLogger(__name__)


def plan_run(request: dict[str, Any]) -> dict[str, Any]:
    """Plan a run and write its row in the audit table; the plan holds what is wrong, nothing is raised.

    Takes the JSON form of a `RunRequest`, returns that of a `RunPlan`.
    """
    wanted = RunRequest.model_validate(request)
    with step_of_run("plan run", wanted.run_id, wanted.trace_parent):
        return _planned(wanted).to_json()


def _planned(wanted: RunRequest) -> RunPlan:
    try:
        return _plan(wanted)
    except Exception as error:
        known = as_job_error(error)
        trace = error if is_unexpected(known) else None
        log.log(
            logging.ERROR, "Run %s cannot be planned: %s: %s", wanted.run_id, known.kind, known.message, exc_info=trace
        )
        return RunPlan(request=wanted, error=known)


def _plan(request: RunRequest) -> RunPlan:
    if not record_run(request, RunStatus.RUNNING.value, {"stage": "planning"}):  # until then it waits for a slot
        return RunPlan(request=request, is_of_another_start=True)
    snapshot = configuration_store().refresh()
    version, configuration = snapshot.version, snapshot.configuration
    claimed, later = claim_requests(request, configuration, version.sha256) if request.request_ids else ([], [])
    draft = draft_run(request, snapshot, claimed)
    plan = RunPlan(
        request=request,
        config_version=version,
        lanes=draft.lanes,
        failed={job_id: str(error) for job_id, error in draft.failed.items()},
        later_request_ids=tuple(later),
        max_attempts=settings().job_max_attempts,
        retry_seconds=settings().job_retry_seconds,
        waits_until=_next_tick() if request.trigger == "timer" else None,
    )
    for job_id, reason in draft.selection.waiting.items():
        error = JobError(kind="quiet_hours", message=reason)
        _record(request, configuration, job_id, JobStatus.SKIPPED, error)
    for job_id, failure in draft.failed.items():
        _record(request, configuration, job_id, JobStatus.FAILED, as_job_error(failure))
    planned = {
        "jobs_total": plan.job_count,
        "jobs_waiting": len(draft.selection.waiting),
        "jobs_not_due": draft.selection.not_due,
        "wildcards": draft.expansion.tables or None,
        "full_refresh": request.full_refresh or None,
        "retry_of": request.retry_of,
        "reason": request.reason,
        "lanes": len(plan.lanes),
        "config_sha256": version.sha256,
        "orchestrators_version": ORCHESTRATORS_VERSION,
        "stage": "loading",
    }
    record_run(request, RunStatus.RUNNING.value, planned)
    return plan


def _next_tick() -> datetime:
    """When the next run of the schedule is due: until then this one may wait, and hold it up no longer."""
    now = datetime.now(UTC)
    try:
        return next_tick(settings().ingestion_schedule, now + timedelta(seconds=1), settings().time_zone)
    except ValueError:  # no timer that fires: nothing would load the job anyway
        return now


def _record(request: RunRequest, configuration: Configuration, job_id: str, status: JobStatus, error: JobError) -> None:
    """Say in the audit table why a requested job does not run."""
    now = datetime.now(UTC)
    result = JobResult(run_id=request.run_id, job_id=job_id, status=status, started_at=now, ended_at=now, error=error)
    record_job(result, request.requested_at, configuration.job(job_id))
