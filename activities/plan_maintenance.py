"""Activity `plan_maintenance`: the jobs of the active workbook that have tables to maintain."""

from __future__ import annotations

from typing import Any

from shared.activation.store import configuration_store
from shared.audit.jobs import succeeded_rows
from shared.models.maintenance import MaintenancePlan
from shared.planning.maintenance import maintained_jobs


def plan_maintenance(_maintenance: dict[str, Any]) -> dict[str, Any]:
    """Find the jobs; none if no workbook is active.

    Takes the JSON form of a `Maintenance`, returns that of a `MaintenancePlan`.
    """
    snapshot = configuration_store().active()
    if snapshot is None:
        return MaintenancePlan().to_json()
    job_ids = maintained_jobs(snapshot.configuration, [row["job_id"] for row in succeeded_rows()])
    return MaintenancePlan(config_sha256=snapshot.version.sha256, job_ids=tuple(job_ids)).to_json()
