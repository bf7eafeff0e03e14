"""`GET /api/loads`: the last loads of many jobs at once, as small as charts need them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from shared.activation.store import configuration_store
from shared.api.answers import ChartedLoads, LoadList
from shared.api.http import ProblemError
from shared.api.queries import HistoryQuery, continuation
from shared.audit.jobs import recent_loads
from shared.audit.pages import Span, loads_page
from shared.telemetry.invocation import in_thread


async def list_history_of_job(job_id: str, query: HistoryQuery) -> LoadList:
    """Answer `GET /api/jobs/{job_id}/history`: its loads, the newest first; 404 for an unknown job."""
    loads = await in_thread(_history, job_id, query)
    if not loads.loads and not await in_thread(_is_known, job_id):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no job '{job_id}'; GET /api/jobs lists them.")
    return loads


def _history(job_id: str, query: HistoryQuery) -> LoadList:
    span, statuses = Span(query.start, query.end), [status.value for status in query.status]
    page = loads_page(job_id, span, statuses, query.limit, query.after)
    return LoadList.model_validate({"job_id": job_id, "loads": page.rows, "continuation": continuation(page.after)})


def _is_known(job_id: str) -> bool:
    active = configuration_store().active()
    if active and active.configuration.job(job_id):
        return True
    return bool(loads_page(job_id, Span(), (), 1, None).rows)


LOADS_LIMIT = 30


_readers = ThreadPoolExecutor(8, thread_name_prefix="loads")  # over all calls: each asks for up to a hundred jobs


async def list_loads(job_ids: Sequence[str]) -> ChartedLoads:
    """Answer `GET /api/loads?job_ids=a,b`: the last 30 loads of each job, oldest first."""
    loads = await in_thread(_loads, list(dict.fromkeys(job_ids)))
    return ChartedLoads.model_validate({"loads": loads})


def _loads(job_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    rows = _readers.map(lambda job_id: recent_loads(job_id, LOADS_LIMIT), job_ids)
    return {job_id: [dict(row) for row in reversed(loads)] for job_id, loads in zip(job_ids, rows, strict=True)}
