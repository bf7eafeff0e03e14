"""What the query of a request may hold: one model per route, every field with its meaning."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from shared.activation.uploads import NO_VERSION
from shared.api.tokens import JobsAsOf, JobsPage, RunAsOf, RunPage, Token
from shared.jobs.watermarks import as_moment
from shared.models.attempt import JobStatus
from shared.models.run import RunStatus

_KEY = re.compile(r"\d{13}-.+")


def _items(value: Any) -> Any:
    """Accept repeated parameters (the host joins them with commas) or one comma-separated value."""
    if not isinstance(value, str):
        return value
    items = [item.strip() for item in value.split(",") if item.strip()]
    if not items:
        raise ValueError("is blank: give a value, or leave the parameter out")
    return items


def _moment(value: Any) -> Any:
    moment = as_moment(value.strip().replace(" 00:00", "+00:00")) if isinstance(value, str) else None
    if moment is None:
        raise ValueError("write a time as 2024-01-31T08:00:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row_key(value: Any) -> Any:
    try:
        key = urlsafe_b64decode(str(value).encode()).decode()
    except ValueError:
        key = ""
    if not _KEY.fullmatch(key):
        raise ValueError("give what the page before had as its continuation, and the same filters")
    return key


def continuation(row_key: str | None) -> str | None:
    """How a page names the row that it ended with; None if nothing follows."""
    return urlsafe_b64encode(row_key.encode()).decode() if row_key else None


Moment = Annotated[datetime, BeforeValidator(_moment)]


class PageQuery(BaseModel):
    """Which part of a list that is sorted newest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Moment | None = Field(None, alias="from", description="Began at this time or later; UTC without a zone.")
    end: Moment | None = Field(None, alias="to", description="Began before this time.")
    limit: int = Field(50, ge=1, le=500, description="The highest number to return.")
    after: Annotated[str, BeforeValidator(_row_key)] | None = Field(
        None, alias="continuation", description="The `continuation` of the previous page."
    )


class RunsQuery(PageQuery):
    """The query of `GET /api/runs`."""

    status: Annotated[tuple[RunStatus, ...], BeforeValidator(_items)] = Field(
        (), description="Only runs with one of these."
    )
    job_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        None, description="Only runs in which this job ended."
    )


_MOST_JOBS = 1000


def _token(kind: type[Token]) -> tuple[BeforeValidator, WithJsonSchema]:
    return BeforeValidator(kind.decode), WithJsonSchema({"type": "string"})


class JobsQuery(BaseModel):
    """The query of `GET /api/jobs`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(_MOST_JOBS, ge=0, le=_MOST_JOBS, description="The highest number to return; 0 for counts only.")
    page: Annotated[JobsPage, *_token(JobsPage)] | None = Field(
        None, alias="continuation", description="The `continuation` of the previous page."
    )
    since: Annotated[JobsAsOf, *_token(JobsAsOf)] | None = Field(
        None, description="The `as_of` of an earlier answer: only jobs that have changed or run now."
    )


class RunQuery(BaseModel):
    """The query of `GET /api/runs/{run_id}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(_MOST_JOBS, ge=0, le=_MOST_JOBS, description="The highest number of jobs to return.")
    page: Annotated[RunPage, *_token(RunPage)] | None = Field(
        None, alias="continuation", description="The `continuation` of the previous page."
    )
    since: Annotated[RunAsOf, *_token(RunAsOf)] | None = Field(
        None, description="The `as_of` of an earlier answer: only jobs that have changed, wait or may be tried again."
    )
    job_status: Annotated[tuple[JobStatus | Literal["RUNNING", "WAITING"], ...], BeforeValidator(_items)] = Field(
        (), description="Only jobs with one of these; the progress counts all."
    )


class HistoryQuery(PageQuery):
    """The query of `GET /api/jobs/{job_id}/history`."""

    status: Annotated[tuple[JobStatus, ...], BeforeValidator(_items)] = Field(
        (), description="Only loads with one of these."
    )


class ChartQuery(BaseModel):
    """The query of `GET /api/loads`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_ids: Annotated[tuple[str, ...], BeforeValidator(_items)] = Field(
        min_length=1, max_length=100, description="Each needs its own query."
    )


class ValidationQuery(BaseModel):
    """The query of `POST /api/config/validate`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotated: bool = Field(False, description="Answer the workbook with the problems at their cells.")


class UploadQuery(BaseModel):
    """The query of `PUT /api/config`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replaces: Annotated[str, StringConstraints(pattern=f"^([0-9a-f]{{64}}|{NO_VERSION})$")] | None = Field(
        None,
        description="The `active_sha256` that the validation named: 409 if another version is active by now.",
    )
