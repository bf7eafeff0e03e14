"""`GET /api/loads`: the last loads of many jobs at once, as small as charts need them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from azure.functions import HttpResponse

from shared.audit import recent_loads
from shared.http import json_response

LOADS_LIMIT = 30
_THREADS = 8


async def list_loads(job_ids: Sequence[str]) -> HttpResponse:
    """Answer `GET /api/loads?job_ids=a,b`: the last 30 loads of each job, oldest first."""
    return json_response({"loads": await asyncio.to_thread(_loads, list(dict.fromkeys(job_ids)))})


def _loads(job_ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        rows = pool.map(lambda job_id: recent_loads(job_id, LOADS_LIMIT), job_ids)
        return {job_id: [dict(row) for row in reversed(loads)] for job_id, loads in zip(job_ids, rows, strict=True)}
