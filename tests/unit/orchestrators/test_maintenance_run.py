"""`maintenance_run` against recorded histories."""

from __future__ import annotations

from typing import Any

from orchestrators.maintenance_run import AT_ONCE, maintenance_run
from tests.unit.orchestrators.recording import START, Recording, TaskError, actions_of, input_of

MAINTENANCE = {"run_id": "maintenance-1", "started_at": START.isoformat()}


def played(job_ids: list[str]) -> tuple[Recording, dict[str, Any]]:
    def answer(action: dict[str, Any]) -> Any:
        if action["functionName"] == "plan_maintenance":
            return {"config_sha256": "0f", "job_ids": job_ids}
        job_id = input_of(action)["job_id"]
        if job_id.startswith("lost"):
            raise TaskError("the host died")
        status = "SKIPPED" if job_id.startswith("busy") else "SUCCESS"
        moment = START.isoformat()
        return {"job_id": job_id, "status": status, "started_at": moment, "ended_at": moment}

    recording = Recording(maintenance_run, MAINTENANCE)
    return recording, recording.play_to_the_end(answer)


def test_every_job_is_maintained_a_few_at_a_time() -> None:
    job_ids = [f"job_{number}" for number in range(5)] + ["busy"]
    recording, state = played(job_ids)
    assert state["output"] == {"SUCCESS": 5, "SKIPPED": 1}
    assert [input_of(action)["job_id"] for action in actions_of(state)[1:]] == job_ids
    most = max(len(actions_of(recording.play(prefix))) for prefix in list(recording.prefixes())[:2])
    assert most == 1 + AT_ONCE


def test_a_maintenance_of_nothing_ends() -> None:
    assert played([])[1]["output"] == {}


def test_what_is_lost_counts_as_failed_and_the_rest_goes_on() -> None:
    assert played(["lost", "a", "b"])[1]["output"] == {"FAILED": 2, "SUCCESS": 1}
