"""What runs now of every job, or waits to be tried again, over all runs that are active."""

from __future__ import annotations

from collections.abc import Sequence

from azure.durable_functions import DurableOrchestrationClient

from shared.audit.jobs import open_job_rows
from shared.audit.runs import running_runs
from shared.audit.table import RUNNING, Row
from shared.models.run import WAITING
from shared.runs.orchestrations import ACTIVE, find_lanes
from shared.runs.waiting import may_wait, with_waits
from shared.telemetry.invocation import in_thread


async def current_attempts(client: DurableOrchestrationClient) -> list[Row]:
    """The attempts that run or are waited for, with the run of each, ordered by run and job."""
    found = await in_thread(lambda: [(run["run_id"], list(open_job_rows(run["run_id"]))) for run in running_runs()])
    return [row for run_id, rows in found for row in await with_their_waits(client, run_id, rows) if is_current(row)]


async def with_their_waits(client: DurableOrchestrationClient, run_id: str, rows: Sequence[Row]) -> Sequence[Row]:
    """The job rows of an active run, in which those that wait for their next attempt say so.

    Args:
        client: The Durable client.
        run_id: The run.
        rows: Its job rows, or those of them that may be current.
    """
    if not may_wait(rows):
        return rows
    lanes = await find_lanes(client, run_id)
    return with_waits(rows, [lane.custom_status for lane in lanes if lane.runtime_status in ACTIVE])


def is_current(row: Row) -> bool:
    """Whether a job runs or waits, as its row says."""
    return row["status"] in (RUNNING, WAITING)
