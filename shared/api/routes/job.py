"""The route that says what one job of the active workbook comes to."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus

from shared.activation.store import configuration_store
from shared.api.answers import JobDetail, JobMasks, PlainFileAnswer
from shared.api.http import ProblemError
from shared.audit.plain_files import plain_files
from shared.jobs.destinations import dataset_path, destination_type
from shared.jobs.wildcards import is_wildcard
from shared.models.job import Job, resolved_cells
from shared.telemetry.invocation import in_thread


async def describe_job(job_id: str) -> JobDetail:
    """Answer `GET /api/jobs/{job_id}`: 404 if nothing is active, or it has no such job."""
    return await in_thread(_job, job_id)


async def describe_masks(job_id: str) -> JobMasks:
    """Answer `GET /api/jobs/{job_id}/masks`: 404 as `describe_job`, 409 if its table is not in the lake."""
    return await in_thread(_masks, job_id)


def _masks(job_id: str) -> JobMasks:
    job, _ = _found(job_id)
    if is_wildcard(job):
        detail = f"'{job_id}' is many jobs: ask for that of one table, such as '{job_id}.customers'."
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    if not destination_type(job.destination).in_lake:
        detail = f"'{job_id}' loads into {destination_type(job.destination).label}, whose files are not the app's."
        raise ProblemError(HTTPStatus.CONFLICT, detail)
    return JobMasks(
        job_id=job_id,
        container=job.target_container,
        masked_columns=job.masked_columns,
        plain_files=[PlainFileAnswer(**asdict(file)) for file in plain_files(job)],
    )


def _job(job_id: str) -> JobDetail:
    job, sha256 = _found(job_id)
    return JobDetail(
        config_sha256=sha256,
        job_id=job.job_id,
        row=job.row,
        target=dataset_path(job),
        cells=resolved_cells(job),
        origins=job.origins,
    )


def _found(job_id: str) -> tuple[Job, str]:
    """A job of the active workbook, and the workbook's SHA-256."""
    active = configuration_store().active()
    if active is None:
        detail = "There is no active configuration; GET /api/config has the last refusal."
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    job = active.configuration.job(job_id)
    if job is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"'{job_id}' is not a job of the active workbook.")
    return job, active.version.sha256
