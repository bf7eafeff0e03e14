"""The jobs of a run that wait for their next attempt. Their rows say how the last one ended, or that it runs.

A worker that died leaves a row that says RUNNING, and an attempt that failed one that says FAILED. Only the job's lane
knows that it is tried again, and when: its custom status says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.audit.table import RUNNING, Row
from shared.models.attempt import BUSY, JobStatus
from shared.models.run import WAITING

_SURELY_RUNNING = timedelta(seconds=10)  # after its start a job's row is taken at its word: most loads are over by then


def may_wait(jobs: Iterable[Row], now: datetime | None = None) -> bool:
    """Whether the lanes of a run have to be asked: a row may be of an attempt that another one follows.

    Args:
        jobs: The job rows of a run that is active.
        now: The time, UTC.
    """
    before = (now or datetime.now(UTC)) - _SURELY_RUNNING
    return any(
        (job["status"] == RUNNING and job["start_time"] < before)
        or (job["status"] == JobStatus.FAILED.value and job.get("retryable"))
        or (job["status"] == JobStatus.SKIPPED.value and job.get("error_kind") == BUSY)
        for job in jobs
    )


def may_wait_again(job: Row) -> bool:
    """Whether a job waits, or its row is of an attempt that it may have waited after."""
    return bool(job["status"] == WAITING or job.get("retryable") or job.get("error_kind") == BUSY)


def with_waits(jobs: Iterable[Row], lanes: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """The job rows of a run, in which those that wait for their next attempt say so.

    Args:
        jobs: The rows, read before the lanes were asked.
        lanes: The custom status of each lane that is active.
    """
    waits = {wait["job_id"]: wait for lane in lanes for wait in (lane or {}).get("waiting", ())}
    return [_waiting(job, waits[job["job_id"]]) if _waits(job, waits) else dict(job) for job in jobs]


def _waits(job: Row, waits: Mapping[str, Any]) -> bool:
    return job["job_id"] in waits and job["status"] in (RUNNING, JobStatus.FAILED.value, JobStatus.SKIPPED.value)


def _waiting(job: Row, wait: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in job.items() if name not in ("stage", "end_time")}
    return said | {
        "status": WAITING,
        "reason": wait["reason"],
        "next_attempt": wait["attempt"],
        "next_attempt_at": wait["not_before"],
    }
