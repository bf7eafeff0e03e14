"""The routes about the configuration: check a workbook, say what is active and what was refused, go back."""

from __future__ import annotations

from http import HTTPStatus
from itertools import islice
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from shared.activation.judge import annotated
from shared.activation.store import configuration_store
from shared.activation.uploads import sha256_of
from shared.activation.versions import Refusal, Snapshot
from shared.api.configuration_answers import ConfigurationState, RolledBack, ValidationReport, VersionList
from shared.api.endpoint import File
from shared.api.http import ProblemError
from shared.api.routes.uploads import annotated_file, route_of_annotated
from shared.audit.uploads import record_activation, refused_uploads
from shared.errors.hierarchy import ConfigurationError, WorkbookError
from shared.planning.one_off_requests import requests_and_outcomes
from shared.telemetry.invocation import in_thread

_REFUSED_SHOWN = 20


class RollbackBody(BaseModel):
    """The JSON body of `POST /api/config/rollback`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    by: Annotated[str, Field(max_length=200)] | None = None


async def check_workbook(content: bytes, wants_file: bool) -> ValidationReport | File:
    """Answer `POST /api/config/validate`: the report as JSON, or the workbook with the problems at their cells.

    Args:
        content: The xlsx file.
        wants_file: Whether the annotated workbook is wanted; 422 if the file cannot be opened.
    """
    return await in_thread(_check_workbook, content, wants_file)


async def describe_configuration() -> ConfigurationState:
    """Answer `GET /api/config`: the active version, its warnings and one-off requests, and the last refused upload."""
    return ConfigurationState.model_validate(await in_thread(_configuration))


async def list_history() -> VersionList:
    """Answer `GET /api/config/history`: every version and the last refused uploads, the newest first."""
    return VersionList.model_validate(await in_thread(_history))


async def roll_back(wanted: RollbackBody, caller: str) -> RolledBack:
    """Answer `POST /api/config/rollback`: 404 for a version that never was, 409 for the active one."""
    return await in_thread(_roll_back, wanted, wanted.by or caller)


def _check_workbook(content: bytes, wants_file: bool) -> ValidationReport | File:
    report, changes, active = configuration_store().check(content)
    if not wants_file:
        compared = sha256_of(active.version if active else None)
        return ValidationReport.model_validate(report.to_answer() | {"changes": changes, "active_sha256": compared})
    try:
        workbook = annotated(content, report)
    except WorkbookError as error:
        problems = [str(problem) for problem in report.problems]
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), problems) from None
    return annotated_file(workbook)


def _configuration() -> dict[str, Any]:
    store = configuration_store()
    active, refusal = store.active(), store.last_refusal()
    return {
        "active": _described(active) if active else None,
        "last_refusal": _refusal(refusal, store.is_newest(refusal)) if refusal else None,
    }


def _history() -> dict[str, Any]:
    return {
        "versions": [entry.to_json() for entry in configuration_store().history()],
        "refused": [_listed(upload) for upload in islice(refused_uploads(), _REFUSED_SHOWN)],
    }


def _listed(upload: dict[str, Any]) -> dict[str, Any]:
    folder = upload.get("refused_folder")
    return upload | ({"annotated": route_of_annotated(folder)} if folder else {})


def _described(active: Snapshot) -> dict[str, Any]:
    jobs = active.configuration.jobs
    return {
        **active.version.to_json(),
        "uploaded_at": active.uploaded_at,
        "uploaded_by": active.uploaded_by,
        "previous_sha256": active.previous_sha256,
        "changes": active.changes.summary(),
        "diff": active.changes.to_json(),
        "jobs": len(jobs),
        "jobs_enabled": sum(job.enabled for job in jobs),
        "warnings": [str(warning) for warning in active.configuration.warnings],
        "requests": requests_and_outcomes(active.configuration),
    }


def _refusal(refusal: Refusal, is_newest: bool) -> dict[str, Any]:
    return {
        "sha256": refusal.sha256,
        "uploaded_at": refusal.uploaded_at,
        "uploaded_by": refusal.uploaded_by,
        "folder": refusal.folder,
        "problems": [str(problem) for problem in refusal.problems],
        "annotated": route_of_annotated(refusal.folder),
        "is_newest": is_newest,
    }


def _roll_back(wanted: RollbackBody, by: str) -> RolledBack:
    store = configuration_store()
    if all(entry.sha256 != wanted.sha256 for entry in store.history()):
        detail = f"There is no version {wanted.sha256}; GET /api/config/history lists them."
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    try:
        activation = store.rollback(wanted.sha256, by)
    except ConfigurationError as error:
        raise ProblemError(HTTPStatus.CONFLICT, str(error)) from None
    record_activation(activation)
    changes = activation.changes.to_json() if activation.changes else {}
    return RolledBack.model_validate({"sha256": activation.sha256, "activated_at": activation.at, "changes": changes})
