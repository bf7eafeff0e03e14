"""Activity `maintain_job`: the tables of one job in the lake. It returns an envelope and never raises."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.activation.store import configuration_store
from shared.audit.upkeep import record_maintenance
from shared.errors.job_errors import as_job_error, is_unexpected
from shared.host_settings import most_timeout_minutes
from shared.isolation.leases import job_lease
from shared.isolation.parent import Limits, run_in_child
from shared.isolation.work_folder import work_folder
from shared.models.attempt import JobError, JobStatus
from shared.models.maintenance import MaintainedTable, MaintenanceOrder, MaintenanceResult
from shared.secrets import Secret
from shared.settings import settings

log = logging.getLogger(__name__)


def maintain_job(order: dict[str, Any]) -> dict[str, Any]:
    """Maintain a job's tables in a child process, unless it is being loaded, and write a row for each table.

    Takes the JSON form of a `MaintenanceOrder`, returns that of a `MaintenanceResult`.
    """
    wanted = MaintenanceOrder.model_validate(order)
    started_at = datetime.now(UTC)
    tables: tuple[MaintainedTable, ...] = ()
    error: JobError | None = None
    try:
        tables = _maintain(wanted)
    except Exception as raised:
        error = as_job_error(raised)
        trace = raised if is_unexpected(error) else None
        log.warning("Maintenance of job %s: %s: %s", wanted.job_id, error.kind, error.message, exc_info=trace)
    status = JobStatus.SUCCESS if error is None else JobStatus.SKIPPED if error.kind == "busy" else JobStatus.FAILED
    result = MaintenanceResult(
        job_id=wanted.job_id,
        status=status,
        tables=tables,
        started_at=started_at,
        ended_at=datetime.now(UTC),
        error=error,
    )
    record_maintenance(wanted.maintenance.run_id, wanted.maintenance.started_at, result)
    return result.to_json()


def _maintain(order: MaintenanceOrder) -> tuple[MaintainedTable, ...]:
    job = configuration_store().read_job(order.config_sha256, order.job_id)
    run_id = order.maintenance.run_id
    with job_lease(job.job_id, run_id) as lease, work_folder(0) as folder:
        retention = timedelta(hours=settings().delta_retention_hours)
        maintained: tuple[MaintainedTable, ...] = run_in_child(
            "shared.loading.maintenance:maintain_tables",
            {
                "lease_id": lease.lease_id,
                "job": job,
                "folder": folder,
                "retention": retention,
                "records_kept": timedelta(days=settings().load_record_days),
                "file_bytes": settings().parquet_file_megabytes * 1024 * 1024,
            },
            Secret({}),
            Limits(seconds=_timeout_minutes() * 60, megabytes=settings().job_memory_megabytes),
            name=job.job_id,
            raise_if_interrupted=lease.raise_if_lost,
            reusable=lambda _tables: True,
        )
    return maintained


def _timeout_minutes() -> int:
    minutes = settings().job_timeout_minutes
    return min(minutes, most_timeout_minutes() or minutes)
