"""What the orchestrators are given, valid by default, in the JSON form that a history has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.models.attempt import JobError, JobResult, JobStatus
from shared.models.run import ConfigVersion, JobOptions, Lane, LaneOrder, RunPlan, RunRequest
from tests.unit.orchestrators.recording import START

REQUEST = RunRequest(run_id="run-1", trigger="http", requested_at=START)
VERSION = ConfigVersion(sha256="0f" * 32, etag="0x1", activated_at=START)
TRANSIENT = ("transient", "deadline", "crash", "activity", "lease_lost", "still_held")


def a_lane_order(
    *jobs: str,
    max_attempts: int = 3,
    retry_seconds: int = 30,
    options: Mapping[str, JobOptions] | None = None,
    request_ids: tuple[str, ...] = (),
    full_refresh: bool = False,
    waits_until: datetime | None = None,
) -> dict[str, Any]:
    """The input of a lane."""
    return LaneOrder(
        lane=Lane(source_name="shop_pg", job_ids=jobs, options=dict(options or {})),
        request=REQUEST.model_copy(update={"request_ids": request_ids, "full_refresh": full_refresh}),
        config_sha256=VERSION.sha256,
        max_attempts=max_attempts,
        retry_seconds=retry_seconds,
        waits_until=waits_until,
    ).to_json()


def a_result(
    job_id: str,
    attempt: int = 1,
    status: JobStatus | None = None,
    kind: str | None = None,
    held_by: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """What `load_job` returns: a success, or a failure of a kind."""
    return JobResult(
        run_id="run-1",
        job_id=job_id,
        attempt=attempt,
        status=status or (JobStatus.FAILED if kind else JobStatus.SUCCESS),
        started_at=START,
        ended_at=START,
        error=JobError(kind=kind, message="It broke.", retryable=kind in TRANSIENT, held_by=held_by) if kind else None,
        **fields,
    ).to_json()


def a_plan(*lanes: tuple[str, ...], error: JobError | None = None, **fields: Any) -> dict[str, Any]:
    """What `plan_run` returns: lanes of jobs, or the reason why there are none."""
    return RunPlan(
        request=REQUEST,
        config_version=None if error else VERSION,
        lanes=tuple(Lane(source_name=f"source_{number}", job_ids=jobs) for number, jobs in enumerate(lanes)),
        max_attempts=3,
        retry_seconds=30,
        error=error,
        **fields,
    ).to_json()
