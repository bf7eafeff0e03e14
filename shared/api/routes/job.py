"""The route that says what one job of the active workbook comes to."""

from __future__ import annotations

from http import HTTPStatus

from shared.activation.store import configuration_store
from shared.api.answers import JobDetail
from shared.api.http import ProblemError
from shared.jobs.destinations import dataset_path
from shared.models.job import resolved_cells
from shared.telemetry.invocation import in_thread


async def describe_job(job_id: str) -> JobDetail:
    """Answer `GET /api/jobs/{job_id}`: 404 if nothing is active, or it has no such job."""
    return await in_thread(_job, job_id)


def _job(job_id: str) -> JobDetail:
    active = configuration_store().active()
    if active is None:
        detail = "There is no active configuration; GET /api/config has the last refusal."
        raise ProblemError(HTTPStatus.NOT_FOUND, detail)
    job = active.configuration.job(job_id)
    if job is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"'{job_id}' is not a job of the active workbook.")
    return JobDetail(
        config_sha256=active.version.sha256,
        job_id=job.job_id,
        row=job.row,
        target=dataset_path(job),
        cells=resolved_cells(job),
        origins=job.origins,
    )
