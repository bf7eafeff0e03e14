"""What is recorded of housekeeping and of the maintenance of tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.data.tables import UpdateMode

from shared.audit.properties import as_properties, as_row
from shared.audit.table import HOUSEKEEPING, MAINTENANCE, Row, audit_table, newest_first
from shared.models.maintenance import MaintenanceResult


def record_housekeeping(at: datetime, report: Mapping[str, Any]) -> None:
    """Write what a tick of the housekeeping removed."""
    key = {"PartitionKey": HOUSEKEEPING, "RowKey": newest_first(at)}
    audit_table().upsert_entity(key | {"time": at} | as_properties(report), mode=UpdateMode.REPLACE)


def record_maintenance(run_id: str, run_started_at: datetime, result: MaintenanceResult) -> None:
    """Write what was done to each table of a job; one row without a table if it came to none."""
    error = result.error
    of_job = {
        "run_id": run_id,
        "job_id": result.job_id,
        "status": result.status.value,
        "start_time": result.started_at,
        "end_time": result.ended_at,
        "error_kind": error.kind if error else None,
        "error_message": error.message if error else None,
    }
    tables: list[dict[str, Any]] = [table.to_json() for table in result.tables] or [{}]
    for number, table in enumerate(tables):
        row_key = f"{newest_first(run_started_at)}-{result.job_id}-{number}"
        row = {"PartitionKey": MAINTENANCE, "RowKey": row_key} | as_properties(of_job | table)
        audit_table().upsert_entity(row, mode=UpdateMode.REPLACE)


def last_housekeeping() -> Row:
    """The row of the last tick of the housekeeping; empty before the first one."""
    query, parameters = "PartitionKey eq @key", {"key": HOUSEKEEPING}
    return next(map(as_row, audit_table().query_entities(query, parameters=parameters, results_per_page=1)), {})
