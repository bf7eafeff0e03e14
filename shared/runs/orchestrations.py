"""Starting runs and telling how they go, through the Durable client and the audit table."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.audit.runs import find_run
from shared.models.run import RunRequest
from shared.telemetry.spans import starting_run

ORCHESTRATOR = "ingestion_run"
_TOKEN = "x-ms-continuation-token"  # noqa: S105  the name of a header
_SECONDS = 60


ACTIVE = [
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.Suspended,
]


async def active_runs(client: DurableOrchestrationClient, orchestrator: str = ORCHESTRATOR) -> list[str]:
    """The ids of the runs of an orchestrator that are pending, running or suspended."""
    active: list[str] = []
    token: str | None = ""
    while token is not None:
        instances, token = await asyncio.to_thread(_active_page, client._orchestration_bindings.rpc_base_url, token)
        active += [instance["instanceId"] for instance in instances if instance["name"] == orchestrator]
    return active


def _active_page(base_url: str, token: str) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the active instances and the token for the next one.

    The SDK's client reads the first page, of a hundred instances, and drops the token; a run's lanes are instances as
    well. Source: https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api#get-all-instances-status
    """
    statuses = ",".join(status.value for status in ACTIVE)
    response = requests.get(
        f"{base_url}instances/",
        params={"runtimeStatus": statuses, "showInput": "False"},
        headers={_TOKEN: token} if token else {},
        timeout=_SECONDS,
    )
    response.raise_for_status()
    return response.json(), response.headers.get(_TOKEN) or None


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
