"""The route that lists the jobs of the active workbook."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

from shared.activation.store import configuration_store
from shared.api.answers import JobList
from shared.api.http import ProblemError
from shared.planning.overview import describe_active
from shared.telemetry.invocation import in_thread

_NOTHING_ACTIVE = "There is no active configuration; GET /api/config has the last refusal."


async def list_jobs() -> JobList:
    """Answer `GET /api/jobs`: 404 if nothing is active."""
    return await in_thread(_jobs)


def _jobs() -> JobList:
    active = configuration_store().active()
    if active is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, _NOTHING_ACTIVE)
    jobs = describe_active(active, datetime.now(UTC))
    return JobList.model_validate({"config_sha256": active.version.sha256, "jobs": jobs})
