"""The route that says where the time of a run went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from azure.durable_functions import DurableOrchestrationClient

from shared.api.routes.runs import look_up
from shared.api.timeline_answers import JobCost, RunTimeline, TimelineSpan
from shared.audit.followed import followed_run
from shared.audit.table import Row
from shared.host_settings import activities_at_once
from shared.runs.current import with_their_waits
from shared.runs.orchestrations import ACTIVE
from shared.runs.timeline import instance_seconds, timeline
from shared.settings import settings
from shared.telemetry.invocation import in_thread


async def describe_timeline(client: DurableOrchestrationClient, run_id: str) -> RunTimeline:
    """Answer `GET /api/runs/{run_id}/timeline`: 404 if there is no such run."""
    status, run = await look_up(client, run_id)
    rows = await in_thread(followed_run, run_id)
    jobs: Sequence[Row] = list(rows.by_key.values())
    if status and status.runtime_status in ACTIVE:
        jobs = await with_their_waits(client, run_id, jobs)
    return described(run_id, run, jobs, datetime.now(UTC))


def described(run_id: str, run: Row | None, jobs: Sequence[Row], now: datetime) -> RunTimeline:
    """The timeline of a run.

    Args:
        run_id: The run.
        run: Its row, None if it has none yet.
        jobs: The rows of its jobs.
        now: The time, UTC.
    """
    run = run or {}
    began, ended = run.get("start_time"), run.get("end_time")
    spans = timeline(jobs, began, ended or now) if began else []
    seconds = instance_seconds(spans, activities_at_once())
    total = sum(seconds.values())
    return RunTimeline(
        run_id=run_id,
        start_time=began,
        end_time=ended,
        spans=[TimelineSpan.model_validate(asdict(span)) for span in spans],
        instance_seconds=round(total, 1),
        price=_price(total),
        currency=settings().price_currency,
        jobs=[
            JobCost(job_id=job_id, instance_seconds=round(one, 1), price=_price(one))
            for job_id, one in sorted(seconds.items())
        ],
    )


def _price(seconds: float) -> float | None:
    per_hour = settings().instance_hour_price
    return round(seconds / 3600 * per_hour, 6) if per_hour else None
