"""Orchestrations as Durable Functions knows them, through its client."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from itertools import count
from typing import Any

import requests
from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from azure.durable_functions.models.RpcManagementOptions import RpcManagementOptions

from shared.audit.runs import STARTING_TAKES_AT_MOST, claim_run_id, find_run, release_run_id
from shared.models.run import LANE_CANCELLED, RunRequest, lane_instance
from shared.telemetry.invocation import in_thread
from shared.telemetry.spans import starting_run

ORCHESTRATOR = "ingestion_run"


ACTIVE = [
    OrchestrationRuntimeStatus.Pending,
    OrchestrationRuntimeStatus.Running,
    OrchestrationRuntimeStatus.ContinuedAsNew,
    OrchestrationRuntimeStatus.Suspended,
]


ENDED_BADLY = [
    OrchestrationRuntimeStatus.Failed,
    OrchestrationRuntimeStatus.Terminated,
    OrchestrationRuntimeStatus.Canceled,
]


_CONTINUATION = "x-ms-continuation-token"


_SECONDS = 60


async def orchestrations(
    client: DurableOrchestrationClient,
    statuses: Collection[OrchestrationRuntimeStatus],
    orchestrator: str = ORCHESTRATOR,
    since: datetime | None = None,
) -> list[DurableOrchestrationStatus]:
    """Every orchestration of a name with one of these statuses, page by page.

    The extension answers a hundred instances at once and a token for the next ones, which the SDK's own query drops:
    the lanes of a large run fill the first pages.

    Args:
        client: The Durable client.
        statuses: Wanted.
        orchestrator: The name.
        since: Only those that were started at this time or later.
    """
    options = RpcManagementOptions(created_time_from=since, runtime_status=list(statuses), show_input=False)
    url = options.to_url(client._orchestration_bindings.rpc_base_url)
    found: list[DurableOrchestrationStatus] = []
    token: str | None = None
    while True:
        page, token = await in_thread(_page, url, token)
        found += [DurableOrchestrationStatus.from_json(item) for item in page if item["name"] == orchestrator]
        if not token:
            return found


def _page(url: str, token: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """One page of a query, and the token for the next one.

    Source: https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api#get-all-instances-status
    """
    answer = requests.get(url, headers={_CONTINUATION: token} if token else {}, timeout=_SECONDS)
    answer.raise_for_status()
    return answer.json(), answer.headers.get(_CONTINUATION) or None


async def active_runs(client: DurableOrchestrationClient, orchestrator: str = ORCHESTRATOR) -> list[str]:
    """The ids of the runs of an orchestrator that wait, run or are suspended."""
    return [status.instance_id for status in await orchestrations(client, ACTIVE, orchestrator)]


async def find_orchestration(client: DurableOrchestrationClient, run_id: str) -> DurableOrchestrationStatus | None:
    """The orchestration of a run; None if there is none, or it was purged or is another orchestrator's."""
    status = await client.get_status(run_id)
    return status if status.runtime_status is not None and status.name == ORCHESTRATOR else None


async def find_lanes(client: DurableOrchestrationClient, run_id: str) -> list[DurableOrchestrationStatus]:
    """The sub-orchestrations of a run, which are numbered from 0, with their input and output."""
    lanes: list[DurableOrchestrationStatus] = []
    for number in count():
        status = await client.get_status(lane_instance(run_id, number), show_input=True)
        if status.runtime_status is None:
            return lanes
        lanes.append(status)
    raise AssertionError("unreachable")


async def wake_lanes(client: DurableOrchestrationClient, run_id: str) -> None:
    """End the waits of a run's lanes: the run was cancelled, and each of their jobs says so at once."""
    for lane in await find_lanes(client, run_id):
        if lane.runtime_status is OrchestrationRuntimeStatus.Suspended:
            await client.resume(lane.instance_id, "the run was cancelled")
        if lane.runtime_status in ACTIVE:
            await client.raise_event(lane.instance_id, LANE_CANCELLED)


async def start_orchestration(client: DurableOrchestrationClient, request: RunRequest) -> None:
    """Start the orchestration of a run."""
    with starting_run(request) as traced:
        await client.start_new(ORCHESTRATOR, request.run_id, traced.to_json())


async def start_once(client: DurableOrchestrationClient, request: RunRequest) -> bool:
    """Start a run unless there is one of its id; of many who ask at once one succeeds."""
    run_id, began = request.run_id, datetime.now(UTC)
    if not await in_thread(claim_run_id, run_id):
        return False
    try:
        if await orchestration_exists(client, run_id):
            return False
        if datetime.now(UTC) - began > STARTING_TAKES_AT_MOST:  # this process paused: another call has the claim now
            return False
        try:
            await start_orchestration(client, request)
        except Exception:
            if not await orchestration_exists(client, run_id):  # else only the answer was lost
                raise
        return True
    finally:
        await in_thread(release_run_id, run_id)


async def orchestration_exists(client: DurableOrchestrationClient, run_id: str) -> bool:
    """Whether Durable Functions or the audit table knows a run of that id."""
    status = await client.get_status(run_id)
    return status.runtime_status is not None or await in_thread(find_run, run_id) is not None
