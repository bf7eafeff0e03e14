"""What the routes about runs and jobs answer, in the names of the audit table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.audit.properties import without_keys
from shared.jobs.source_types import SOURCE_TYPES
from shared.models.attempt import JobStatus, LoadFigures, MaskedSample
from shared.models.job import LoadType
from shared.models.run import RunStatus


class Answer(BaseModel):
    """Something that a route answers. Its schema is built when it is needed, not at every cold start of the app."""

    model_config = ConfigDict(defer_build=True)

    def headers(self) -> Mapping[str, str]:
        """Headers of the answer."""
        return {}


CONTINUATION = "Ask with it for the next page; null on the last one."
AS_OF = "Ask with it as `since` for what changes from here on."


CELLS = "What its cells come to, with defaults and placeholders; columns that have the app's own default are left out."
ORIGINS = "Where values come from that are not in the job's own row as they are: a cell, and placeholders, by column."


class ProblemDetails(Answer):
    """An error in the form of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str = Field(description="The problem, as a sentence.")
    problems: list[str] = Field(description="Each problem by itself; often there is only `detail`.")


class AuditRow(Answer):
    """A row of the audit table without its keys. Properties that it does not have are left out of the answer."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_keys(cls, row: Mapping[str, Any]) -> dict[str, Any]:
        return without_keys(row)


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
    jobs_waiting: int | None = Field(None, description="Jobs whose source is in its quiet hours.")
    jobs_not_due: int | None = None
    rows_extracted: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None
    wildcards: dict[str, int] | None = Field(None, description="How many tables each wildcard job matched.")
    full_refresh: bool | None = None
    retry_of: str | None = Field(None, description="The run whose failed jobs this one repeats.")
    reason: str | None = Field(None, description="Why it was started or skipped, for example after a missed tick.")
    stage: str | None = Field(None, description="suspended, if an operator has suspended it; finished once it is.")
    lanes: int | None = Field(None, description="How many of its jobs may run at once.")
    config_sha256: str | None = None
    error_kind: str | None = None
    error_message: str | None = None


class RunList(Answer):
    """A page of runs."""

    runs: list[RunSummary]
    continuation: str | None = Field(description=CONTINUATION)


class _Attempt(LoadFigures, AuditRow):
    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    job_id: str
    attempt: int | None = None
    source_name: str | None = None
    table_name: str | None = None
    load_type: LoadType | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    duration_seconds: float | None = None
    duration_by_stage: dict[str, float] | None = Field(None, description="Seconds: extract, normalize, load, total.")
    error_kind: str | None = None
    error_message: str | None = None
    retryable: bool | None = None


class Load(_Attempt):
    """What one run did with one job: its last attempt."""

    run_id: str
    status: JobStatus


class LoadList(Answer):
    """A page of the history of one job."""

    job_id: str
    loads: list[Load]
    continuation: str | None = Field(description=CONTINUATION)


class JobOfRun(_Attempt):
    """One job of a run; while it runs, how far it has come, and while it waits, for what."""

    status: JobStatus | Literal["RUNNING", "WAITING"]
    next_attempt: int | None = Field(None, description="Of a waiting job: the number of its next attempt.")
    next_attempt_at: datetime | None = Field(None, description="When that attempt begins at the earliest.")
    reason: str | None = Field(None, description="Why it waits: how the last attempt ended.")
    stage: str | None = Field(None, description="Of a running job: starting, extract, normalize, load.")


class Progress(Answer):
    """How far a run has come."""

    jobs_total: int
    jobs_done: int
    jobs_failed: int
    rows: int


class RunDescription(Answer):
    """One run with all its jobs."""

    run_id: str
    status: RunStatus
    stage: str | None = Field(
        description="waiting for a slot, planning, loading, finishing or finished; suspended, if an operator has "
        "suspended it; ending, while the loads of a run end that was terminated from outside; null before it begins."
    )
    trigger: str | None
    reason: str | None = Field(description="Why it was started or skipped, for example after a missed tick.")
    start_time: datetime | None
    end_time: datetime | None
    config_sha256: str | None
    error: str | None
    progress: Progress
    jobs: list[JobOfRun]
    continuation: str | None = Field(description=CONTINUATION)
    as_of: str = Field(description=AS_OF)


class RunAccepted(Answer):
    """A run that accepted the request. Durable's own links stay inside: their key starts and purges anything."""

    run_id: str
    run: str = Field(description="The path of the run, as in the header `Location`.")

    def headers(self) -> Mapping[str, str]:
        """Where the run is described."""
        return {"Location": self.run}


class RehearsedLane(Answer):
    """Jobs that would run one after another."""

    source_name: str
    job_ids: list[str]


class RehearsalError(Answer):
    """Why a job could not be examined."""

    kind: str
    message: str


class RehearsedJob(Answer):
    """What a job would read; only the reason if it could not be planned."""

    job_id: str
    source_name: str | None = None
    load_type: LoadType | None = None
    watermark: str | None = None
    watermark_column: str | None = None
    watermark_type: str | None = None
    secret_found: bool | None = None
    reachable: bool | None = None
    sql: str | None = None
    columns: dict[str, str] | None = None
    rows_estimated: int | None = None
    warnings: list[str] = []
    masked: dict[str, MaskedSample] = Field({}, description="The masked columns by name, as a load would write them.")
    cells: dict[str, Any] | None = Field(None, description=CELLS)
    origins: dict[str, str] | None = Field(None, description=ORIGINS)
    error: RehearsalError | None = None


class Rehearsal(Answer):
    """The plan that a dry run would carry out."""

    dry_run: Literal[True]
    config_sha256: str
    lanes: list[RehearsedLane]
    wildcards: dict[str, int]
    jobs: list[RehearsedJob]


class LastLoad(LoadFigures, Answer):
    """How a job last ended."""

    model_config = ConfigDict(defer_build=True)

    run_id: str
    status: JobStatus | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    duration_seconds: float | None = None
    error_kind: str | None = None
    error_message: str | None = None


class CurrentAttempt(JobOfRun):
    """An attempt that runs now, or that a job waits for."""

    run_id: str


class JobOverview(Answer):
    """One job of the active workbook."""

    job_id: str
    row: int = Field(description="Of the sheet.")
    enabled: bool
    source_type: str = Field(json_schema_extra={"enum": list[Any](SOURCE_TYPES)})
    source_name: str
    schema_name: str | None
    table_name: str | None
    api_endpoint: str | None
    load_type: LoadType
    table_format: str
    watermark_column: str | None
    tags: list[str]
    priority: int
    schedule: str | None
    next_due: datetime | None = Field(description="The tick of the timer in which it runs next.")
    overdue_since: datetime | None
    last_result: LastLoad | None
    last_success: LastLoad | None
    tables: dict[str, LastLoad] | None = Field(None, description="Of a wildcard job: the last result of each table.")
    current: list[CurrentAttempt] = Field(description="What runs of it now, or waits to be tried again.")


class JobCounts(Answer):
    """How many jobs there are of each kind; each table of a wildcard job counts as a job, too."""

    total: int
    enabled: int
    running: int = Field(description="They run now, or wait to be tried again.")
    failed: int = Field(description="Enabled, their last run failed, and they do not run now.")
    overdue: int
    warned: int = Field(description="Enabled, their last load has warnings, and they do not run now.")


class JobList(Answer):
    """The jobs of the active workbook, in its order, or those that have changed."""

    config_sha256: str
    counts: JobCounts = Field(description="Of all jobs, also where fewer are listed.")
    jobs: list[JobOverview]
    only_changes: bool = Field(
        description="Whether only the jobs are listed that have changed since `since`, and all that run now; false if "
        "another version of the workbook has become active."
    )
    continuation: str | None = Field(description=CONTINUATION)
    as_of: str = Field(description=AS_OF)


class JobDetail(Answer):
    """What one job of the active workbook comes to."""

    config_sha256: str
    job_id: str
    row: int = Field(description="Of the sheet.")
    target: str = Field(description="What it alone writes to: its folder in the lake, or its table in Databricks.")
    cells: dict[str, Any] = Field(description=CELLS)
    origins: dict[str, str] = Field(description=ORIGINS)


class PlainFileAnswer(Answer):
    """A file of the lake with plain values of masked columns."""

    path: str = Field(description="In the container.")
    size: int = Field(description="In bytes.")
    written_at: datetime
    columns: list[str] = Field(description="The masked columns of which it has, or may have, plain values.")


class JobMasks(Answer):
    """How a job masks, and which files still hold plain values."""

    job_id: str
    container: str
    masked_columns: dict[str, str]
    plain_files: list[PlainFileAnswer] = Field(
        description="Files that were written before their columns were masked; what replaced or compacted them leaves "
        "them to maintenance."
    )


class ChartedLoad(Answer):
    """As much of a load as a chart needs."""

    run_id: str
    status: JobStatus
    start_time: datetime
    rows_extracted: int | None = None
    duration_seconds: float | None = None


class ChartedLoads(Answer):
    """The last loads of some jobs, the oldest first."""

    loads: dict[str, list[ChartedLoad]]


class Health(Answer):
    """Whether the app can work."""

    status: Literal["healthy", "unhealthy"]
    checks: dict[str, Literal["ok", "missing", "unjudged", "unreachable", "wrong"]]
    problems: list[str] = Field(description="The problems, as sentences without addresses or values.")


class Unhealthy(Health):
    """The app cannot work."""
