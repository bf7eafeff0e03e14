"""One tick of the housekeeping: every kind of thing in turn, a report in the log and in the audit table."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from azure.durable_functions import DurableOrchestrationClient, OrchestrationRuntimeStatus

from shared.activation.store import configuration_store
from shared.activation.versions import HISTORY, REFUSED
from shared.audit.runs import find_run
from shared.audit.upkeep import last_housekeeping, record_housekeeping
from shared.housekeeping.audit_rows import purge_audit_rows
from shared.housekeeping.blobs import Limits, purge_leases, purge_stamped
from shared.housekeeping.budget import Budget
from shared.identity import blob_service
from shared.runs.orchestrations import active_runs
from shared.settings import settings
from shared.telemetry.invocation import in_thread

log = logging.getLogger(__name__)

_ENDED = [
    OrchestrationRuntimeStatus.Completed,
    OrchestrationRuntimeStatus.Failed,
    OrchestrationRuntimeStatus.Terminated,
    OrchestrationRuntimeStatus.Canceled,
]
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_WINDOW = timedelta(days=1)  # what one request to the Durable extension purges
_WINDOWS_PER_TICK = 60

Report = dict[str, Any]


async def tidy_up(client: DurableOrchestrationClient, past_due: bool = False) -> None:
    """Remove what is older than the settings say. A step that fails is reported, and the others continue.

    Args:
        client: The Durable client.
        past_due: Whether the tick was missed; it is then left out unless PAST_DUE is `run`: the next one does the same.
    """
    if past_due and settings().past_due != "run":
        log.info("Housekeeping: a tick was missed while the app did not run, and is left out.")
        return
    now = datetime.now(UTC)
    running = await active_runs(client)
    report = await _purge_durable(client, now - timedelta(days=settings().durable_history_days))
    report |= await in_thread(_purge_storage, now, running)
    await in_thread(record_housekeeping, now, report)
    log.info("Housekeeping: %s", report)


async def _purge_durable(client: DurableOrchestrationClient, before: datetime) -> Report:
    """Purge window by window from where the last tick stopped, so that no request takes long."""
    purged_until = (await in_thread(last_housekeeping)).get("history_purged_until")
    deleted = 0
    for start, end in islice(_windows(purged_until, before), _WINDOWS_PER_TICK):
        try:
            deleted += (await client.purge_instance_history_by(start, end, _ENDED)).instances_deleted
        except Exception as error:
            log.exception("Housekeeping: the Durable history from %s on could not be purged", start)
            return {"histories": deleted, "history_purged_until": purged_until, "histories_error": str(error)[:500]}
        purged_until = end
    return {"histories": deleted, "history_purged_until": purged_until}


def _windows(start: datetime | None, before: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Spans of time up to `before`; without a start the first of them takes all that is very old."""
    if start is None:
        start = before - _WINDOW * _WINDOWS_PER_TICK
        yield _BEGINNING, start
    while start < before:
        end = min(start + _WINDOW, before)
        yield start, end
        start = end


def _purge_storage(now: datetime, running: Collection[str]) -> Report:
    wanted = settings()
    container = blob_service("ConfigStorage").get_container_client(wanted.config_container)
    active = configuration_store().active()
    budget = Budget(wanted.housekeeping_limit)

    def ago(days: int) -> datetime:
        return now - timedelta(days=days)

    def leases() -> int:
        job_ids = {job.job_id for job in active.configuration.jobs} if active else set()
        return purge_leases(container, job_ids, budget) if active else 0

    def refused_uploads() -> int:
        limits = Limits(ago(wanted.refused_upload_days), wanted.workbook_versions)
        return purge_stamped(container, REFUSED, limits, budget)

    def workbook_versions() -> int:
        in_use = {str((find_run(run_id) or {}).get("config_sha256")) for run_id in running}
        in_use |= {active.version.sha256} if active else set()
        limits = Limits(ago(wanted.workbook_history_days), wanted.workbook_versions)
        return purge_stamped(container, HISTORY, limits, budget, in_use)

    def audit_rows() -> int:
        return purge_audit_rows(ago(wanted.audit_days), running, budget)

    report: Report = {}
    for step in (leases, refused_uploads, workbook_versions, audit_rows):
        report |= _reported(step)
    return report | {"complete": budget.left > 0}


def _reported(step: Callable[[], int]) -> Report:
    try:
        return {step.__name__: step()}
    except Exception as error:
        log.exception("Housekeeping: %s could not be removed", step.__name__)
        return {f"{step.__name__}_error": str(error)[:500]}
