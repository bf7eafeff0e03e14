"""Runs whose orchestration has ended although their row says that they run: looked for, and closed with what is known.

A worker may die in the last step for longer than a run is patient, an orchestration may be terminated from outside, may
meet other code than it began with, or be purged. The watch and every request that reads a run look for this,
so that all views say the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.activation.store import configuration_store
from shared.audit.jobs import job_rows
from shared.audit.runs import cancel_requested_at, find_run, read_again, record_stage, request_cancel, running_runs
from shared.audit.table import RUNNING, Row
from shared.models.attempt import JobError
from shared.models.run import ConfigVersion, LaneOrder, RunOutcome, RunRequest, RunStatus, Totals
from shared.planning.one_off_requests import started_requests
from shared.runs.closing import close_run
from shared.runs.orchestrations import (
    ACTIVE,
    ENDED_BADLY,
    find_lanes,
    find_orchestration,
    orchestrations,
    wake_lanes,
)
from shared.runs.replacing import is_of_another_version, planned_jobs, replace_run, was_ended_by_a_deployment
from shared.telemetry.invocation import in_thread

log = logging.getLogger(__name__)

UNRECORDED_FOR = timedelta(days=7)  # how far back the watch looks for runs that never got a row
LOADS_END_WITHIN = timedelta(minutes=2)  # after a cancel, unless their process is gone
SUSPENDED = "suspended"


async def settle_runs(client: DurableOrchestrationClient) -> None:
    """Look at every run that the audit table takes for running, and close those that have ended."""
    rows = await in_thread(lambda: list(running_runs()))
    await asyncio.gather(*(settle_run(client, row["run_id"], row) for row in rows))


async def settle_unrecorded(client: DurableOrchestrationClient) -> None:
    """Close runs that broke before they could be recorded, and those whose one-off requests still say STARTED."""
    since = datetime.now(UTC) - UNRECORDED_FOR
    broken = {status.instance_id for status in await orchestrations(client, ENDED_BADLY, since=since)}
    claimed_by = {order["run_id"] for order in await in_thread(started_requests)}
    for run_id in sorted(broken | claimed_by):
        row = await in_thread(find_run, run_id)
        if row is None or run_id in claimed_by:
            await settle_run(client, run_id, row)


async def settle_run(client: DurableOrchestrationClient, run_id: str, row: Row | None) -> None:
    """Close one run if its orchestration has ended; otherwise note whether it is suspended.

    Args:
        client: The Durable client.
        run_id: The run.
        row: Its row of the audit table, None if it has none.
    """
    status = await find_orchestration(client, run_id)
    if status and status.runtime_status in ACTIVE:
        if row:
            await _note_suspension(run_id, row, status)
            if is_of_another_version(row) and not await in_thread(_loads_go_on, run_id):
                await wake_lanes(client, run_id)  # they would end at their next step, and may wait for hours until then
        return
    if row and row["status"] == RunStatus.RUNNING.value:
        row = await in_thread(read_again, row)
        if row["status"] != RunStatus.RUNNING.value:  # it ended in the meantime
            return
    request = await _request(client, run_id, row, status)
    if request is None:  # an orchestration of another kind, as Durable's restart leaves one
        return
    lanes = await find_lanes(client, run_id)
    if await _is_still_ending(client, run_id, status, lanes):
        return
    if was_ended_by_a_deployment(status):
        outcome = await _replaced(client, request, row, lanes)
    else:
        outcome = await in_thread(_outcome, request, row, status, lanes)
    log.warning("Run %s ended without its last step; it is closed as %s.", run_id, outcome.status.value)
    await in_thread(close_run, outcome)


async def _note_suspension(run_id: str, row: Row, status: DurableOrchestrationStatus) -> None:
    is_suspended = status.runtime_status is OrchestrationRuntimeStatus.Suspended
    if is_suspended != (row.get("stage") == SUSPENDED):
        await in_thread(record_stage, run_id, row["RowKey"], SUSPENDED if is_suspended else "loading")


async def _replaced(
    client: DurableOrchestrationClient,
    request: RunRequest,
    row: Row | None,
    lanes: Sequence[DurableOrchestrationStatus],
) -> RunOutcome:
    """How a run ended that a deployment has ended, after another one was started in its place."""
    given = await _given(client, request.run_id) or request
    planned = planned_jobs(lanes)
    return RunOutcome(
        request=request,
        config_version=await in_thread(_version, row),
        totals=Totals(jobs_total=max(int((row or {}).get("jobs_total", 0)), len(planned))),
        error=await replace_run(client, given, planned),
        broken_jobs=planned,
        was_terminated=True,
    )


async def _given(client: DurableOrchestrationClient, run_id: str) -> RunRequest | None:
    """What a run was started with; None if it is another run's input, as Durable's restart leaves it."""
    given = (await client.get_status(run_id, show_input=True)).input_
    request = RunRequest.model_validate(_decoded(given))
    return request if request.run_id == run_id else None


async def _request(
    client: DurableOrchestrationClient, run_id: str, row: Row | None, status: DurableOrchestrationStatus | None
) -> RunRequest | None:
    if row:
        return RunRequest(
            run_id=run_id,
            trigger=row["trigger"],
            requested_at=row["start_time"],
            full_refresh=bool(row.get("full_refresh")),
            retry_of=row.get("retry_of"),
            reason=row.get("reason"),
        )
    if status is None:
        return None
    return await _given(client, run_id)


async def _is_still_ending(
    client: DurableOrchestrationClient,
    run_id: str,
    status: DurableOrchestrationStatus | None,
    lanes: Sequence[DurableOrchestrationStatus],
) -> bool:
    """Whether lanes or loads of the run continue. Those of a run that was terminated or purged are cancelled first."""
    if status and status.runtime_status is OrchestrationRuntimeStatus.Completed:
        return False
    lanes_go_on = any(lane.runtime_status in ACTIVE for lane in lanes)
    was_terminated = status.runtime_status is not OrchestrationRuntimeStatus.Failed if status else lanes_go_on
    cancelled_at = await in_thread(cancel_requested_at, run_id)
    if was_terminated and cancelled_at is None and (lanes_go_on or await in_thread(_loads_go_on, run_id)):
        cancelled_at = datetime.now(UTC)
        await in_thread(request_cancel, run_id)
        await wake_lanes(client, run_id)
    if lanes_go_on:
        return True
    if cancelled_at is None or datetime.now(UTC) - cancelled_at > LOADS_END_WITHIN:
        return False
    return await in_thread(_loads_go_on, run_id)


def _loads_go_on(run_id: str) -> bool:
    return any(row["status"] == RUNNING for row in job_rows(run_id))


def _outcome(
    request: RunRequest,
    row: Row | None,
    status: DurableOrchestrationStatus | None,
    lanes: Sequence[DurableOrchestrationStatus],
) -> RunOutcome:
    """How a run ended whose last step did not write it."""
    runtime = status.runtime_status if status else None
    if status and runtime is OrchestrationRuntimeStatus.Completed and isinstance(status.output, Mapping):
        return RunOutcome.model_validate(status.output["outcome"])
    totals = Totals()
    jobs: list[str] = []
    for lane in lanes:
        order = LaneOrder.model_validate(_decoded(lane.input_))
        jobs += order.lane.job_ids
        if lane.runtime_status is OrchestrationRuntimeStatus.Completed:
            totals += Totals.model_validate(_decoded(lane.output))
    planned = max(int((row or {}).get("jobs_total", 0)), len(jobs))
    return RunOutcome(
        request=request,
        config_version=_version(row),
        totals=totals.model_copy(update={"jobs_total": planned}),
        error=None if runtime in _TERMINATED else _error(status),
        broken_jobs=tuple(jobs),
        was_terminated=runtime in _TERMINATED,
    )


_TERMINATED = (OrchestrationRuntimeStatus.Terminated, OrchestrationRuntimeStatus.Canceled)


def _error(status: DurableOrchestrationStatus | None) -> JobError:
    if status is None:
        return JobError(kind="orchestration", message="The run's orchestration is gone from Durable Functions.")
    reason = str(status.output or "no reason is known").partition("\n")[0][:500]
    return JobError(kind="orchestration", message=f"The run's orchestration failed: {reason}")


def _version(row: Row | None) -> ConfigVersion | None:
    """The version of the workbook that the run was planned from, as far as its jobs need it."""
    sha256 = (row or {}).get("config_sha256")
    if not sha256:
        return None
    active = configuration_store().active()
    if active and active.version.sha256 == sha256:
        return active.version
    return ConfigVersion(sha256=sha256, etag="", activated_at=row["start_time"] if row else datetime.now(UTC))


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
