"""`GET /api/loads`: the last loads of many jobs at once, as small as charts need them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from azure.functions import HttpResponse

from shared.audit import recent_loads
from shared.http import json_response, problem_response

JOBS_LIMIT = 100  # of one request; each is a query of its own
LOADS_LIMIT = 30
_THREADS = 8


async def list_loads(parameters: Mapping[str, str]) -> HttpResponse:
    """Answer `GET /api/loads?job_ids=a,b`: the last 30 loads of each job, oldest first; 400 for too many jobs."""
    job_ids = list(dict.fromkeys(name for name in parameters.get("job_ids", "").split(",") if name))
    if not 0 < len(job_ids) <= JOBS_LIMIT:
        detail = f"job_ids: give from 1 to {JOBS_LIMIT} job ids with commas between; {len(job_ids)} were given."
        return problem_response(HTTPStatus.BAD_REQUEST, detail)
    return json_response({"loads": await asyncio.to_thread(_loads, job_ids)})


def _loads(job_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        rows = pool.map(lambda job_id: recent_loads(job_id, LOADS_LIMIT), job_ids)
        return {job_id: [dict(row) for row in reversed(loads)] for job_id, loads in zip(job_ids, rows, strict=True)}
