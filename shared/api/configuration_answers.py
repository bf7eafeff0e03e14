"""What the routes about the workbook answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.activation.changes import Changes
from shared.activation.versions import HistoryEntry
from shared.api.answers import Answer
from shared.workbook.configuration import Problem

_ANNOTATED = "The route of the workbook with the problems at their cells: 404 if the file cannot be opened."


class ValidationReport(Answer):
    """What is wrong with a workbook."""

    valid: bool
    jobs: list[str] = Field(description="The job ids of a valid workbook.")
    problems: list[Problem]
    warnings: list[Problem]
    changes: Changes | None = Field(
        None, description="What it would change in the active version, and what that means for jobs that have loaded."
    )
    active_sha256: str = Field(description="The version that it was compared with, or `none`.")


class UploadTaken(Answer):
    """An upload that is the active version now, or was before."""

    outcome: Literal["ACTIVATED", "UNCHANGED"]
    sha256: str
    activated_at: datetime
    changes: Changes = Field(description="What the version changed, and what that means for jobs that have loaded.")
    warnings: list[Problem]


class UploadRefused(Answer):
    """An upload that was refused; the version before it is active still."""

    outcome: Literal["REFUSED"]
    sha256: str
    active_sha256: str = Field(description="The version that is active, or `none`.")
    problems: list[Problem]
    warnings: list[Problem]
    annotated: str = Field(description=_ANNOTATED)


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
    annotated: str = Field(description=_ANNOTATED)
    is_newest: bool = Field(description="No upload came after it, and no rollback.")


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
    annotated: str | None = Field(None, description=_ANNOTATED)


class VersionList(Answer):
    """Every version and the last refused uploads, the newest first."""

    versions: list[HistoryEntry]
    refused: list[RefusedUpload]


class RolledBack(Answer):
    """A version that was brought back."""

    sha256: str
    activated_at: datetime
    changes: Changes
