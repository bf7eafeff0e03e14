"""`POST /api/jobs/{job_id}/watermark`: the next load of a job starts elsewhere.

What comes again depends on how the lake takes it. A Delta table with a primary key is upserted: rows that are there
already are written once more and are there once. Anything else is appended to, and every row from the new watermark on
would be duplicated: that is refused unless the caller accepts it. From the very start means that the next load
replaces the table, which duplicates nothing.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.activation.store import configuration_store
from shared.api.answers import Answer
from shared.api.http import ProblemError
from shared.audit.ledger import can_be_rewound, find_load, last_load, next_watermark, record_rewind
from shared.audit.table import Row
from shared.isolation.leases import JobBusyError, job_lease
from shared.jobs.watermarks import as_moment, as_number, comes_before, misfit
from shared.jobs.wildcards import is_wildcard
from shared.models.job import Job, LoadType
from shared.telemetry.invocation import in_thread


class WatermarkBody(BaseModel):
    """The start of the next load: one of `value`, `load_id` and `clear`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[str, Field(min_length=1, max_length=256)] | int | float | None = Field(
        None, description="A value of the watermark column, written as in the workbook; its rows are loaded again."
    )
    load_id: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        None, description="An earlier load: what came after it is loaded again, and so are the rows at its watermark."
    )
    clear: bool = Field(False, description="Start over: the next load replaces the table.")
    accept_duplicates: bool = Field(
        False, description="Needed if the job appends to its table: rows that are loaded again are duplicated there."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> WatermarkBody:
        if (self.value is not None) + (self.load_id is not None) + self.clear != 1:
            raise ValueError("give one of value, load_id and clear")
        return self


class WatermarkAnswer(Answer):
    """What the next load of the job will do."""

    job_id: str
    watermark_column: str
    watermark_before: str | None
    watermark: str | None = Field(description="Where the next load starts; null if it replaces the table.")
    duplicates: bool = Field(description="Whether rows will be duplicated in the lake.")


async def rewind_watermark(job_id: str, wanted: WatermarkBody, caller: str) -> WatermarkAnswer:
    """Answer `POST /api/jobs/{job_id}/watermark`.

    404 for an unknown job; 409 if it runs, cannot be rewound, or rows would double; 400 for an impossible value.
    """
    return await in_thread(_rewind, job_id, wanted, caller)


def _rewind(job_id: str, wanted: WatermarkBody, caller: str) -> WatermarkAnswer:
    job = _incremental_job(job_id)
    try:
        with job_lease(job.job_id, f"watermark-{secrets.token_hex(4)}"):
            return _carry_out(job, wanted, caller)
    except JobBusyError as busy:
        raise ProblemError(HTTPStatus.CONFLICT, str(busy)) from None


def _incremental_job(job_id: str) -> Job:
    active = configuration_store().active()
    job = active.configuration.job(job_id) if active else None
    if job is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no job '{job_id}'; GET /api/jobs lists them.")
    if is_wildcard(job):
        raise ProblemError(HTTPStatus.CONFLICT, f"Job '{job_id}' matches many tables; name one, as {job_id}.orders.")
    if job.load_type is not LoadType.INCREMENTAL:
        raise ProblemError(HTTPStatus.CONFLICT, f"Job '{job_id}' has load_type FULL, and so no watermark.")
    if not can_be_rewound(job):
        detail = (
            f"Job '{job_id}' loads into {job.destination}, which keeps no record of rewinds; request a backfill of it."
        )
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    return job


def _carry_out(job: Job, wanted: WatermarkBody, caller: str) -> WatermarkAnswer:
    """Check the request against the ledger and write it there; the job's lease is held."""
    last = last_load(job)
    if last is None:
        detail = f"Job '{job.job_id}' has loaded nothing yet; it starts at last_watermark of the workbook."
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    watermark = None if wanted.clear else _wanted_watermark(job, wanted, last)
    doubles = watermark is not None and not (job.table_format == "delta" and job.primary_key)
    if doubles and not wanted.accept_duplicates:
        raise ProblemError(
            HTTPStatus.CONFLICT,
            f"Job '{job.job_id}' appends to its table: every row from {watermark} on would be duplicated. Give it "
            "table_format delta and a primary_key, start over with clear, or say accept_duplicates.",
        )
    before = next_watermark(job)
    details = {"by": caller, "watermark_before": before, "from_load_id": wanted.load_id}
    record_rewind(job, watermark, {**details, "accept_duplicates": wanted.accept_duplicates})
    return WatermarkAnswer(
        job_id=job.job_id,
        watermark_column=str(job.watermark_column),
        watermark_before=before,
        watermark=watermark,
        duplicates=doubles,
    )


def _wanted_watermark(job: Job, wanted: WatermarkBody, last: Row) -> str:
    if wanted.load_id is None:
        text = str(wanted.value)
        _check(text, str(last.get("watermark_after", "")), job)
        return text
    load = find_load(job, wanted.load_id)
    if load is None or "watermark_after" not in load:
        raise _wrong(
            f"load_id: '{wanted.load_id}' is not a load of the job; GET /api/jobs/{job.job_id}/history has them"
        )
    if str(load["watermark_column"]).casefold() != str(job.watermark_column).casefold():
        raise _wrong(f"load_id: that load's watermark is of column '{load['watermark_column']}'")
    return str(load["watermark_after"])


def _check(text: str, reached: str, job: Job) -> None:
    """Raises ProblemError for a value that cannot be one of the column, or that no load has reached yet."""
    if problem := misfit(text, job.column_types.get(str(job.watermark_column))):
        raise _wrong(f"value: '{text}' {problem}")
    if reached and not _fits(_kind(text), _kind(reached)):
        raise _wrong(f"value: '{text}' is not a value of column '{job.watermark_column}'; its last one is {reached}")
    if reached and comes_before(_in_a_zone(reached), _in_a_zone(text)):
        raise _wrong(f"value: '{text}' is later than the last watermark {reached}; rows in between would never come")


def _in_a_zone(text: str) -> str:
    """A time without a zone counts as UTC, as it does where a load starts."""
    moment = as_moment(text)
    return f"{moment.isoformat()}+00:00" if moment and moment.tzinfo is None else text


def _fits(given: type, reached: type) -> bool:
    """Whether a value of one kind fits a column of another; anything fits a column of texts."""
    return reached in (given, str) or (given, reached) == (int, float)


def _kind(text: str) -> type:
    """The kind of value that a watermark's text is."""
    number = as_number(text)
    if number is not None:
        return int if number == number.to_integral_value() and "." not in text else float
    return datetime if as_moment(text) else str


def _wrong(problem: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "The watermark cannot be set.", [problem])
