"""The frozen shapes that cross a boundary: workbook → plan → orchestrator → activity → audit.

All of them travel as small JSON through the Durable history, so none ever holds a secret.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

_NOT_IN_A_PATH = re.compile(r"""[\x00-\x1f/\\#?%*:|"<>]""")


class SourceType(str, Enum):
    """The kinds of source that a job can name, spelt as in the workbook."""

    POSTGRESQL = "PostgreSQL"
    ORACLE = "Oracle"
    MSSQL = "MSSQL"
    API = "API"


class LoadType(str, Enum):
    """FULL replaces the table, INCREMENTAL adds what is newer than the watermark."""

    FULL = "FULL"
    INCREMENTAL = "INCREMENTAL"


class JobStatus(str, Enum):
    """How one attempt of a job ended."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class RunStatus(str, Enum):
    """How a run ended, seen over all its jobs."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTLY_FAILED = "PARTLY_FAILED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Shape(BaseModel):
    """A frozen model whose JSON form is what crosses the boundary; an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """The shape as plain JSON values, without the fields that were left at None."""
        return self.model_dump(mode="json", exclude_none=True)


class Job(Shape):
    """One validated row of the workbook; what each field means stands in `shared/workbook/columns.py`."""

    job_id: str
    source_type: SourceType
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
    destination: Literal["adls", "databricks"] = "adls"
    databricks_catalog: str | None = None
    databricks_schema: str | None = None
    schema_contract: Literal["evolve", "freeze", "discard_row", "discard_value"] = "evolve"
    lookback: int = 0
    verify: bool | Literal["SUMS"] = False
    detect_deletes: Literal["none", "soft", "hard"] = "none"
    max_deleted_percent: int = 10
    partition_by: tuple[str, ...] = ()
    included_columns: tuple[str, ...] = ()
    excluded_columns: tuple[str, ...] = ()
    excluded_tables: tuple[str, ...] = ()
    column_types: dict[str, str] = {}
    priority: int = 100
    tags: tuple[str, ...] = ()
    schedule: str | None = None
    max_attempts: int | None = None
    timeout_minutes: int | None = None
    api_endpoint: str | None = None
    api_method: Literal["GET", "POST"] = "GET"
    pagination_type: Literal["none", "offset", "cursor", "page", "link_header", "next_url", "auto"] = "none"
    api_data_path: str | None = None
    api_response_format: Literal["json", "jsonl", "csv"] = "json"
    api_nested: Literal["tables", "json"] = "tables"
    api_params: dict[str, str] = {}
    api_headers: dict[str, str] = {}
    api_body: dict[str, Any] = {}
    api_page_size: int | None = None
    api_limit_param: str | None = None
    api_offset_param: str | None = None
    api_page_param: str | None = None
    api_cursor_path: str | None = None
    api_cursor_param: str | None = None
    api_total_path: str | None = None
    api_max_pages: int = 100_000
    api_rate_limit: float | None = None
    api_cursor_filter_param: str | None = None
    api_cursor_filter_format: str | None = None
    row: int = Field(default=0, description="The row of the sheet that the job stands in, for error messages.")

    @property
    def resource_name(self) -> str:
        """The table's name in the lake: the source's table, or the last part of an API's path.

        What cannot stand in a path becomes `_`; a name that dlt keeps for its own tables gets another beginning.
        """
        name = self.table_name or (self.api_endpoint or self.job_id).partition("?")[0].rstrip("/").rsplit("/", 1)[-1]
        name = _NOT_IN_A_PATH.sub("_", name)
        if name.startswith("_dlt"):
            return f"table{name}"
        return f"_{name}" if name.startswith(".") else name


class Source(Shape):
    """One row of the sheet `Sources`: what holds for every job of a source system."""

    source_name: str
    max_concurrent_jobs: int | None = None
    secret_name: str | None = None
    auth: Literal["password", "managed_identity"] = "password"
    quiet_hours: str | None = None
    row: int = 0


class Request(Shape):
    """One row of the sheet `Requests`: a one-off order that is carried out once after the upload that brought it."""

    request_id: str
    job_id: str
    action: Literal["run", "full_refresh", "backfill"]
    start: str | None = Field(default=None, description="First value of the watermark column, of column `from`.")
    end: str | None = Field(default=None, description="The value before which a backfill ends, of column `to`.")
    row: int = 0


class ConfigVersion(Shape):
    """Which workbook a run was planned from."""

    sha256: str = Field(description="SHA-256 of the workbook's bytes, in hexadecimal.")
    etag: str = Field(description="ETag of the workbook's blob when it was read.")
    activated_at: datetime


class RunRequest(Shape):
    """What somebody or something asked for."""

    run_id: str
    trigger: Literal["timer", "http", "blob"]
    requested_at: datetime
    job_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    request_ids: tuple[str, ...] = Field(
        default=(), description="Rows of the sheet Requests that this run carries out."
    )
    full_refresh: bool = False
    retry_of: str | None = Field(default=None, description="The run whose failed jobs this one does again.")
    trace_parent: str | None = Field(default=None, description="The trigger's place in its trace, as W3C writes it.")


class JobOptions(Shape):
    """How one job of a run differs from the others."""

    full_refresh: bool = False
    start: str | None = Field(default=None, description="The first watermark of a backfill.")
    end: str | None = Field(default=None, description="The watermark before which a backfill ends.")
    max_attempts: int | None = None


class Lane(Shape):
    """Jobs of one source system that run one after another; a source has as many lanes as it may run jobs at once."""

    source_name: str
    job_ids: tuple[str, ...]
    options: dict[str, JobOptions] = {}


class RunPlan(Shape):
    """What a run will do. Jobs are named by id; their rows are read from the pinned configuration version."""

    request: RunRequest
    config_version: ConfigVersion | None = None
    lanes: tuple[Lane, ...] = ()
    failed: dict[str, str] = Field(default={}, description="Jobs that cannot be planned, with the reason.")
    later_request_ids: tuple[str, ...] = Field(
        default=(), description="Orders for jobs that this run has another order for; a run after it takes them."
    )
    max_attempts: int = 1
    retry_seconds: int = 0
    error: JobError | None = None

    @property
    def job_count(self) -> int:
        """How many jobs the plan holds over all its lanes, and could not plan."""
        return sum(len(lane.job_ids) for lane in self.lanes) + len(self.failed)


class PendingJob(Shape):
    """A job of a lane that is still to be loaded, and its next attempt."""

    job_id: str
    attempt: int = 1
    not_before: datetime | None = None


class Rewind(Shape):
    """A watermark that somebody has put in the place of the one that the lake has, until a load has started there."""

    key: str = Field(description="Names this rewind; the load that starts there keeps it in its record.")
    watermark: str | None = Field(default=None, description="Where the next load starts; None for the very start.")


class AttemptOrder(Shape):
    """The input of the activity `load_job`: one attempt of one job."""

    run_id: str
    run_started_at: datetime
    job_id: str
    attempt: int = 1
    config_sha256: str
    full_refresh: bool = False
    start: str | None = None
    end: str | None = None
    trace_parent: str | None = None


class JobError(Shape):
    """Why an attempt failed: a class for machines, a sentence for people, never a secret."""

    kind: str
    message: str
    retryable: bool = False


class JobResult(Shape):
    """The envelope that `load_job` returns, whatever happened."""

    run_id: str
    job_id: str
    attempt: int = 1
    status: JobStatus
    rows_extracted: int = 0
    rows_written: int = 0
    rows_deleted: int = Field(default=0, description="Rows that the source has no more, marked or removed.")
    bytes_written: int = 0
    files_written: int = 0
    watermark_before: str | None = None
    watermark_after: str | None = None
    load_id: str | None = None
    schema_changes: tuple[str, ...] = ()
    started_at: datetime
    ended_at: datetime
    duration_seconds: dict[str, float] = Field(
        default_factory=dict, description="Seconds by stage: extract, normalize, load, total."
    )
    error: JobError | None = None

    @field_validator("duration_seconds")
    @classmethod
    def _milliseconds_are_enough(cls, value: dict[str, float]) -> dict[str, float]:
        return {stage: round(seconds, 3) for stage, seconds in value.items()}


class Examination(Shape):
    """What a load of a job would read, found out without reading it."""

    sql: str = Field(description="The query, with the values in it.")
    columns: dict[str, str] = Field(description="The type that each column has in the lake, by name.")
    watermark_column: str | None = Field(default=None, description="As the source spells it.")
    rows_estimated: int | None = Field(
        default=None, description="What the source's planner expects; None where it cannot be asked."
    )


class Totals(Shape):
    """What a lane or a run did so far."""

    jobs_total: int = 0
    jobs_succeeded: int = 0
    jobs_failed: int = 0
    jobs_skipped: int = 0
    jobs_cancelled: int = 0
    rows_extracted: int = 0
    rows_written: int = 0
    bytes_written: int = 0
    lost_jobs: tuple[str, ...] = Field(default=(), description="Jobs whose last attempt ended without a result.")

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in Totals.model_fields})

    def with_result(self, result: JobResult) -> Totals:
        """These totals and one more job that has ended."""
        counted = {
            JobStatus.SUCCESS: "jobs_succeeded",
            JobStatus.FAILED: "jobs_failed",
            JobStatus.SKIPPED: "jobs_skipped",
            JobStatus.CANCELLED: "jobs_cancelled",
        }[result.status]
        rows = {"rows_extracted": result.rows_extracted, "rows_written": result.rows_written}
        lost = (result.job_id,) if result.error and result.error.kind == "activity" else ()
        return self + Totals(**{counted: 1}, **rows, bytes_written=result.bytes_written, lost_jobs=lost)

    @property
    def jobs_done(self) -> int:
        """Jobs that have ended, however."""
        return self.jobs_succeeded + self.jobs_failed + self.jobs_skipped + self.jobs_cancelled

    def run_status(self) -> RunStatus:
        """How a run with these totals ended. A job that was never reported counts as failed."""
        missing = self.jobs_total - self.jobs_done
        if self.jobs_failed + missing == 0:
            return RunStatus.CANCELLED if self.jobs_cancelled else RunStatus.SUCCEEDED
        return RunStatus.PARTLY_FAILED if self.jobs_succeeded else RunStatus.FAILED


class LaneOrder(Shape):
    """The input of the sub-orchestration `source_lane`; everything it decides by stands in here.

    A long lane starts over with a new history now and then: `pending` and `totals` are how far it has come.
    """

    lane: Lane
    request: RunRequest
    config_sha256: str
    max_attempts: int
    retry_seconds: int
    pending: tuple[PendingJob, ...] | None = Field(default=None, description="What is left; at first the whole lane.")
    totals: Totals = Totals()


class RunOutcome(Shape):
    """The input of the activity `finish_run` and, with the status, the output of the run."""

    request: RunRequest
    config_version: ConfigVersion | None = None
    totals: Totals = Totals()
    error: JobError | None = None

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return RunStatus.FAILED if self.error else self.totals.run_status()


RunPlan.model_rebuild()
