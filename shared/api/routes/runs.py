"""The routes about runs: list, describe, start, cancel, retry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.activation.store import configuration_store
from shared.api.answers import Rehearsal, RunAccepted, RunList
from shared.api.http import ProblemError
from shared.api.pools import LimitedPool
from shared.api.queries import RunsQuery, continuation
from shared.audit.jobs import job_rows
from shared.audit.pages import Span, runs_of_job_page, runs_page
from shared.audit.runs import find_run, find_unindexed_run, request_cancel
from shared.audit.table import PARTITIONS, Row
from shared.errors.hierarchy import ConfigurationError
from shared.models.attempt import JobStatus
from shared.models.run import RunRequest, RunStatus
from shared.models.run_ids import MAINTENANCE_RUN, ORDERED, RUN_ID_PATTERN, SCHEDULED, new_run_id
from shared.planning.dry_run import rehearse
from shared.planning.selection import problems_of
from shared.runs.orchestrations import ACTIVE, ENDED_BADLY, find_orchestration, start_once, wake_lanes
from shared.runs.settling import settle_run, settle_runs
from shared.telemetry.invocation import in_thread

_dry_runs = LimitedPool(4, "dry runs")


async def list_runs(client: DurableOrchestrationClient, query: RunsQuery) -> RunList:
    """Answer `GET /api/runs`: the runs, the newest first."""
    if query.after is None:
        await settle_runs(client)
    return await in_thread(_runs, query)


def _runs(query: RunsQuery) -> RunList:
    span, statuses = Span(query.start, query.end), [status.value for status in query.status]
    if query.job_id:
        page = runs_of_job_page(query.job_id, span, statuses, query.limit, query.after)
    else:
        page = runs_page(span, statuses, query.limit, query.after)
    return RunList.model_validate({"runs": page.rows, "continuation": continuation(page.after)})


_RETRIED = (JobStatus.FAILED.value, JobStatus.CANCELLED.value)


async def retry_run(client: DurableOrchestrationClient, run_id: str) -> RunAccepted:
    """Answer `POST /api/runs/{run_id}/retry`: 202 as for a new run, of what failed or was cancelled in that one.

    404 if there is no such run; 409 if it is active, nothing failed, or its jobs cannot be run again.
    """
    status, row = await look_up(client, run_id)
    if _is_active(status, row):
        raise ProblemError(409, f"Run '{run_id}' is running; wait until it has ended, or cancel it.")
    if run_id.startswith(ORDERED):
        detail = f"Run '{run_id}' carried out one-off requests of the sheet Requests; upload them with new request_ids."
        raise ProblemError(409, detail)
    rows = await in_thread(lambda: list(job_rows(run_id)))
    job_ids = tuple(row["job_id"] for row in rows if row["status"] in _RETRIED)
    if not job_ids:
        raise ProblemError(409, f"No job of run '{run_id}' failed or was cancelled; there is nothing to retry.")
    now = datetime.now(UTC)
    request = RunRequest(
        run_id=new_run_id("retry", now),
        trigger="http",
        requested_at=now,
        job_ids=job_ids,
        full_refresh=bool((row or {}).get("full_refresh", False)),
        retry_of=run_id,
    )
    snapshot = await in_thread(configuration_store().refresh)
    if problems := problems_of(request, snapshot.configuration):
        raise ProblemError(409, "What failed does not fit the active workbook any more.", problems)
    return await accept(client, request)


def _unreserved(run_id: str) -> str:
    if run_id in PARTITIONS or run_id.startswith((SCHEDULED, ORDERED, MAINTENANCE_RUN)):
        raise ValueError(f"'{run_id}' is reserved")
    return run_id


def _some(names: list[str]) -> list[str]:
    if not names:
        raise ValueError("the list is empty; leave it out to run every job")
    return names


class RunBody(BaseModel):
    """The optional JSON body of `POST /api/runs`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    run_id: Annotated[str, Field(pattern=RUN_ID_PATTERN), AfterValidator(_unreserved)] | None = None
    job_ids: Annotated[list[str], AfterValidator(_some)] | None = None
    tags: Annotated[list[str], AfterValidator(_some)] | None = None
    full_refresh: bool = False
    dry_run: bool = False


async def start_requested_run(client: DurableOrchestrationClient, wanted: RunBody) -> RunAccepted | Rehearsal:
    """Answer `POST /api/runs`: 202 with run id and links, 400 with all that is wrong, 409 if it exists.

    A dry run is answered with 200 and what the run would do.
    """
    now = datetime.now(UTC)
    run_id = wanted.run_id or new_run_id("manual", now)
    request = RunRequest(
        run_id=run_id,
        trigger="http",
        requested_at=now,
        job_ids=tuple(dict.fromkeys(wanted.job_ids or ())),
        tags=tuple(dict.fromkeys(wanted.tags or ())),
        full_refresh=wanted.full_refresh,
    )
    try:
        snapshot = await in_thread(configuration_store().refresh)
    except ConfigurationError as error:
        raise ProblemError(400, "No run can be started.", [str(error)]) from None
    if problems := problems_of(request, snapshot.configuration):
        raise ProblemError(400, "The request does not fit the active workbook.", problems)
    if wanted.dry_run:
        return Rehearsal.model_validate(await _dry_runs.run(rehearse, request, snapshot))
    return await accept(client, request)


async def accept(client: DurableOrchestrationClient, request: RunRequest) -> RunAccepted:
    """Start a run that a caller has asked for; of many who ask for one id at once, one is answered 202.

    Raises:
        ProblemError: there is a run of that id.
    """
    if not await start_once(client, request):
        raise ProblemError(409, f"Run '{request.run_id}' exists already; leave run_id out to get a new one.")
    return _accepted(request.run_id)


def _accepted(run_id: str) -> RunAccepted:
    return RunAccepted(run_id=run_id, run=f"/api/runs/{run_id}")


async def look_up(
    client: DurableOrchestrationClient, run_id: str
) -> tuple[DurableOrchestrationStatus | None, Row | None]:
    """A run's orchestration and its row, which says how it ended if it has ended.

    Raises:
        ProblemError: there is no such run.
    """
    status, row = await find_orchestration(client, run_id), await in_thread(find_run, run_id)
    if row is None and (status is None or status.runtime_status not in ACTIVE):
        row = await in_thread(find_unindexed_run, run_id)
    if status is None and row is None:
        raise ProblemError(404, f"There is no run '{run_id}'.")
    is_open = row["status"] == RunStatus.RUNNING.value if row else status and status.runtime_status in ENDED_BADLY
    if is_open:
        await settle_run(client, run_id, row)
        row = await in_thread(find_run, run_id)
    return status, row


def _is_active(status: DurableOrchestrationStatus | None, row: Row | None) -> bool:
    """Whether a run is active: as its row says, or as Durable Functions says while it has none."""
    if row:
        return bool(row["status"] == RunStatus.RUNNING.value)
    return status is not None and status.runtime_status in ACTIVE


async def cancel_run(client: DurableOrchestrationClient, run_id: str) -> RunAccepted:
    """Answer `POST /api/runs/{run_id}/cancel`: 202, 404 if there is no such run, 409 if it has ended.

    A run that is suspended is resumed: it has to continue to end.
    """
    status, row = await look_up(client, run_id)
    if not _is_active(status, row):
        raise ProblemError(409, f"Run '{run_id}' has ended; there is nothing to cancel.")
    await in_thread(request_cancel, run_id)
    if status and status.runtime_status is OrchestrationRuntimeStatus.Suspended:
        await client.resume(run_id, "the run was cancelled")
    await wake_lanes(client, run_id)
    return _accepted(run_id)
