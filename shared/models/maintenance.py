"""What crosses a boundary in a maintenance: timer → orchestrator → activities → audit."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from shared.models.attempt import JobError, JobStatus
from shared.models.shape import Shape


class Maintenance(Shape):
    """One maintenance of all tables."""

    run_id: str
    started_at: datetime


class MaintenancePlan(Shape):
    """The jobs whose tables it is about, of the version of the workbook that was active."""

    config_sha256: str = ""
    job_ids: tuple[str, ...] = ()


class MaintenanceOrder(Shape):
    """The input of the activity `maintain_job`: the tables of one job."""

    maintenance: Maintenance
    job_id: str
    config_sha256: str


class MaintainedTable(Shape):
    """What was done to one table."""

    table_name: str
    files_before: int = Field(description="Files of the newest version before.")
    files_after: int = Field(description="Files of the newest version after.")
    files_removed: int = Field(
        description="Files removed from storage: of a Delta table those that no version within the retention needs, of "
        "a Parquet table those that were joined."
    )


class MaintenanceResult(Shape):
    """What the activity `maintain_job` returns in every case."""

    job_id: str
    status: JobStatus
    tables: tuple[MaintainedTable, ...] = ()
    started_at: datetime
    ended_at: datetime
    error: JobError | None = None
