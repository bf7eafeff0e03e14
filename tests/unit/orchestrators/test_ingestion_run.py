"""The run's orchestrator, played by the SDK against recorded histories."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrators.ingestion_run import ingestion_run
from orchestrators.source_lane import source_lane
from shared.models.attempt import JobError
from shared.models.run import RunOutcome, RunPlan, RunStatus, Totals
from tests.unit.orchestrators.recording import (
    CHILD_COMPLETED,
    CHILD_FAILED,
    Action,
    Recording,
    TaskError,
    actions_of,
    input_of,
)
from tests.unit.orchestrators.shapes import REQUEST, VERSION, a_lane_order, a_plan


def finished(action: Action) -> dict[str, Any]:
    """What `finish_run` returns."""
    outcome = RunOutcome.model_validate(input_of(action))
    return {"status": outcome.status.value, "outcome": outcome.to_json()}


def play(plan: dict[str, Any], lane: Any = None) -> tuple[dict[str, Any], list[Action]]:
    """The state at the end of a run, and the actions on the way; `lane` answers its sub-orchestrations."""
    answers = {"plan_run": lambda _: plan, "source_lane": lane, "finish_run": finished}
    recording = Recording(ingestion_run, REQUEST.to_json())
    state = recording.play_to_the_end(lambda action: answers[action["functionName"]](action))
    return state, actions_of(state)


def names(actions: list[Action]) -> list[str]:
    return [action["functionName"] for action in actions]


def all_succeed(action: Action) -> dict[str, Any]:
    jobs = len(input_of(action)["lane"]["job_ids"])
    return Totals(jobs_total=jobs, jobs_succeeded=jobs, rows_written=10 * jobs).to_json()


def test_a_run_plans_loads_all_lanes_at_once_and_finishes() -> None:
    recording = Recording(ingestion_run, REQUEST.to_json())
    state = recording.play()
    assert names(actions_of(state)) == ["plan_run"]
    assert input_of(actions_of(state)[0]) == REQUEST.to_json()
    assert state["customStatus"] == {"stage": "planning"}

    recording.completed(0, a_plan(("a", "b"), ("c",)))
    state = recording.play()
    _, *lanes = actions_of(state)
    assert [(lane["functionName"], lane["instanceId"]) for lane in lanes] == [
        ("source_lane", "run-1:lane-0"),
        ("source_lane", "run-1:lane-1"),
    ]
    assert [input_of(lane)["lane"]["job_ids"] for lane in lanes] == [["a", "b"], ["c"]]
    assert {input_of(lane)["config_sha256"] for lane in lanes} == {VERSION.sha256}
    loading = {"stage": "loading", "jobs_total": 3, "jobs_done": 0, "jobs_failed": 0, "rows": 0}
    assert state["customStatus"] == loading

    recording.completed(2, all_succeed(lanes[1]), CHILD_COMPLETED)
    assert len(actions_of(recording.play())) == 3
    recording.completed(1, all_succeed(lanes[0]), CHILD_COMPLETED)
    state = recording.play()
    assert names(actions_of(state)) == ["plan_run", "source_lane", "source_lane", "finish_run"]
    outcome = RunOutcome.model_validate(input_of(actions_of(state)[-1]))
    assert outcome.totals == Totals(jobs_total=3, jobs_succeeded=3, rows_written=30)
    assert (state["customStatus"]["stage"], state["customStatus"]["rows"]) == ("finishing", 30)

    recording.completed(3, finished(actions_of(state)[-1]))
    state = recording.play()
    assert state["isDone"]
    assert state["output"]["status"] == "SUCCEEDED"
    assert state["customStatus"] == {"stage": "finished", "jobs_total": 3, "jobs_done": 3, "jobs_failed": 0, "rows": 30}


def test_a_run_that_cannot_be_planned_is_finished_as_failed() -> None:
    state, actions = play(a_plan(error=JobError(kind="configuration", message="No workbook.")))
    assert names(actions) == ["plan_run", "finish_run"]
    assert state["output"]["status"] == "FAILED"
    assert state["output"]["outcome"]["error"]["message"] == "No workbook."


def test_a_run_without_jobs_says_that_nothing_ran() -> None:
    state, actions = play(a_plan())
    assert names(actions) == ["plan_run", "finish_run"]
    assert state["output"]["status"] == "SKIPPED"
    assert state["customStatus"] == {"stage": "finished", "jobs_total": 0, "jobs_done": 0, "jobs_failed": 0, "rows": 0}


def test_a_run_with_some_failed_jobs_has_partly_failed() -> None:
    state, _ = play(a_plan(("a", "b")), lambda _: Totals(jobs_total=2, jobs_succeeded=1, jobs_failed=1).to_json())
    assert state["output"]["status"] == "PARTLY_FAILED"
    assert state["customStatus"]["jobs_failed"] == 1


@pytest.mark.parametrize("broken_first", [True, False])
def test_the_other_lanes_of_one_that_breaks_go_on_and_count(broken_first: bool) -> None:
    recording = Recording(ingestion_run, REQUEST.to_json())
    recording.completed(0, a_plan(("a",), ("b", "c"), ("d",)))

    def let_it_break() -> None:
        recording.failed(2, "The lane is gone.", CHILD_FAILED)

    def let_one_succeed(number: int) -> None:
        good = Totals(jobs_total=1, jobs_succeeded=1, rows_written=7, bytes_written=70)
        recording.completed(1 + number, good.to_json(), CHILD_COMPLETED)

    if broken_first:
        let_it_break()
        assert names(actions_of(recording.play())).count("finish_run") == 0
    let_one_succeed(0)
    if not broken_first:
        let_it_break()
    let_one_succeed(2)
    state = recording.play()
    outcome = RunOutcome.model_validate(input_of(actions_of(state)[-1]))
    assert outcome.error is not None
    assert outcome.error.kind == "lane"
    assert "The lane is gone." in outcome.error.message
    assert outcome.broken_jobs == ("b", "c")
    assert outcome.totals == Totals(jobs_total=4, jobs_succeeded=2, rows_written=14, bytes_written=140)
    assert outcome.status.value == "FAILED"
    final = actions_of(state)
    assert names(final) == ["plan_run", "source_lane", "source_lane", "source_lane", "finish_run"]
    for history in recording.prefixes():
        so_far = actions_of(recording.play(history))
        assert so_far == final[: len(so_far)]


def test_all_lanes_that_break_let_the_run_end_as_failed() -> None:
    def breaks(_: Action) -> dict[str, Any]:
        raise TaskError("Out of memory.")

    state, actions = play(a_plan(("a",)), breaks)
    assert names(actions) == ["plan_run", "source_lane", "finish_run"]
    assert state["output"]["status"] == "FAILED"


def test_jobs_that_could_not_be_planned_count_as_failed() -> None:
    _, actions = play(a_plan(("a",), failed={"all_tables": "The source cannot be reached."}), all_succeed)
    outcome = RunOutcome.model_validate(input_of(actions[-1]))
    assert outcome.totals == Totals(jobs_total=2, jobs_succeeded=1, jobs_failed=1, rows_written=10)
    assert outcome.status is RunStatus.PARTLY_FAILED


def test_orders_that_have_to_wait_for_others_get_a_run_after_this_one() -> None:
    recording = Recording(ingestion_run, REQUEST.to_json())
    recording.play()
    recording.completed(0, a_plan(later_request_ids=("second",)))
    (_, finish) = actions_of(recording.play())
    recording.completed(1, finished(finish))
    state = recording.play()
    (_, _, following) = actions_of(state)
    assert (following["functionName"], following["instanceId"]) == ("ingestion_run", "run-1-next")
    assert input_of(following) == REQUEST.to_json() | {"run_id": "run-1-next", "request_ids": ["second"]}
    assert not state["isDone"]


def test_a_start_that_came_after_the_run_had_ended_does_nothing() -> None:
    recording = Recording(ingestion_run, REQUEST.to_json())
    recording.play()
    recording.completed(0, RunPlan(request=REQUEST, is_of_another_start=True).to_json())
    with pytest.raises(Exception, match="Run 'run-1' was started before") as refused:
        recording.play()
    state = json.loads(str(refused.value).partition("$OutOfProcData$:")[2])
    assert names(actions_of(state)) == ["plan_run"]


@pytest.mark.parametrize(
    ("orchestrator", "input_", "instance_id"),
    [
        (ingestion_run, REQUEST.to_json(), "4b0f8f4b4f0b4f3c9f0e5d7a1c2b3a49"),
        (ingestion_run, REQUEST.to_json(), "run-1-next"),
        (source_lane, a_lane_order("a"), "4b0f8f4b4f0b4f3c9f0e5d7a1c2b3a49"),
        (source_lane, a_lane_order("a"), "run-10:lane-0"),
    ],
)
def test_an_orchestration_with_the_input_of_another_one_does_nothing(
    orchestrator: Any, input_: dict[str, Any], instance_id: str
) -> None:
    """Durable's restart gives the old input to a new instance."""
    with pytest.raises(Exception, match="has the input of run 'run-1' and does nothing") as refused:
        Recording(orchestrator, input_, instance_id).play()
    state = json.loads(str(refused.value).partition("$OutOfProcData$:")[2])
    assert state["actions"] == [[]]
