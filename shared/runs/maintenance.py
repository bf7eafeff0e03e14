"""The timer's part: one maintenance at a time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from azure.durable_functions import DurableOrchestrationClient

from shared.models.maintenance import Maintenance
from shared.models.run_ids import MAINTENANCE_RUN
from shared.runs.orchestrations import active_runs
from shared.settings import settings

log = logging.getLogger(__name__)


ORCHESTRATOR = "maintenance_run"


async def start_maintenance(client: DurableOrchestrationClient, past_due: bool = False) -> None:
    """Start a maintenance, unless the last one still runs.

    Args:
        client: The Durable client.
        past_due: Whether the tick was missed; it is then left out unless PAST_DUE is `run`.
    """
    if past_due and settings().past_due != "run":
        log.warning("No maintenance was started: its tick was missed while the app did not run.")
        return
    now = datetime.now(UTC)
    for run_id in await active_runs(client, ORCHESTRATOR):
        log.warning("No maintenance was started: %s is still active.", run_id)
        return
    maintenance = Maintenance(run_id=f"{MAINTENANCE_RUN}{now:%Y%m%dT%H%M%SZ}", started_at=now)
    await client.start_new(ORCHESTRATOR, maintenance.run_id, maintenance.to_json())
    log.info("Started %s.", maintenance.run_id)
