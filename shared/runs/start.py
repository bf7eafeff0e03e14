"""Starting runs: on schedule, and for the one-off requests of the workbook."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus

from shared.activation.store import configuration_store
from shared.audit.runs import record_run
from shared.models.run import RunRequest, RunStatus
from shared.models.run_ids import ORDERED, SCHEDULED
from shared.planning.one_off_requests import waiting_requests
from shared.runs.orchestrations import (
    ACTIVE,
    active_runs,
    orchestration_exists,
    orchestrations,
    start_once,
    start_orchestration,
)
from shared.settings import settings
from shared.telemetry.invocation import in_thread

log = logging.getLogger(__name__)

WAITS = (1, 5, 15)  # seconds between the tries to start a scheduled run: its tick comes once


async def start_scheduled_run(client: DurableOrchestrationClient, past_due: bool = False) -> str | None:
    """Start the run of a timer tick, unless the last one still runs; returns its id, or None.

    One-off requests that are still waiting go first: a blob trigger may have given up. An error of theirs
    does not stop the scheduled run.

    Args:
        client: The Durable client.
        past_due: Whether the tick was missed while no instance of the app ran; the setting PAST_DUE decides what then.
    """
    now = datetime.now(UTC)
    await start_waiting_requests(client, now)
    request = RunRequest(run_id=f"{SCHEDULED}{now:%Y%m%dT%H%M%SZ}", trigger="timer", requested_at=now)
    if past_due:
        reason = "A tick of the schedule was missed while the app did not run; this run makes up for it."
        if settings().past_due == "skip":
            reason = "A tick of the schedule was missed while the app did not run, and PAST_DUE says to skip it."
            await in_thread(_record_skipped, request.model_copy(update={"reason": reason}))
            return None
        ignores = settings().past_due == "run"
        request = request.model_copy(update={"reason": reason, "ignores_quiet_hours": ignores})
    if await _is_held_up(client):
        return None
    await _start_for_sure(client, request)
    log.info("Started scheduled run %s.", request.run_id)
    return request.run_id


async def _is_held_up(client: DurableOrchestrationClient) -> bool:
    """Whether an earlier scheduled run still runs. One that is suspended does nothing, and holds nothing up."""
    for status in await orchestrations(client, ACTIVE):
        if not status.instance_id.startswith(SCHEDULED):
            continue
        if status.runtime_status is not OrchestrationRuntimeStatus.Suspended:
            log.warning("No scheduled run was started: run %s is still active.", status.instance_id)
            return True
        log.warning("Run %s is suspended; the schedule continues without it. Resume or cancel it.", status.instance_id)
    return False


async def _start_for_sure(client: DurableOrchestrationClient, request: RunRequest) -> None:
    """Start a run; tried again if the extension answers with an error, and once only if just its answer was lost."""
    for wait in WAITS:
        try:
            return await start_orchestration(client, request)
        except Exception as error:
            log.warning("Run %s could not be started, which is tried again: %s", request.run_id, error)
        await asyncio.sleep(wait)
        if await orchestration_exists(client, request.run_id):
            return None
    return await start_orchestration(client, request)


def _record_skipped(request: RunRequest) -> None:
    record_run(request, RunStatus.SKIPPED.value, {"end_time": request.requested_at, "reason": request.reason})
    log.info("Run %s: %s, %s", request.run_id, RunStatus.SKIPPED.value, {"reason": request.reason})


async def start_waiting_requests(client: DurableOrchestrationClient, now: datetime) -> None:
    """Start a run of one-off requests that no run has claimed, unless one is active; never raises."""
    try:
        if not any(run_id.startswith(ORDERED) for run_id in await active_runs(client)):
            await start_ordered_run(client, f"{ORDERED}{now:%Y%m%dT%H%M%SZ}")
    except Exception:
        log.exception("One-off requests of the workbook could not be started; the next tick tries again")


async def start_ordered_run(client: DurableOrchestrationClient, run_id: str | None = None) -> None:
    """Start a run of those one-off requests of the active version that no run has claimed yet.

    Args:
        client: The Durable client.
        run_id: Its id; by default it follows from the version, so that an upload has one such run.
    """
    snapshot = await in_thread(configuration_store().active)
    orders = await in_thread(waiting_requests, snapshot.configuration) if snapshot else []
    if not snapshot or not orders:
        return
    run_id = run_id or f"{ORDERED}{snapshot.version.sha256[:12]}"
    request = RunRequest(
        run_id=run_id,
        trigger="blob",
        requested_at=datetime.now(UTC),
        request_ids=tuple(order.request_id for order in orders),
    )
    # False if the upload is handled again, or by its trigger and a route at once: that run claims the requests.
    if await start_once(client, request):
        log.info("Started run %s for %d one-off request(s) of the workbook.", run_id, len(orders))
