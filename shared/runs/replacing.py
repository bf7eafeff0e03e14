"""Runs that a deployment has ended: the orchestrators are others now, and another run loads what is missing.

The replacement has an id that follows from the run's, so it starts once however often this is tried. The one-off
requests of the run become the replacement's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.audit.jobs import job_rows
from shared.audit.table import Row
from shared.models.attempt import JobError, JobStatus
from shared.models.run import ORCHESTRATORS_VERSION, RunRequest
from shared.planning.one_off_requests import hand_over_requests
from shared.runs.orchestrations import start_once
from shared.telemetry.invocation import in_thread

_SIGNS = ("orchestrators, and the app has version", "Non-Deterministic workflow detected")
"""What OtherVersionError says, and what Durable says instead if the history shows the difference first."""

_DONE = (JobStatus.SUCCESS.value, JobStatus.SKIPPED.value)


def was_ended_by_a_deployment(status: DurableOrchestrationStatus | None) -> bool:
    """Whether an orchestration has failed because it met other code than it began with."""
    if status is None or status.runtime_status is not OrchestrationRuntimeStatus.Failed:
        return False
    return any(sign in str(status.output) for sign in _SIGNS)


def is_of_another_version(row: Row) -> bool:
    """Whether a run began under other orchestrators than those that are deployed now."""
    return bool(row.get("orchestrators_version", "") != ORCHESTRATORS_VERSION)


def planned_jobs(lanes: Sequence[DurableOrchestrationStatus]) -> tuple[str, ...]:
    """The jobs of lanes by their inputs, whose shape may be another version's."""
    return tuple(job_id for lane in lanes for job_id in _decoded(lane.input_)["lane"]["job_ids"])


async def replace_run(client: DurableOrchestrationClient, request: RunRequest, planned: Sequence[str]) -> JobError:
    """Start a run of what another one has left; may be done again. Returns what to write into the row of that one.

    Args:
        client: The Durable client.
        request: What the run was started with.
        planned: The jobs of its lanes, begun or not; none if it was not planned yet.
    """
    run_id = f"{request.run_id}-again"
    wanted: dict[str, Any] = {
        "run_id": run_id,
        "requested_at": datetime.now(UTC),
        "reason": f"A deployment has ended run {request.run_id}; this run loads what is missing.",
    }
    if request.request_ids:
        wanted["request_ids"] = await in_thread(hand_over_requests, request.run_id, run_id)
    elif planned:  # they were due then, and are no longer
        wanted |= {"job_ids": await in_thread(_missing, request.run_id, planned), "tags": (), "trigger": "http"}
        wanted["retry_of"] = request.run_id
    message = f"A deployment with other orchestrators has ended the run. Run {run_id} loads what is missing."
    if wanted.get("request_ids", wanted.get("job_ids")) == ():
        message = "A deployment with other orchestrators has ended the run after its last job."
    else:
        await start_once(client, request.model_copy(update=wanted))
    return JobError(kind="deployment", message=message)


def _missing(run_id: str, planned: Sequence[str]) -> tuple[str, ...]:
    statuses = {row["job_id"]: row["status"] for row in job_rows(run_id)}
    return tuple(job_id for job_id in planned if statuses.get(job_id) not in _DONE)


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
