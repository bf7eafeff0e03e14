"""The demo's workbook.

Full loads of small tables, one from a REST API, an incremental load of the flights, and two sources that do not exist
here.
"""

from __future__ import annotations

from collections.abc import Mapping

from localhost.flights import SCHEMA
from shared.workbook.template import write_workbook

SOURCE = "nyc_pg"
CONTAINER = "lake"
FOLDER = "raw/nyc"
FULL_TABLES = ("airlines", "airports", "planes", "weather")
TABLES = (*FULL_TABLES, "flights")
FLIGHTS_JOB = "pg_flights_incr"
API_SOURCE = "nyc_api"
API_JOB = "api_carriers_full"
CARRIERS = "carriers"

_POSTGRES = {
    "source_type": "PostgreSQL",
    "source_name": SOURCE,
    "schema_name": SCHEMA,
    "target_container": CONTAINER,
    "target_folder_path": FOLDER,
}
_DISABLED = {"enabled": "N", "target_container": CONTAINER}
_FLIGHTS = {
    **_POSTGRES,
    "job_id": FLIGHTS_JOB,
    "table_name": "flights",
    "load_type": "INCREMENTAL",
    "enabled": "Y",
    "watermark_column": "scheduled_at",
}
_CARRIERS = {
    "job_id": API_JOB,
    "source_type": "API",
    "source_name": API_SOURCE,
    "target_container": CONTAINER,
    "target_folder_path": FOLDER,
    "load_type": "FULL",
    "api_endpoint": f"/{CARRIERS}",
    "pagination_type": "page",
    "api_page_param": "_page",
    "api_limit_param": "_limit",
    "api_page_size": 5,
    "api_total_path": "X-Total-Count",
    "parallelism": 2,
}
_ORACLE = {
    **_DISABLED,
    "job_id": "oracle_employees_full",
    "source_type": "Oracle",
    "source_name": "hr_oracle",
    "schema_name": "HR",
    "table_name": "EMPLOYEES",
    "load_type": "FULL",
    "target_folder_path": "raw/hr",
}
_MSSQL = {
    **_DISABLED,
    "job_id": "mssql_invoices_incr",
    "source_type": "MSSQL",
    "source_name": "erp_mssql",
    "schema_name": "dbo",
    "table_name": "Invoices",
    "load_type": "INCREMENTAL",
    "watermark_column": "InvoiceId",
    "target_folder_path": "raw/erp",
}


def job_id(table: str) -> str:
    """The job that loads one of `TABLES`."""
    return FLIGHTS_JOB if table == "flights" else f"pg_{table}_full"


def first_workbook() -> bytes:
    """All tables of the demo are loaded; the jobs of the sources that are not here are disabled."""
    return write_workbook(_rows(full_loads="Y"))


def changed_workbook() -> bytes:
    """The same, but the full loads are disabled: what is left moves new rows only."""
    return write_workbook(_rows(full_loads="N"))


def _rows(full_loads: str) -> list[Mapping[str, object]]:
    full = [
        {**_POSTGRES, "job_id": job_id(table), "table_name": table, "load_type": "FULL", "enabled": full_loads}
        for table in FULL_TABLES
    ]
    return [*full, {**_CARRIERS, "enabled": full_loads}, _FLIGHTS, _ORACLE, _MSSQL]
