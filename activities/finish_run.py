"""Activity `finish_run`: the fan-in. Totals of the run, its row in the audit table, nothing left open."""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import Any

from shared.audit.jobs import close_lost_jobs
from shared.audit.runs import record_run
from shared.models.run import RunOutcome
from shared.notifications.notifier import notify_of_run
from shared.planning.orders import close_orders
from shared.telemetry.spans import step_of_run

log = logging.getLogger(__name__)


def finish_run(outcome: dict[str, Any]) -> dict[str, Any]:
    """Write how the run ended. Takes the JSON form of a `RunOutcome`, returns it with the run's status."""
    run = RunOutcome.model_validate(outcome)
    with step_of_run("finish run", run.request.run_id, run.request.trace_parent):
        _finish(run)
    return {"status": run.status.value, "outcome": run.to_json()}


def _finish(run: RunOutcome) -> None:
    close_lost_jobs(run.request.run_id, run.totals.lost_jobs)
    if run.request.request_ids:
        close_orders(run.request.run_id)
    totals = run.totals.model_dump(exclude={"lost_jobs"})
    error = run.error
    record_run(
        run.request,
        run.status.value,
        {
            **totals,
            "end_time": datetime.now(timezone.utc),
            "config_sha256": run.config_version.sha256 if run.config_version else None,
            "error_kind": error.kind if error else None,
            "error_message": error.message if error else None,
        },
    )
    log.info("Run %s: %s, %s", run.request.run_id, run.status.value, totals)
    notify_of_run(run)
