"""One attempt of a job: its input, its result, its error, and what a dry run finds out instead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from shared.models.run_ids import ORDERED
from shared.models.shape import Shape


class JobStatus(StrEnum):
    """How one attempt of a job ended."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


class Rewind(Shape):
    """A watermark set by hand, in the place of the lake's own until a load has started there."""

    key: str = Field(description="Names this rewind; the load that starts there keeps it in its record.")
    watermark: str | None = Field(default=None, description="Where the next load starts; None for the very start.")


class EarlierAttempt(Shape):
    """When an attempt ran that another one followed, and how it ended."""

    attempt: int
    start_time: datetime
    end_time: datetime
    error_kind: str


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
    lane: int | None = Field(default=None, description="The number of the lane of its run.")
    earlier: tuple[EarlierAttempt, ...] = Field(default=(), description="The attempts before this one, in their order.")
    lease_id: str | None = Field(
        default=None, description="Under which this execution holds the job; `load_job` fills it in for its child."
    )


LOST = "activity"
"""The kind of the error of an attempt that reported nothing: its activity failed, as when the worker died."""


BUSY = "busy"
"""The kind of the error of an attempt that found its job held by another run."""


class JobError(Shape):
    """Why an attempt failed: a class for machines, a sentence for people, never a secret."""

    kind: str
    message: str
    retryable: bool = False
    retry_after_seconds: float | None = Field(
        default=None, description="How long the source asks the app to wait before the next attempt."
    )
    held_by: str | None = Field(default=None, description="The run that has the job, if the job is busy.")

    @property
    def is_held_by_a_request(self) -> bool:
        """Whether the run that has the job carries out one-off requests."""
        return (self.held_by or "").startswith(ORDERED)


class LoadFigures(Shape):
    """What a load brought.

    The result, its audit rows, the ledger, the load's record in the lake, the HTTP answers and the dashboard all take
    these fields from here: a field that is added here arrives in each of them.
    """

    rows_extracted: int = 0
    rows_written: int = 0
    rows_deleted: int = Field(default=0, description="Rows that the source no longer has, marked or removed.")
    bytes_written: int = 0
    files_written: int = 0
    watermark_before: str | None = None
    watermark_after: str | None = None
    load_id: str | None = Field(default=None, description="Missing if there was nothing new to load.")
    schema_changes: tuple[str, ...] = ()
    masked_columns: tuple[str, ...] = Field(
        default=(), description="The columns that were masked, each with its mask, such as `email:hash`."
    )
    mask_key_version: str | None = Field(
        default=None, description="Names the key of the hashes; two loads with the same one have the same hashes."
    )
    warnings: tuple[str, ...] = Field(
        default=(), description="Reasons to doubt a load that succeeded, one sentence each."
    )

    def figures(self) -> dict[str, Any]:
        """These fields alone, as plain values; what a load did not have is left out."""
        return self.model_dump(include=set(LoadFigures.model_fields), exclude_none=True)


def figures_of(record: Mapping[str, Any]) -> LoadFigures:
    """The figures that a record of a load holds, among other things."""
    known = {name: record[name] for name in LoadFigures.model_fields if record.get(name) is not None}
    return LoadFigures.model_validate(known)


class JobResult(LoadFigures):
    """The envelope that `load_job` returns in every case."""

    run_id: str
    job_id: str
    attempt: int = 1
    status: JobStatus
    started_at: datetime
    ended_at: datetime
    duration_seconds: dict[str, float] = Field(
        default_factory=dict, description="Seconds by stage: extract, normalize, load, total."
    )
    error: JobError | None = None
    lane: int | None = Field(default=None, description="The number of the lane of its run.")
    earlier: tuple[EarlierAttempt, ...] = Field(default=(), description="The attempts before this one, in their order.")
    unrecorded: bool = Field(
        default=False, description="Whether the result is still to be written to the audit table, at the run's end."
    )

    @property
    def was_tried(self) -> bool:
        """Whether the job was tried at all: it waits for a slot, or for an earlier execution of its attempt, if not."""
        return self.error is None or self.error.kind not in ("waiting", "still_held")

    @field_validator("duration_seconds")
    @classmethod
    def _milliseconds_are_enough(cls, value: dict[str, float]) -> dict[str, float]:
        return {stage: round(seconds, 3) for stage, seconds in value.items()}


class MaskedSample(Shape):
    """What a load would write into a masked column."""

    mask: str
    type: str
    values: tuple[str | None, ...] = Field(description="Of a few rows, after the mask.")


class Examination(Shape):
    """What a load of a job would read, found out without reading it."""

    sql: str = Field(description="The query, with the values in it.")
    columns: dict[str, str] = Field(description="The type that each column has in the lake, by name.")
    watermark_column: str | None = Field(default=None, description="As the source spells it.")
    rows_estimated: int | None = Field(
        default=None, description="What the source's planner expects; None if it cannot be asked."
    )
    warnings: tuple[str, ...] = Field(default=(), description="What deserves a look, such as a login that may write.")
    masked: dict[str, MaskedSample] = Field(
        default_factory=dict, description="The masked columns by name, as a load would write them."
    )
