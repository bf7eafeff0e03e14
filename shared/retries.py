"""`POST /api/runs/{run_id}/retry`: what failed in a run once more, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

from azure.durable_functions import DurableOrchestrationClient
from azure.functions import HttpResponse

from shared.audit import find_run, job_rows
from shared.http import problem_response
from shared.models import JobStatus, RunRequest
from shared.planning import problems_of
from shared.runs import ACTIVE, ORDERED, accept, find_orchestration, new_run_id
from shared.workbook.activation import configuration_store

_RETRIED = (JobStatus.FAILED.value, JobStatus.CANCELLED.value)


async def retry_run(client: DurableOrchestrationClient, run_id: str) -> HttpResponse:
    """Answer `POST /api/runs/{run_id}/retry`: 202 as for a new run, of what failed or was cancelled in that one.

    404 where there is no such run; 409 where it is active, nothing failed, or its jobs cannot be run again.
    """
    status = await find_orchestration(client, run_id)
    if status and status.runtime_status in ACTIVE:
        return problem_response(409, f"Run '{run_id}' is at work; wait until it has ended, or cancel it.")
    row = await asyncio.to_thread(find_run, run_id)
    if status is None and row is None:
        return problem_response(404, f"There is no run '{run_id}'.")
    if run_id.startswith(ORDERED):
        detail = f"Run '{run_id}' carried out orders of the sheet Requests; upload them with new request_ids."
        return problem_response(409, detail)
    rows = await asyncio.to_thread(lambda: list(job_rows(run_id)))
    job_ids = tuple(row["job_id"] for row in rows if row["status"] in _RETRIED)
    if not job_ids:
        return problem_response(409, f"No job of run '{run_id}' failed or was cancelled; there is nothing to retry.")
    now = datetime.now(timezone.utc)
    request = RunRequest(
        run_id=new_run_id("retry", now),
        trigger="http",
        requested_at=now,
        job_ids=job_ids,
        full_refresh=bool((row or {}).get("full_refresh", False)),
        retry_of=run_id,
    )
    snapshot = await asyncio.to_thread(configuration_store().refresh)
    if problems := problems_of(request, snapshot.configuration):
        return problem_response(409, "What failed does not fit the active workbook any more.", problems)
    return await accept(client, request)
