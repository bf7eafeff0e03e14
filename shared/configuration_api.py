"""The routes about the configuration: check a workbook, tell what is active, go back, list the jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Annotated, Any

from azure.functions import HttpResponse
from pydantic import BaseModel, ConfigDict, Field

from shared.audit import latest_rows, record_activation
from shared.errors import ConfigurationError, WorkbookError
from shared.http import json_response, problem_response, read_body
from shared.models import Job
from shared.orders import orders_and_outcomes
from shared.schedules import next_start
from shared.settings import settings
from shared.wildcards import base_job_id, is_wildcard
from shared.workbook.activation import configuration_store
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Configuration
from shared.workbook.validation import validate
from shared.workbook.versions import Refusal, Snapshot

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RESULT = ("run_id", "status", "start_time", "end_time", "rows_written", "watermark_after", "error_message")
_NOTHING_ACTIVE = "There is no active configuration; GET /api/config tells of the last refusal."

LastResults = Mapping[str, Mapping[str, Any]]


class RollbackBody(BaseModel):
    """The JSON body of `POST /api/config/rollback`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    by: Annotated[str, Field(max_length=200)] | None = None


async def check_workbook(content: bytes, annotated: bool) -> HttpResponse:
    """Answer `POST /api/config/validate`: the report as JSON, or the workbook with the problems at their cells.

    Args:
        content: The xlsx file.
        annotated: Whether the workbook is wanted; 422 where the file cannot be opened.
    """
    return await asyncio.to_thread(_check_workbook, content, annotated)


async def describe_configuration() -> HttpResponse:
    """Answer `GET /api/config`: the active version, its warnings and orders, and the last refused upload."""
    return json_response(await asyncio.to_thread(_configuration))


async def list_history() -> HttpResponse:
    """Answer `GET /api/config/history`: every version, the newest first."""
    entries = await asyncio.to_thread(configuration_store().history)
    return json_response({"versions": [entry.to_json() for entry in entries]})


async def roll_back(content: bytes) -> HttpResponse:
    """Answer `POST /api/config/rollback`: 404 for a version that never was, 409 for the active one."""
    try:
        wanted = read_body(content, RollbackBody)
    except ValueError as error:
        return problem_response(HTTPStatus.BAD_REQUEST, "The request body is wrong.", error.args)
    return await asyncio.to_thread(_roll_back, wanted)


async def list_jobs() -> HttpResponse:
    """Answer `GET /api/jobs`: the jobs of the active version, when each runs next and how it last ended."""
    return await asyncio.to_thread(_jobs)


def _check_workbook(content: bytes, annotated: bool) -> HttpResponse:
    report = validate(content, settings().workbook_max_megabytes)
    if not annotated:
        return json_response(report.to_answer())
    try:
        workbook = annotate(content, report)
    except WorkbookError as error:
        problems = [str(problem) for problem in report.problems]
        return problem_response(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), problems)
    headers = {"Content-Disposition": 'attachment; filename="annotated.xlsx"'}
    return HttpResponse(workbook, mimetype=_XLSX, headers=headers)


def _configuration() -> dict[str, Any]:
    store = configuration_store()
    active, refusal = store.active(), store.last_refusal()
    return {
        "active": _described(active) if active else None,
        "last_refusal": _refusal(refusal) if refusal else None,
    }


def _described(active: Snapshot) -> dict[str, Any]:
    jobs = active.configuration.jobs
    return {
        **active.version.to_json(),
        "uploaded_at": active.uploaded_at,
        "uploaded_by": active.uploaded_by,
        "previous_sha256": active.previous_sha256,
        "changes": active.changes.summary(),
        "jobs": len(jobs),
        "jobs_enabled": sum(job.enabled for job in jobs),
        "warnings": [str(warning) for warning in active.configuration.warnings],
        "requests": orders_and_outcomes(active.configuration),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "sha256": refusal.sha256,
        "uploaded_at": refusal.uploaded_at,
        "uploaded_by": refusal.uploaded_by,
        "folder": refusal.folder,
        "problems": [str(problem) for problem in refusal.problems],
    }


def _roll_back(wanted: RollbackBody) -> HttpResponse:
    store = configuration_store()
    if all(entry.sha256 != wanted.sha256 for entry in store.history()):
        detail = f"There never was a version {wanted.sha256}; GET /api/config/history lists them."
        return problem_response(HTTPStatus.NOT_FOUND, detail)
    try:
        activation = store.rollback(wanted.sha256, wanted.by)
    except ConfigurationError as error:
        return problem_response(HTTPStatus.CONFLICT, str(error))
    record_activation(activation)
    changes = activation.changes.to_json() if activation.changes else {}
    return json_response({"sha256": activation.sha256, "activated_at": activation.at, "changes": changes})


def _jobs() -> HttpResponse:
    active = configuration_store().active()
    if active is None:
        return problem_response(HTTPStatus.NOT_FOUND, _NOTHING_ACTIVE)
    results = {row["job_id"]: row for row in latest_rows()}
    now = datetime.now(timezone.utc)
    jobs = describe_jobs(active.configuration, results, active.version.activated_at, now, settings().ingestion_schedule)
    return json_response({"config_sha256": active.version.sha256, "jobs": jobs})


def describe_jobs(
    configuration: Configuration, results: LastResults, activated_at: datetime, now: datetime, timer: str
) -> list[dict[str, Any]]:
    """What `GET /api/jobs` shows of every job.

    Args:
        configuration: The active configuration.
        results: The audit row of the last run of every job, by job id.
        activated_at: When it became active: a job that never ran is due from then on.
        now: The time, UTC.
        timer: The NCRONTAB expression of the app's timer.
    """
    tables: dict[str, dict[str, Any]] = {}
    for job_id, row in results.items():
        if job_id != base_job_id(job_id):
            tables.setdefault(base_job_id(job_id), {})[job_id] = _result(row)
    described = []
    for job in configuration.jobs:
        last = results.get(job.job_id)
        of_tables = tables.get(job.job_id, {}) if is_wildcard(job) else {}
        starts = [row["run_start_time"] for row in [last, *(results[job_id] for job_id in of_tables)] if row]
        due = _next_due(job, configuration, max(starts, default=activated_at), now, timer)
        described.append(
            {
                **{name: getattr(job, name) for name in ("job_id", "row", "enabled", "source_name", "schema_name")},
                **{name: getattr(job, name) for name in ("table_name", "api_endpoint", "load_type", "table_format")},
                **{name: getattr(job, name) for name in ("tags", "priority", "schedule")},
                "next_due": due,
                "last_result": _result(last) if last else None,
                **({"tables": of_tables} if is_wildcard(job) else {}),
            }
        )
    return described


def _next_due(job: Job, configuration: Configuration, since: datetime, now: datetime, timer: str) -> datetime | None:
    if not job.enabled:
        return None
    try:
        return next_start(timer, job.schedule, configuration.source(job.source_name).quiet_hours, since, now)
    except ValueError:  # the host understands more forms of its setting than cron's
        return None


def _result(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in _RESULT if name in row}
