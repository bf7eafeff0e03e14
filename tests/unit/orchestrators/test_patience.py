"""Planning and finishing are tried for minutes: the worker may die in them, and the app's storage may refuse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orchestrators.ingestion_run import TO_FINISH, TO_PLAN, ingestion_run
from orchestrators.patience import LONGEST, SHORTEST, waits
from shared.models.attempt import JobError
from tests.unit.orchestrators.recording import CALL_ACTIVITY, CREATE_TIMER, Action, Recording, TaskError, actions_of
from tests.unit.orchestrators.shapes import REQUEST, a_plan
from tests.unit.orchestrators.test_ingestion_run import finished

BUSY = a_plan(error=JobError(kind="transient", message="Storage is busy.", retryable=True))


class Breaking:
    """Lets an activity end badly the first times."""

    def __init__(self, activity: str, times: int, answer: Any = None) -> None:
        self.activity, self.times, self.answer = activity, times, answer

    def __call__(self, action: Action) -> Any:
        if action["functionName"] == self.activity and self.times:
            self.times -= 1
            if self.answer is None:
                raise TaskError("The worker is gone.")
            return self.answer
        return a_plan() if action["functionName"] == "plan_run" else finished(action)


def play(answer: Breaking) -> tuple[Recording, dict[str, Any], list[Action]]:
    recording = Recording(ingestion_run, REQUEST.to_json())
    state = recording.play_to_the_end(answer)
    return recording, state, actions_of(state)


@pytest.mark.parametrize("answer", [None, BUSY], ids=["worker dies", "storage is busy"])
@pytest.mark.parametrize("times", [1, 3, len(TO_PLAN)])
def test_a_run_is_planned_once_whatever_kept_it_from_that_has_passed(times: int, answer: Any) -> None:
    _, state, actions = play(Breaking("plan_run", times, answer))
    assert [action.get("functionName", "wait") for action in actions] == [
        *(["plan_run", "wait"] * times),
        *("plan_run", "finish_run"),
    ]
    assert state["output"]["outcome"].get("error") is None


def test_a_run_that_could_not_be_planned_for_minutes_ends_as_failed_and_says_why() -> None:
    _, state, _ = play(Breaking("plan_run", 1000))
    assert state["output"]["status"] == "FAILED"
    assert "The worker is gone." in state["output"]["outcome"]["error"]["message"]
    _, state, _ = play(Breaking("plan_run", 1000, BUSY))
    assert state["output"]["outcome"]["error"]["message"] == "Storage is busy."


def test_what_will_not_get_better_is_not_planned_again() -> None:
    for_good = a_plan(error=JobError(kind="configuration", message="No workbook."))
    _, _, actions = play(Breaking("plan_run", 1000, for_good))
    assert [action["functionName"] for action in actions] == ["plan_run", "finish_run"]


@pytest.mark.parametrize("times", [1, 3, len(TO_FINISH)])
def test_a_run_is_finished_once_its_end_can_be_written(times: int) -> None:
    recording, state, actions = play(Breaking("finish_run", times))
    assert state["output"]["status"] == "SKIPPED"
    assert sum(action["actionType"] == CALL_ACTIVITY for action in actions) == 1 + times + 1
    assert sum(action["actionType"] == CREATE_TIMER for action in actions) == times
    final = actions_of(state)
    for history in recording.prefixes():
        so_far = actions_of(recording.play(history))
        assert so_far == final[: len(so_far)]


@pytest.mark.parametrize("minutes", [0, 1, 10, 60])
def test_waits_double_up_to_a_limit_and_last_as_long_as_is_wanted(minutes: int) -> None:
    seconds = [wait.total_seconds() for wait in waits(timedelta(minutes=minutes))]
    assert minutes * 60 <= sum(seconds) <= minutes * 60 + SHORTEST
    assert all(SHORTEST <= wait <= LONGEST for wait in seconds)
    assert seconds[:5] == ([5, 10, 20, 25] if minutes == 1 else [5, 10, 20, 40, 80] if minutes else [])
