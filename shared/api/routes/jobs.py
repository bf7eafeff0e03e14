"""`GET /api/jobs`: every job of the active workbook, when it runs next, how it last ended and whether it is overdue."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from http import HTTPStatus

from azure.functions import HttpResponse

from shared.activation.store import configuration_store
from shared.api.http import json_response, problem_response
from shared.planning.overview import _described

_NOTHING_ACTIVE = "There is no active configuration; GET /api/config tells of the last refusal."


async def list_jobs() -> HttpResponse:
    """Answer `GET /api/jobs`: 404 where nothing is active."""
    return await asyncio.to_thread(_jobs)


def _jobs() -> HttpResponse:
    active = configuration_store().active()
    if active is None:
        return problem_response(HTTPStatus.NOT_FOUND, _NOTHING_ACTIVE)
    jobs = _described(active, datetime.now(timezone.utc))
    return json_response({"config_sha256": active.version.sha256, "jobs": jobs})
