"""The route that describes one run and its jobs, in pages or as what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

from shared.api.answers import RunDescription
from shared.api.queries import RunQuery
from shared.api.routes.runs import look_up
from shared.api.tokens import RunAsOf, RunPage, cut
from shared.audit.followed import Rows, followed_run
from shared.audit.properties import without_keys
from shared.audit.table import Row
from shared.models.run import RunStatus
from shared.runs.current import is_current, with_their_waits
from shared.runs.orchestrations import ACTIVE, ENDED_BADLY
from shared.runs.settling import SUSPENDED
from shared.runs.waiting import may_wait_again
from shared.telemetry.invocation import in_thread

WAITING_FOR_A_SLOT = "waiting for a slot"
"""The stage of a run whose plan waits until an instance has a slot for it, as the loads of other runs may have all."""


async def describe_run(client: DurableOrchestrationClient, run_id: str, query: RunQuery) -> RunDescription:
    """Answer `GET /api/runs/{run_id}`: status, progress and the results of its jobs; 404 if there is no such run.

    Args:
        client: The Durable client.
        run_id: The run.
        query: Which of its jobs; the progress counts all.
    """
    status, row = await look_up(client, run_id)
    rows = await in_thread(followed_run, run_id)
    jobs: Sequence[Row] = [without_keys(job, "run_id") for job in rows.by_key.values()]
    if status and status.runtime_status in ACTIVE:
        jobs = await with_their_waits(client, run_id, jobs)
    return RunDescription.model_validate(describe(run_id, status, row, jobs) | _page(query, jobs, rows))


def _page(query: RunQuery, jobs: Sequence[Row], rows: Rows) -> dict[str, Any]:
    """The jobs that a query wants, and how to get the next ones and the next changes."""
    since = query.page.since if query.page else query.since
    as_of = query.page.as_of if query.page else RunAsOf(rows=rows.as_of)
    wanted: Iterable[Row] = jobs
    if since:  # a job begins to wait, and ends to, without a change of its row
        written = rows.changed_since(since.rows)
        wanted = (job for job in wanted if job["job_id"] in written or may_wait_again(job))
    if query.job_status:
        wanted = (job for job in wanted if job["status"] in query.job_status)
    if query.page:
        wanted = (job for job in wanted if job["job_id"] > query.page.after)
    shown, has_more = cut(wanted, query.limit)
    following = RunPage(after=shown[-1]["job_id"], as_of=as_of, since=since).encode() if has_more else None
    return {"jobs": shown, "continuation": following, "as_of": as_of.encode()}


def describe(
    run_id: str, status: DurableOrchestrationStatus | None, row: Row | None, jobs: Sequence[Row]
) -> dict[str, Any]:
    """What `GET /api/runs/{run_id}` shows of a run beside its jobs.

    Args:
        run_id: The run.
        status: Its orchestration, as Durable Functions knows it.
        row: Its row in the audit table.
        jobs: All its jobs: their rows, in which those that wait say so.
    """
    row = row or {}
    total = int(row.get("jobs_total", len(jobs)))
    ended = [job for job in jobs if not is_current(job)]
    return {
        "run_id": run_id,
        "status": _status(status, row).value,
        "stage": _stage(status, row),
        "trigger": row.get("trigger"),
        "reason": row.get("reason"),
        "start_time": row.get("start_time"),
        "end_time": row.get("end_time"),
        "config_sha256": row.get("config_sha256"),
        "error": row.get("error_message") or (None if row.get("end_time") else _reason_of_failure(status)),
        "progress": {
            "jobs_total": total,
            "jobs_done": len(ended),
            "jobs_failed": sum(job["status"] == "FAILED" for job in ended),
            "rows": sum(job.get("rows_written", 0) for job in ended),
        },
    }


def _status(status: DurableOrchestrationStatus | None, row: Mapping[str, Any]) -> RunStatus:
    """What the row says; a run that has no row yet counts as running."""
    if not row and status and status.runtime_status in ENDED_BADLY:  # it did nothing, as after Durable's restart
        was_failure = status.runtime_status is OrchestrationRuntimeStatus.Failed
        return RunStatus.FAILED if was_failure else RunStatus.CANCELLED
    return RunStatus(row.get("status", RunStatus.RUNNING.value))


def _reason_of_failure(status: DurableOrchestrationStatus | None) -> str | None:
    if status is None or status.runtime_status is not OrchestrationRuntimeStatus.Failed:
        return None
    return str(status.output).partition("\n")[0][:500]


def _stage(status: DurableOrchestrationStatus | None, row: Mapping[str, Any]) -> str | None:
    if row.get("end_time") or status is None:
        return "finished"
    if status.runtime_status is OrchestrationRuntimeStatus.Suspended:
        return SUSPENDED
    if status.runtime_status in ENDED_BADLY:
        return "ending"
    stage = (status.custom_status or {}).get("stage") or row.get("stage")
    return WAITING_FOR_A_SLOT if stage == "planning" and not row else stage
