"""Jobs and workbooks for tests: valid by default, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.models.job import Job
from shared.workbook.template import write_workbook

_JOB: dict[str, Any] = {
    "job_id": "pg_orders_full",
    "source_type": "PostgreSQL",
    "source_name": "shop_pg",
    "schema_name": "public",
    "table_name": "orders",
    "load_type": "FULL",
    "target_container": "lake",
    "target_folder_path": "raw/shop",
}


def a_job(**overrides: Any) -> Job:
    """A valid job: a full load of one PostgreSQL table, but for what is named."""
    return Job(**(_JOB | {"enabled": True} | overrides))


def a_row(**overrides: Any) -> dict[str, object]:
    """A valid row of the sheet SourceConfig, but for what is named; None leaves a cell blank."""
    return _JOB | {"enabled": "Y"} | overrides


def a_workbook(
    *rows: Mapping[str, object],
    sources: Sequence[Mapping[str, object]] = (),
    requests: Sequence[Mapping[str, object]] = (),
    defaults: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """A workbook with one row for each mapping of the cells that differ from the valid default.

    Rows that name no `job_id` or `table_name` get ones of their own; those of the other sheets stay as they are.
    """
    numbered = [{"job_id": f"job_{n}", "table_name": f"table_{n}"} | dict(row) for n, row in enumerate(rows, 1)]
    return write_workbook([a_row(**row) for row in numbered or [{}]], sources, requests, defaults)
