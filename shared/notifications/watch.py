"""What a timer looks for between runs: how far jobs are behind, and what somebody has to be told."""

from __future__ import annotations

from datetime import datetime, timezone

from shared.notifications.notifier import notify_of_time
from shared.planning.overview import active_jobs
from shared.telemetry.metrics import record_lags


def watch() -> None:
    """One tick."""
    now = datetime.now(timezone.utc)
    jobs = active_jobs(now)
    record_lags(jobs, now)
    notify_of_time(jobs, now)
