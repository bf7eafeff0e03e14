"""What the routes about the workbook answer."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from shared.activation.changes import Changes
from shared.activation.versions import HistoryEntry
from shared.api.answers import Answer
from shared.workbook.configuration import Problem


class ValidationReport(Answer):
    """What is wrong with a workbook."""

    valid: bool
    jobs: list[str] = Field(description="The job ids of a valid workbook.")
    problems: list[Problem]
    warnings: list[Problem]
    changes: Changes | None = Field(
        None, description="What it would change in the active version, and what that means for jobs that have loaded."
    )


class OrderOutcome(Answer):
    """What became of a row of the sheet Requests."""

    request_id: str
    job_id: str
    action: str
    status: str = Field(description="WAITING, STARTED, or how its job ended.")
    run_id: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


class ActiveVersion(Answer):
    """The version of the workbook that is active."""

    sha256: str
    etag: str
    activated_at: datetime
    uploaded_at: datetime
    uploaded_by: str | None
    previous_sha256: str | None
    changes: str = Field(description="What it changed, in one line.")
    diff: Changes
    jobs: int
    jobs_enabled: int
    warnings: list[str]
    requests: list[OrderOutcome]


class LastRefusal(Answer):
    """The upload that was refused last."""

    sha256: str
    uploaded_at: datetime
    uploaded_by: str | None
    folder: str = Field(description="The folder of the problems and the annotated workbook.")
    problems: list[str]


class ConfigurationState(Answer):
    """The active version and the last refusal."""

    active: ActiveVersion | None
    last_refusal: LastRefusal | None


class RefusedUpload(Answer):
    """An upload that was refused, from the audit table."""

    sha256: str
    time: datetime
    uploaded_by: str | None = None
    changes: str | None = None
    problem_count: int
    problems: list[str] | None = None
    warning_count: int
    refused_folder: str | None = None


class VersionList(Answer):
    """Every version and the last refused uploads, the newest first."""

    versions: list[HistoryEntry]
    refused: list[RefusedUpload]


class RolledBack(Answer):
    """A version that was brought back."""

    sha256: str
    activated_at: datetime
    changes: Changes
