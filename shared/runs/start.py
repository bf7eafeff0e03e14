"""Starting runs and telling how they go, through the Durable client and the audit table."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timezone

from azure.durable_functions import DurableOrchestrationClient

from shared.activation.store import configuration_store
from shared.models.run import RunRequest
from shared.models.run_ids import ORDERED, SCHEDULED
from shared.planning.orders import waiting_orders
from shared.runs.orchestrations import active_runs, orchestration_exists, start_orchestration

log = logging.getLogger(__name__)


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
    await start_orchestration(client, request)
    log.info("Started scheduled run %s.", request.run_id)
    return request.run_id


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
    if await orchestration_exists(
        client, run_id
    ):  # the upload is handled again, and the run is about to claim its orders
        return
    request = RunRequest(
        run_id=run_id,
        trigger="blob",
        requested_at=datetime.now(timezone.utc),
        request_ids=tuple(order.request_id for order in orders),
    )
    await start_orchestration(client, request)
    log.info("Started run %s for %d order(s) of the workbook.", run_id, len(orders))
