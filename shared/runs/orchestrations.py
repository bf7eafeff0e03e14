"""Starting runs and telling how they go, through the Durable client and the audit table."""

from __future__ import annotations

import asyncio

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.audit.runs import find_run
from shared.models.run import RunRequest
from shared.telemetry.spans import starting_run

ORCHESTRATOR = "ingestion_run"


ACTIVE = [
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.Suspended,
]


async def active_runs(client: DurableOrchestrationClient, orchestrator: str = ORCHESTRATOR) -> list[str]:
    """The ids of the runs of an orchestrator that wait or are at work."""
    active = await client.get_status_by(runtime_status=ACTIVE)
    return [status.instance_id for status in active if status.name == orchestrator]


async def find_orchestration(client: DurableOrchestrationClient, run_id: str) -> DurableOrchestrationStatus | None:
    """The orchestration of a run; None where there is none, was purged, or is another orchestrator's."""
    status = await client.get_status(run_id)
    return status if status.runtime_status is not None and status.name == ORCHESTRATOR else None


async def start_orchestration(client: DurableOrchestrationClient, request: RunRequest) -> None:
    """Start the orchestration of a run; its trace begins here."""
    with starting_run(request) as traced:
        await client.start_new(ORCHESTRATOR, request.run_id, traced.to_json())


async def orchestration_exists(client: DurableOrchestrationClient, run_id: str) -> bool:
    """Whether Durable Functions or the audit table knows a run of that id."""
    status = await client.get_status(run_id)
    return status.runtime_status is not None or await asyncio.to_thread(find_run, run_id) is not None
