"""The example rows of the template: valid, and switched off, so that uploading them unchanged loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHOP: Mapping[str, Any] = {
    "source_type": "PostgreSQL",
    "source_name": "shop_pg",
    "schema_name": "public",
    "enabled": "N",
    "target_container": "lake",
    "target_folder_path": "raw/shop",
}

JOBS: tuple[Mapping[str, Any], ...] = (
    {**_SHOP, "job_id": "pg_customers_full", "table_name": "customers", "load_type": "FULL", "tags": "daily"},
    {
        **_SHOP,
        "job_id": "pg_orders_incr",
        "table_name": "orders",
        "load_type": "INCREMENTAL",
        "watermark_column": "updated_at",
        "last_watermark": "2026-01-01T00:00:00",
        "query_filter": "status <> 'DRAFT'",
        "table_format": "delta",
        "primary_key": "order_id",
        "lookback": 3600,
        "tags": "hourly, finance",
        "priority": 10,
    },
    {
        **_SHOP,
        "job_id": "pg_reference_tables",
        "table_name": "ref_*",
        "load_type": "FULL",
        "target_folder_path": "raw/shop/reference",
        "excluded_tables": "*_old",
        "schedule": "0 3 * * 1",
    },
    {
        "job_id": "oracle_employees_full",
        "source_type": "Oracle",
        "source_name": "hr_oracle",
        "schema_name": "HR",
        "table_name": "EMPLOYEES",
        "load_type": "FULL",
        "enabled": "N",
        "target_container": "lake",
        "target_folder_path": "raw/hr",
        "excluded_columns": "SALARY",
    },
    {
        "job_id": "mssql_invoices_incr",
        "source_type": "MSSQL",
        "source_name": "erp_mssql",
        "schema_name": "dbo",
        "table_name": "Invoices",
        "load_type": "INCREMENTAL",
        "enabled": "N",
        "target_container": "lake",
        "target_folder_path": "raw/erp",
        "watermark_column": "InvoiceId",
        "last_watermark": "0",
        "parallelism": 4,
        "partition_column": "InvoiceId",
    },
    {
        "job_id": "api_users_full",
        "source_type": "API",
        "source_name": "crm_api",
        "load_type": "FULL",
        "enabled": "N",
        "target_container": "lake",
        "target_folder_path": "raw/crm",
        "api_endpoint": "/api/v1/users",
        "api_method": "GET",
        "pagination_type": "offset",
    },
)

SYSTEMS: tuple[Mapping[str, Any], ...] = (
    {"source_name": "shop_pg", "max_concurrent_jobs": 4, "quiet_hours": "07:00-19:00 UTC"},
    {"source_name": "erp_mssql", "max_concurrent_jobs": 2, "auth": "managed_identity"},
)
