"""What a timer looks for between runs: how far jobs lag, how long no run has succeeded, and what is to be notified."""

from __future__ import annotations

import logging
from datetime import datetime, timezone

from shared.activation.store import configuration_store
from shared.audit.runs import last_success
from shared.notifications.notifier import notify_of_settings, notify_of_time
from shared.planning.overview import active_jobs
from shared.planning.triggers import trigger_problems
from shared.telemetry.metrics import record_lags

log = logging.getLogger(__name__)


def watch() -> None:
    """One tick."""
    now = datetime.now(timezone.utc)
    problems = trigger_problems()
    for sentence in problems.values():
        log.error("%s", sentence)
    notify_of_settings(problems)
    jobs = active_jobs(now)
    record_lags(jobs, now)
    _log_time_without_success(now)
    notify_of_time(jobs, now)


def _log_time_without_success(now: datetime) -> None:
    """Log what the alert no-successful-run reads; until a run succeeds, from when the workbook became active."""
    active = configuration_store().active()
    since = last_success() or (active.version.activated_at if active else None)
    if since:
        hours = (now - since).total_seconds() / 3600
        log.info("No run has succeeded for %.1f hours, since %s", hours, since.isoformat(timespec="seconds"))
