"""Activity `finish_run`: the fan-in. Totals of the run, its row in the audit table, nothing left open."""

from __future__ import annotations

from typing import Any

from shared.models.run import RunOutcome
from shared.runs.closing import close_run
from shared.telemetry.spans import step_of_run


def finish_run(outcome: dict[str, Any]) -> dict[str, Any]:
    """Write how the run ended. Takes the JSON form of a `RunOutcome`, returns it with the run's status."""
    run = RunOutcome.model_validate(outcome)
    with step_of_run("finish run", run.request.run_id, run.request.trace_parent):
        run = close_run(run)
    return {"status": run.status.value, "outcome": run.to_json()}
