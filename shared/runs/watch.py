"""What a timer looks after between runs: what got lost is found, and what should have happened is missed.

Each step is independent: an error of one is logged, and the others continue.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from azure.durable_functions import DurableOrchestrationClient

from shared.activation.store import configuration_store
from shared.audit.runs import last_success
from shared.notifications.notifier import notify_of_settings, notify_of_time
from shared.planning.overview import active_jobs
from shared.planning.triggers import trigger_problems
from shared.runs.late_loads import record_late_loads
from shared.runs.settling import settle_runs, settle_unrecorded
from shared.runs.start import start_waiting_requests
from shared.runs.uploads import take_in_missed_uploads
from shared.telemetry.invocation import in_thread
from shared.telemetry.metrics import record_lags

log = logging.getLogger(__name__)

TRIGGER_HAS = timedelta(minutes=2)  # to handle an upload, before the watch does it


async def watch_over(client: DurableOrchestrationClient) -> None:
    """One tick."""
    now = datetime.now(UTC)

    async def uploads() -> None:
        await in_thread(take_in_missed_uploads)

    async def orders() -> None:
        active = await in_thread(configuration_store().active)
        if active and now - active.version.activated_at > TRIGGER_HAS:
            await start_waiting_requests(client, now)

    async def settings() -> None:
        await in_thread(_look_at_settings)

    async def jobs() -> None:
        await in_thread(look_at_jobs, now)

    async def late_loads() -> None:
        await in_thread(record_late_loads)

    async def runs() -> None:
        await settle_runs(client)

    async def unrecorded() -> None:
        await settle_unrecorded(client)

    for step in (uploads, runs, unrecorded, late_loads, orders, settings, jobs):
        await _guarded(step)


async def _guarded(step: Callable[[], Awaitable[None]]) -> None:
    try:
        await step()
    except Exception:
        log.exception("The watch could not do a step of its work; the next tick does it")


def _look_at_settings() -> None:
    problems = trigger_problems()
    for sentence in problems.values():
        log.error("%s", sentence)
    notify_of_settings(problems)


def look_at_jobs(now: datetime) -> None:
    """Measure how far the lake is from its sources, and notify of jobs that are overdue.

    Args:
        now: The time, UTC.
    """
    record_lags(active_jobs(now), now)
    _log_time_without_success(now)
    notify_of_time(partial(active_jobs, now), now)


def _log_time_without_success(now: datetime) -> None:
    """Log what the alert no-successful-run reads; until a run succeeds, from when the workbook became active."""
    active = configuration_store().active()
    since = last_success() or (active.version.activated_at if active else None)
    if since:
        hours = (now - since).total_seconds() / 3600
        log.info("No run has succeeded for %.1f hours, since %s", hours, since.isoformat(timespec="seconds"))
