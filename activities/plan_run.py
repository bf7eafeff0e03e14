"""Activity `plan_run`: the active configuration and a request become the plan of a run."""

from __future__ import annotations

import logging
from typing import Any

from shared.audit import record_run
from shared.errors import ConfigurationError, IngestionError
from shared.models import JobError, RunPlan, RunRequest, RunStatus
from shared.planning import deal, problems_of, select
from shared.settings import settings
from shared.workbook.activation import configuration_store

log = logging.getLogger(__name__)


def plan_run(request: dict[str, Any]) -> dict[str, Any]:
    """Plan a run and write its row in the audit table; what is wrong stands in the plan, nothing is raised.

    Takes the JSON form of a `RunRequest`, returns that of a `RunPlan`.
    """
    wanted = RunRequest.model_validate(request)
    try:
        plan = _plan(wanted)
        record_run(wanted, RunStatus.RUNNING.value, _what_will_run(plan))
    except Exception as error:
        log.exception("Run %s cannot be planned", wanted.run_id)
        retryable = isinstance(error, IngestionError) and error.retryable
        kind = error.kind if isinstance(error, IngestionError) else "unexpected"
        plan = RunPlan(request=wanted, error=JobError(kind=kind, message=str(error)[:2000], retryable=retryable))
    return plan.to_json()


def _plan(request: RunRequest) -> RunPlan:
    snapshot = configuration_store().refresh()
    configuration = snapshot.configuration
    if problems := problems_of(request, configuration.jobs):
        raise ConfigurationError(f"The request does not fit the active workbook: {'; '.join(problems)}.")
    limits = {source.source_name: source.max_concurrent_jobs for source in configuration.sources}
    jobs = select(request, configuration.jobs)
    return RunPlan(
        request=request,
        config_version=snapshot.version,
        lanes=deal(
            jobs,
            concurrency={name: limit for name, limit in limits.items() if limit},
            default_concurrency=settings().source_concurrency,
        ),
        max_attempts=settings().job_max_attempts,
        retry_seconds=settings().job_retry_seconds,
    )


def _what_will_run(plan: RunPlan) -> dict[str, Any]:
    version = plan.config_version
    return {"jobs_total": plan.job_count, "config_sha256": version.sha256 if version else None}
