"""What the routes answer: one model per shape, in the names of the audit table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.models import JobStatus, LoadType, RunStatus


class AuditRow(BaseModel):
    """A row of the audit table without its keys. Properties that it does not have are left out of the answer."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_keys(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in ("PartitionKey", "RowKey")}


class RunSummary(AuditRow):
    """One run. The counts and the end come when it has ended."""

    run_id: str
    status: RunStatus
    trigger: str
    start_time: datetime
    end_time: datetime | None = None
    jobs_total: int | None = None
    jobs_succeeded: int | None = None
    jobs_failed: int | None = None
    jobs_skipped: int | None = None
    jobs_cancelled: int | None = None
    jobs_waiting: int | None = Field(None, description="Jobs whose source has quiet hours.")
    jobs_not_due: int | None = None
    rows_extracted: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None
    wildcards: dict[str, int] | None = Field(None, description="How many tables each wildcard job stood for.")
    config_sha256: str | None = None
    error_kind: str | None = None
    error_message: str | None = None


class RunList(BaseModel):
    """A page of runs."""

    runs: list[RunSummary]
    continuation: str | None = Field(description="Ask with it for the next page; null on the last one.")


class Load(AuditRow):
    """What one run did with one job: its last attempt."""

    run_id: str
    job_id: str
    status: JobStatus
    attempt: int
    source_name: str | None = None
    table_name: str | None = None
    load_type: LoadType | None = None
    start_time: datetime
    end_time: datetime
    duration_seconds: float | None = None
    duration_by_stage: dict[str, float] | None = Field(None, description="Seconds: extract, normalize, load, total.")
    rows_extracted: int
    rows_written: int
    bytes_written: int
    files_written: int
    watermark_before: str | None = None
    watermark_after: str | None = None
    load_id: str | None = Field(None, description="None where nothing new was to be loaded.")
    schema_changes: list[str] | None = None
    error_kind: str | None = None
    error_message: str | None = None
    retryable: bool | None = None


class LoadList(BaseModel):
    """A page of the history of one job."""

    job_id: str
    loads: list[Load]
    continuation: str | None = Field(description="Ask with it for the next page; null on the last one.")
