"""A job, a source and a one-off request: the validated rows of the workbook."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from shared.models.shape import Shape

_RESERVED = r"(?i:con|prn|aux|nul|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])"  # names of devices on Windows
_NOT_IN_A_NAME = re.compile(
    rf"""[\x00-\x1f\x7f/\\#?%*:|"'<>.{{}}~]|^ | $|^_(?=dlt|delta_log$)|^i(?=nit$)|^(?={_RESERVED}$)."""
)
"""What a folder of the lake, or dlt's layout of files, cannot have; and how the names begin that are kept already."""
_FILE_ENDING = re.compile(r"(?<=.)\.(json|jsonl|ndjson|csv|txt|xml|gz|zip|aspx?|php)$", re.IGNORECASE)


class LoadType(StrEnum):
    """FULL replaces the table, INCREMENTAL adds what is newer than the watermark."""

    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"


class Job(Shape):
    """One validated row of the workbook; `shared/workbook/columns.py` says what each field means."""

    job_id: str
    source_type: str = Field(description="A name of `shared.jobs.source_types`.")
    source_name: str
    schema_name: str | None = None
    table_name: str | None = None
    load_type: LoadType
    enabled: bool
    target_container: str
    target_folder_path: str
    watermark_column: str | None = None
    last_watermark: str | None = None
    query_filter: str | None = None
    chunk_size: int = 100_000
    parallelism: int = 1
    partition_column: str | None = None
    primary_key: tuple[str, ...] = ()
    table_format: Literal["parquet", "delta"] = "parquet"
    destination: str = Field(default="adls", description="A name of `shared.jobs.destinations`.")
    databricks_catalog: str | None = None
    databricks_schema: str | None = None
    schema_contract: Literal["evolve", "freeze", "discard_row", "discard_value"] = "evolve"
    lookback: int = 0
    verify: bool | Literal["SUMS"] = False
    detect_deletes: Literal["none", "soft", "hard"] = "none"
    max_deleted_percent: int = 10
    max_shrink_percent: int | None = None
    partition_by: tuple[str, ...] = ()
    included_columns: tuple[str, ...] = ()
    excluded_columns: tuple[str, ...] = ()
    excluded_tables: tuple[str, ...] = ()
    column_types: dict[str, str] = Field(default_factory=dict)
    masked_columns: dict[str, str] = Field(default_factory=dict)
    priority: int = 100
    tags: tuple[str, ...] = ()
    schedule: str | None = None
    max_attempts: int | None = None
    timeout_minutes: int | None = None
    api_endpoint: str | None = None
    api_method: Literal["GET", "POST"] = "GET"
    pagination_type: Literal["none", "offset", "cursor", "page", "link_header", "next_url", "auto"] = "none"
    api_data_path: str | None = None
    api_error_path: str | None = None
    api_response_format: Literal["json", "jsonl", "csv", "excel", "parquet"] = "json"
    api_format_options: dict[str, str] = Field(default_factory=dict)
    api_nested: Literal["tables", "json"] = "tables"
    api_params: dict[str, str] = Field(default_factory=dict)
    api_headers: dict[str, str] = Field(default_factory=dict)
    api_body: dict[str, Any] = Field(default_factory=dict)
    api_page_size: int | None = None
    api_limit_param: str | None = None
    api_offset_param: str | None = None
    api_page_param: str | None = None
    api_cursor_path: str | None = None
    api_cursor_param: str | None = None
    api_total_path: str | None = None
    api_max_pages: int = 100_000
    api_rate_limit: float | None = None
    api_windows: str | None = None
    api_for_each: str | None = None
    api_export: dict[str, str] = Field(default_factory=dict)
    api_next_endpoint: str | None = None
    api_parent: Job | None = Field(default=None, description="The job that api_for_each names, from the same workbook.")
    api_cursor_filter_param: str | None = None
    api_cursor_filter_format: str | None = None
    row: int = Field(default=0, description="The job's row of the sheet, for error messages.")
    origins: dict[str, str] = Field(
        default_factory=dict, description="Where values come from that are not in the job's row as they are, by column."
    )

    @property
    def resource_name(self) -> str:
        """The table's name in the lake: the source's table, or the last part of an API's path.

        What cannot be in a folder's name becomes `~` and its bytes in hexadecimal, so that no two names become one.
        """
        name = self.table_name or _endpoint_name(self.api_endpoint or "") or self.job_id
        return _NOT_IN_A_NAME.sub(lambda found: "".join(f"~{byte:02x}" for byte in found[0].encode()), name)


def resolved_cells(job: Job) -> dict[str, Any]:
    """What a job's cells come to with defaults and placeholders, as plain values, without the app's own defaults."""
    return job.model_dump(mode="json", exclude_defaults=True, exclude={"row", "origins", "api_parent"})


def _endpoint_name(endpoint: str) -> str:
    """The last part of a path that is not a placeholder, without a file's ending: `lines` of `/orders/{each}/lines`."""
    parts = [part for part in endpoint.partition("?")[0].split("/") if part and not part.startswith("{")]
    return _FILE_ENDING.sub("", parts[-1]) if parts else ""


class Source(Shape):
    """One row of the sheet `Sources`: what holds for every job of a source system."""

    source_name: str
    max_concurrent_jobs: int | None = None
    secret_name: str | None = None
    auth: Literal["password", "managed_identity"] = "password"
    quiet_hours: str | None = None
    max_shrink_percent: int | None = None
    row: int = 0


class Defaults(Shape):
    """One row of the sheet `Defaults`; its other cells are in the jobs that take them."""

    scope: str = Field(description="A source_type, or `all`.")
    row: int = 0


class Request(Shape):
    """One row of the sheet `Requests`: a one-off request that is carried out once after the upload that brought it."""

    request_id: str
    job_id: str = Field(default="", description="Blank if it is for no single job.")
    action: Literal["run", "full_refresh", "backfill", "remove_jobs"]
    start: str | None = Field(default=None, description="First value of the watermark column, of column `from`.")
    end: str | None = Field(default=None, description="The value before which a backfill ends, of column `to`.")
    row: int = 0
