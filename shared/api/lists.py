"""The routes that list what the audit table holds, page by page."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from azure.functions import HttpResponse

from shared.api.answers import LoadList, RunList
from shared.api.queries import HistoryQuery, RunsQuery, continuation
from shared.audit_pages import Span, loads_page, runs_of_job_page, runs_page
from shared.http import model_response, problem_response
from shared.workbook.activation import configuration_store


async def list_runs(query: RunsQuery) -> HttpResponse:
    """Answer `GET /api/runs`: the runs, the newest first."""
    return model_response(await asyncio.to_thread(_runs, query))


async def list_history_of_job(job_id: str, query: HistoryQuery) -> HttpResponse:
    """Answer `GET /api/jobs/{job_id}/history`: its loads, the newest first; 404 where nobody ever knew the job."""
    loads = await asyncio.to_thread(_loads, job_id, query)
    if not loads.loads and not await asyncio.to_thread(_is_known, job_id):
        return problem_response(HTTPStatus.NOT_FOUND, f"There is no job '{job_id}'; GET /api/jobs lists them.")
    return model_response(loads)


def _runs(query: RunsQuery) -> RunList:
    span, statuses = Span(query.start, query.end), [status.value for status in query.status]
    if query.job_id:
        page = runs_of_job_page(query.job_id, span, statuses, query.limit, query.after)
    else:
        page = runs_page(span, statuses, query.limit, query.after)
    return RunList.model_validate({"runs": page.rows, "continuation": continuation(page.after)})


def _loads(job_id: str, query: HistoryQuery) -> LoadList:
    span, statuses = Span(query.start, query.end), [status.value for status in query.status]
    page = loads_page(job_id, span, statuses, query.limit, query.after)
    return LoadList.model_validate({"job_id": job_id, "loads": page.rows, "continuation": continuation(page.after)})


def _is_known(job_id: str) -> bool:
    active = configuration_store().active()
    if active and active.configuration.job(job_id):
        return True
    return bool(loads_page(job_id, Span(), (), 1, None).rows)
