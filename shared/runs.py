"""Starting runs and telling how they go, through the Durable client and the audit table."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Annotated, Any

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from azure.functions import HttpResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.audit import PARTITIONS, Row, find_run, job_rows, request_cancel
from shared.audit_properties import without_keys
from shared.dry_run import rehearse
from shared.errors import ConfigurationError
from shared.http import json_response, problem_response
from shared.leases import MAINTENANCE_RUN
from shared.models import RunRequest, RunStatus
from shared.orders import waiting_orders
from shared.planning import problems_of
from shared.telemetry.spans import starting_run
from shared.workbook.activation import configuration_store

log = logging.getLogger(__name__)

ORCHESTRATOR = "ingestion_run"
SCHEDULED = "scheduled-"
ORDERED = "requests-"
ACTIVE = [
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.Suspended,
]
_RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
_ENDED_BADLY = {"Failed": RunStatus.FAILED, "Terminated": RunStatus.CANCELLED, "Canceled": RunStatus.CANCELLED}


def _unreserved(run_id: str) -> str:
    if run_id in PARTITIONS or run_id.startswith((SCHEDULED, ORDERED, MAINTENANCE_RUN)):
        raise ValueError(f"'{run_id}' is reserved")
    return run_id


class RunBody(BaseModel):
    """The optional JSON body of `POST /api/runs`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run_id: Annotated[str, Field(pattern=_RUN_ID), AfterValidator(_unreserved)] | None = None
    job_ids: list[str] = []
    tags: list[str] = []
    full_refresh: bool = False
    dry_run: bool = False


async def start_scheduled_run(client: DurableOrchestrationClient) -> str | None:
    """Start the run of a timer tick, unless the last one is still at work; returns its id, or None.

    Orders that are still waiting go first: a blob trigger may have given up.
    """
    now = datetime.now(timezone.utc)
    active = await active_runs(client)
    if not any(run_id.startswith(ORDERED) for run_id in active):
        await start_ordered_run(client, f"{ORDERED}{now:%Y%m%dT%H%M%SZ}")
    for run_id in active:
        if run_id.startswith(SCHEDULED):
            log.warning("No scheduled run was started: run %s is still active.", run_id)
            return None
    request = RunRequest(run_id=f"{SCHEDULED}{now:%Y%m%dT%H%M%SZ}", trigger="timer", requested_at=now)
    await _start(client, request)
    log.info("Started scheduled run %s.", request.run_id)
    return request.run_id


async def active_runs(client: DurableOrchestrationClient, orchestrator: str = ORCHESTRATOR) -> list[str]:
    """The ids of the runs of an orchestrator that wait or are at work."""
    active = await client.get_status_by(runtime_status=ACTIVE)
    return [status.instance_id for status in active if status.name == orchestrator]


async def find_orchestration(client: DurableOrchestrationClient, run_id: str) -> DurableOrchestrationStatus | None:
    """The orchestration of a run; None where there is none, was purged, or is another orchestrator's."""
    status = await client.get_status(run_id)
    return status if status.runtime_status is not None and status.name == ORCHESTRATOR else None


def new_run_id(kind: str, at: datetime) -> str:
    """An id for a run that somebody has asked for; it begins with what kind of run it is."""
    return f"{kind}-{at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


async def start_ordered_run(client: DurableOrchestrationClient, run_id: str | None = None) -> None:
    """Start a run of those orders of the active version that no run has claimed yet.

    Args:
        client: The Durable client.
        run_id: Its id; by default it follows from the version, so that an upload has one such run.
    """
    snapshot = await asyncio.to_thread(configuration_store().active)
    orders = await asyncio.to_thread(waiting_orders, snapshot.configuration) if snapshot else []
    if not snapshot or not orders:
        return
    run_id = run_id or f"{ORDERED}{snapshot.version.sha256[:12]}"
    if await _exists(client, run_id):  # the upload is handled again, and the run is about to claim its orders
        return
    request = RunRequest(
        run_id=run_id,
        trigger="blob",
        requested_at=datetime.now(timezone.utc),
        request_ids=tuple(order.request_id for order in orders),
    )
    await _start(client, request)
    log.info("Started run %s for %d order(s) of the workbook.", run_id, len(orders))


async def start_requested_run(client: DurableOrchestrationClient, wanted: RunBody) -> HttpResponse:
    """Answer `POST /api/runs`: 202 with run id and links, 400 with all that is wrong, 409 where it exists.

    A dry run is answered with 200 and what the run would do.
    """
    now = datetime.now(timezone.utc)
    run_id = wanted.run_id or new_run_id("manual", now)
    request = RunRequest(
        run_id=run_id,
        trigger="http",
        requested_at=now,
        job_ids=tuple(dict.fromkeys(wanted.job_ids)),
        tags=tuple(dict.fromkeys(wanted.tags)),
        full_refresh=wanted.full_refresh,
    )
    try:
        snapshot = await asyncio.to_thread(configuration_store().refresh)
    except ConfigurationError as error:
        return problem_response(400, "No run can be started.", [str(error)])
    if problems := problems_of(request, snapshot.configuration):
        return problem_response(400, "The request does not fit the active workbook.", problems)
    if wanted.dry_run:
        return json_response(await asyncio.to_thread(rehearse, request, snapshot))
    if await _exists(client, run_id):
        return problem_response(409, f"Run '{run_id}' exists already; leave run_id out to get a new one.")
    return await accept(client, request)


async def accept(client: DurableOrchestrationClient, request: RunRequest) -> HttpResponse:
    """Start a run that somebody has asked for; 202 with its id and links."""
    await _start(client, request)
    links = client.create_http_management_payload(request.run_id)
    location = f"/api/runs/{request.run_id}"
    return json_response({"run_id": request.run_id, "run": location, **links}, 202, {"Location": location})


async def _start(client: DurableOrchestrationClient, request: RunRequest) -> None:
    with starting_run(request) as traced:
        await client.start_new(ORCHESTRATOR, request.run_id, traced.to_json())


async def describe_run(
    client: DurableOrchestrationClient, run_id: str, job_status: Collection[str] = ()
) -> HttpResponse:
    """Answer `GET /api/runs/{run_id}`: status, progress and the result of every job; 404 where there is no such run.

    Args:
        client: The Durable client.
        run_id: The run.
        job_status: Only jobs with one of these, so that whoever watches a large run need not read it all again.
    """
    status = await find_orchestration(client, run_id)
    row = await asyncio.to_thread(find_run, run_id)
    if status is None and row is None:
        return problem_response(404, f"There is no run '{run_id}'.")
    jobs = await asyncio.to_thread(lambda: [without_keys(job, "run_id") for job in job_rows(run_id)])
    described = describe(run_id, status, row, jobs)
    if job_status:
        described["jobs"] = [job for job in jobs if job["status"] in job_status]
    return json_response(described)


async def cancel_run(client: DurableOrchestrationClient, run_id: str) -> HttpResponse:
    """Answer `POST /api/runs/{run_id}/cancel`: 202, 404 where there is no such run, 409 where it has ended."""
    status = await find_orchestration(client, run_id)
    if status and status.runtime_status in ACTIVE:
        await asyncio.to_thread(request_cancel, run_id)
        location = f"/api/runs/{run_id}"
        return json_response({"run_id": run_id, "run": location}, 202, {"Location": location})
    if status or await asyncio.to_thread(find_run, run_id):
        return problem_response(409, f"Run '{run_id}' has ended; there is nothing to cancel.")
    return problem_response(404, f"There is no run '{run_id}'.")


def describe(
    run_id: str, status: DurableOrchestrationStatus | None, row: Row | None, jobs: list[dict[str, Any]]
) -> dict[str, Any]:
    """What `GET /api/runs/{run_id}` shows, from the orchestration's status and the audit rows of the run."""
    row = row or {}
    total = int(row.get("jobs_total", len(jobs)))
    ended = [job for job in jobs if job["status"] != RunStatus.RUNNING.value]
    return {
        "run_id": run_id,
        "status": _status(status, row).value,
        "stage": (status.custom_status or {}).get("stage") if status else "finished",
        "trigger": row.get("trigger"),
        "start_time": row.get("start_time"),
        "end_time": row.get("end_time"),
        "config_sha256": row.get("config_sha256"),
        "error": row.get("error_message"),
        "progress": {
            "jobs_total": total,
            "jobs_done": len(ended),
            "jobs_failed": sum(job["status"] == "FAILED" for job in ended),
            "rows": sum(job.get("rows_written", 0) for job in ended),
        },
        "jobs": jobs,
    }


def _status(status: DurableOrchestrationStatus | None, row: Mapping[str, Any]) -> RunStatus:
    runtime = status.runtime_status.value if status and status.runtime_status else None
    if runtime in _ENDED_BADLY:
        return _ENDED_BADLY[runtime]
    if status and runtime == "Completed" and isinstance(status.output, dict):
        return RunStatus(status.output["status"])
    return RunStatus(row.get("status", RunStatus.RUNNING.value))


async def _exists(client: DurableOrchestrationClient, run_id: str) -> bool:
    status = await client.get_status(run_id)
    return status.runtime_status is not None or await asyncio.to_thread(find_run, run_id) is not None
