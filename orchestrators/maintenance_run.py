"""The orchestrator of a maintenance: plan → a few jobs at a time. Deterministic: no clock, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

from azure.durable_functions import DurableOrchestrationContext

from shared.models.attempt import JobStatus
from shared.models.maintenance import Maintenance, MaintenanceOrder, MaintenancePlan, MaintenanceResult

AT_ONCE = 2  # jobs: compaction needs memory, and a load may come at any time


def maintenance_run(context: DurableOrchestrationContext) -> Generator[Any, Any, dict[str, int]]:
    """Maintain the tables of every job; returns the number of jobs by status. What breaks becomes a failed job."""
    maintenance = Maintenance.model_validate(context.get_input())
    plan = MaintenancePlan.model_validate((yield context.call_activity("plan_maintenance", maintenance.to_json())))
    counted = Counter[str]()
    for start in range(0, len(plan.job_ids), AT_ONCE):
        job_ids = plan.job_ids[start : start + AT_ONCE]
        orders = [
            MaintenanceOrder(maintenance=maintenance, job_id=job_id, config_sha256=plan.config_sha256)
            for job_id in job_ids
        ]
        try:
            results = yield context.task_all([context.call_activity("maintain_job", one.to_json()) for one in orders])
            counted.update(MaintenanceResult.model_validate(result).status.value for result in results)
        except Exception:  # an activity that ended without a result; its log says why
            counted[JobStatus.FAILED.value] += len(job_ids)
        context.set_custom_status({"jobs_total": len(plan.job_ids), **counted})
    return dict(counted)
