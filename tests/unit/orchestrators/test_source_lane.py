"""The lane's orchestrator, played by the SDK against recorded histories."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrators.source_lane import FREE_INTERRUPTIONS, HISTORY_ATTEMPTS, source_lane
from shared.models.attempt import JobError, JobStatus
from shared.models.run import LANE_CANCELLED, JobOptions, Totals
from tests.unit.orchestrators.recording import (
    CALL_ACTIVITY,
    CONTINUE_AS_NEW,
    CREATE_TIMER,
    START,
    TASK_TAKES,
    Recording,
    TaskError,
    actions_of,
    input_of,
)
from tests.unit.orchestrators.shapes import a_lane_order, a_result


def play(
    *jobs: str, answer: Callable[[dict[str, Any]], Any], **order: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The state at the end of a lane, and the actions on the way."""
    recording = Recording(source_lane, a_lane_order(*jobs, **order))
    state = recording.play_to_the_end(lambda action: answer(input_of(action)))
    return state, actions_of(state)


def attempts(actions: list[dict[str, Any]]) -> list[tuple[str, int]]:
    orders = [input_of(action) for action in actions if action["actionType"] == CALL_ACTIVITY]
    return [(order["job_id"], order["attempt"]) for order in orders]


def timers(actions: list[dict[str, Any]]) -> list[timedelta]:
    stamps = [action["fireAt"] for action in actions if action["actionType"] == CREATE_TIMER]
    return [datetime.fromisoformat(stamp.replace("Z", "+00:00")) - START for stamp in stamps]


def test_the_jobs_of_a_lane_run_one_after_another() -> None:
    recording = Recording(source_lane, a_lane_order("a", "b"))
    assert attempts(actions_of(recording.play())) == [("a", 1)]
    recording.completed(0, a_result("a", rows_written=5))
    state = recording.play()
    assert attempts(actions_of(state)) == [("a", 1), ("b", 1)]
    assert not state["isDone"]
    assert state["customStatus"] == {
        "source_name": "shop_pg",
        "jobs_total": 2,
        "jobs_done": 1,
        "jobs_failed": 0,
        "rows": 5,
        "job_id": "b",
        "attempt": 1,
        "waiting": [],
    }
    recording.completed(1, a_result("b", rows_written=7))
    state = recording.play()
    assert state["isDone"]
    assert Totals.model_validate(state["output"]) == Totals(jobs_total=2, jobs_succeeded=2, rows_written=12)
    assert (state["customStatus"]["jobs_done"], state["customStatus"].get("job_id")) == (2, None)


def test_a_lane_says_what_waits_for_its_next_attempt_when_and_why() -> None:
    recording = Recording(source_lane, a_lane_order("a", "b", "c", max_attempts=3, retry_seconds=30))
    recording.play()
    recording.completed(0, a_result("a", kind="transient"))
    state = recording.play()
    (wait,) = state["customStatus"]["waiting"]
    assert state["customStatus"]["job_id"] == "b"
    due = datetime.fromisoformat(wait.pop("not_before").replace("Z", "+00:00")) - START
    assert timedelta(seconds=30) <= due <= timedelta(seconds=40)
    assert wait == {"job_id": "a", "attempt": 2, "reason": "It broke."}
    recording.failed(1, "The worker has died.")
    state = recording.play()
    died = state["customStatus"]["waiting"][1]
    assert (died["job_id"], died["attempt"], "has died" in died["reason"]) == ("b", 1, True)
    recording.completed(2, a_result("c"))
    state = recording.play()
    assert actions_of(state)[-1]["actionType"] != CALL_ACTIVITY
    assert state["customStatus"]["job_id"] is None
    assert {wait["job_id"] for wait in state["customStatus"]["waiting"]} == {"a", "b"}


@pytest.mark.parametrize("text", ["The worker has died. ", "Datenträger für Ümläute "])
def test_what_a_lane_says_of_its_waits_fits_into_a_custom_status(text: str) -> None:
    jobs = [f"{'a_long_name_of_a_job' * 4}_{number}" for number in range(60)]
    recording = Recording(source_lane, a_lane_order(*jobs, max_attempts=3, retry_seconds=30))
    for number in range(len(jobs)):
        recording.play()
        recording.completed(number, a_result(jobs[number], status=JobStatus.FAILED) | {"error": _error(text * 50)})
    status = recording.play()["customStatus"]
    assert 10 < len(status["waiting"]) < len(jobs)
    assert len(json.dumps(status).encode("utf-16")) <= 16 * 1024


def _error(message: str) -> dict[str, Any]:
    return JobError(kind="transient", message=message, retryable=True).model_dump()


def test_an_attempt_is_ordered_with_all_that_it_needs() -> None:
    options = {"a": JobOptions(start="1", end="9", full_refresh=True)}
    _, actions = play("a", "b", answer=lambda order: a_result(order["job_id"]), options=options)
    first, second = (input_of(action) for action in actions)
    assert first == {
        "run_id": "run-1",
        "run_started_at": "2024-01-01T00:00:00Z",
        "job_id": "a",
        "attempt": 1,
        "config_sha256": "0f" * 32,
        "full_refresh": True,
        "start": "1",
        "end": "9",
        "lane": 0,
        "earlier": [],
    }
    assert (second["full_refresh"], "start" in second, "end" in second) == (False, False, False)


def waits_of(actions: list[dict[str, Any]]) -> list[timedelta]:
    """How long each timer waits, if one attempt follows the other."""
    fired = timers(actions)
    return [later - earlier - TASK_TAKES for earlier, later in zip([timedelta(), *fired], fired, strict=False)]


def test_jobs_that_fail_together_do_not_come_back_together() -> None:
    waits = set()
    for job_id in ("a", "b", "c", "d"):
        _, actions = play(job_id, answer=lambda order: a_result(order["job_id"], kind="transient"), max_attempts=2)
        waits.add(waits_of(actions)[0])
    assert len(waits) == 4


def test_a_transient_failure_goes_to_the_end_of_the_queue_and_waits_on_a_timer() -> None:
    outcomes = {("a", 1): "transient", ("a", 2): "transient"}

    def answer(order: dict[str, Any]) -> Any:
        return a_result(
            order["job_id"], attempt=order["attempt"], kind=outcomes.get((order["job_id"], order["attempt"]))
        )

    state, actions = play("a", "b", answer=answer, retry_seconds=60)
    assert attempts(actions) == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]
    first_wait, second_wait = waits_of(actions)
    assert timedelta(seconds=60) <= first_wait <= timedelta(seconds=75)
    assert timedelta(seconds=120) <= second_wait <= timedelta(seconds=150)
    assert (state["output"]["jobs_succeeded"], state["output"]["jobs_failed"]) == (2, 0)


def test_no_timer_is_set_where_the_wait_has_passed_already() -> None:
    def answer(order: dict[str, Any]) -> Any:
        return a_result(order["job_id"], kind="transient" if (order["job_id"], order["attempt"]) == ("a", 1) else None)

    _, actions = play("a", "b", "c", answer=answer, retry_seconds=15)
    assert attempts(actions) == [("a", 1), ("b", 1), ("c", 1), ("a", 2)]
    assert timers(actions) == []


def test_the_wait_between_attempts_has_a_limit() -> None:
    state, actions = play("a", answer=lambda _: a_result("a", kind="transient"), max_attempts=8, retry_seconds=60)
    limits = [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15, 15, 15)]
    assert all(limit <= wait <= limit * 1.25 for limit, wait in zip(limits, waits_of(actions), strict=True))
    assert state["output"]["jobs_failed"] == 1


@pytest.mark.parametrize(
    ("max_attempts", "options", "expected"),
    [(1, {}, 1), (3, {}, 3), (3, {"a": JobOptions(max_attempts=2)}, 2), (1, {"a": JobOptions(max_attempts=4)}, 4)],
)
def test_a_job_is_tried_as_often_as_it_may(max_attempts: int, options: dict[str, JobOptions], expected: int) -> None:
    state, actions = play(
        "a", answer=lambda order: a_result("a", kind="transient"), max_attempts=max_attempts, options=options
    )
    assert attempts(actions) == [("a", number) for number in range(1, expected + 1)]
    assert (state["output"]["jobs_failed"], state["output"].get("jobs_succeeded", 0)) == (1, 0)


@pytest.mark.parametrize(
    ("status", "counted"),
    [
        (JobStatus.FAILED, "jobs_failed"),
        (JobStatus.SKIPPED, "jobs_skipped"),
        (JobStatus.CANCELLED, "jobs_cancelled"),
    ],
)
def test_what_will_not_get_better_is_not_tried_again(status: JobStatus, counted: str) -> None:
    state, actions = play("a", "b", answer=lambda order: a_result(order["job_id"], status=status, kind="source"))
    assert attempts(actions) == [("a", 1), ("b", 1)]
    assert state["output"][counted] == 2


def breaking(job_id: str) -> Callable[[dict[str, Any]], Any]:
    """Answers whose worker dies whenever it loads one job."""

    def answer(order: dict[str, Any]) -> Any:
        if order["job_id"] == job_id:
            raise TaskError("Python exited with code 137")
        return a_result(order["job_id"])

    return answer


def test_a_workers_death_spends_no_attempt_within_a_bound_of_its_own() -> None:
    state, actions = play("a", "b", answer=breaking("a"), max_attempts=2, retry_seconds=60)
    assert attempts(actions) == [("a", 1), ("b", 1), *[("a", 1)] * FREE_INTERRUPTIONS, ("a", 2)]
    minutes = [wait / timedelta(minutes=1) for wait in waits_of(actions)]
    assert all(least <= wait <= 1.25 * least for wait, least in zip(minutes, [1, 2, 4, 8, 15, 15], strict=True))
    totals = Totals.model_validate(state["output"])
    assert (totals.jobs_failed, totals.jobs_succeeded) == (1, 1)
    (lost,) = totals.unrecorded
    assert lost.error is not None
    assert (lost.job_id, lost.attempt, lost.error.kind) == ("a", 2, "activity")
    assert "exited with code 137" in lost.error.message


@pytest.mark.parametrize("kind", ["lease_lost", "activity"])
def test_what_is_not_the_jobs_fault_spends_no_attempt(kind: str) -> None:
    kinds = iter([kind, kind, None])
    state, actions = play("a", answer=lambda _: a_result("a", kind=next(kinds)), max_attempts=1)
    assert attempts(actions) == [("a", 1)] * 3
    assert state["output"]["jobs_succeeded"] == 1


def test_an_attempt_waits_as_long_as_an_earlier_execution_of_it_holds_the_job() -> None:
    held = a_result("a", kind="still_held", unrecorded=True)
    held["error"]["retry_after_seconds"] = 61
    answers = iter([*[held] * 20, a_result("a", rows_written=5)])
    state, actions = play("a", answer=lambda _: next(answers), max_attempts=1, retry_seconds=0)
    assert attempts(actions) == [("a", 1)] * 21
    assert waits_of(actions) == [timedelta(seconds=61)] * 20
    assert Totals.model_validate(state["output"]) == Totals(jobs_total=1, jobs_succeeded=1, rows_written=5)


def test_a_result_that_could_not_be_recorded_goes_to_the_end_of_the_run() -> None:
    state, _ = play("a", "b", answer=lambda order: a_result(order["job_id"], unrecorded=order["job_id"] == "a"))
    (unrecorded,) = Totals.model_validate(state["output"]).unrecorded
    assert (unrecorded.job_id, unrecorded.status) == ("a", JobStatus.SUCCESS)


def test_an_envelope_of_another_shape_is_a_failed_attempt() -> None:
    state, _ = play("a", answer=lambda order: {"status": "unheard of"}, max_attempts=1)
    assert state["output"]["jobs_failed"] == 1


@pytest.mark.parametrize("order", [{"request_ids": ("order-1",)}, {"full_refresh": True}], ids=str)
def test_who_asked_for_just_this_waits_for_a_busy_job_and_an_ordinary_run_does_not(order: dict[str, Any]) -> None:
    answers = iter(["busy", "busy", "busy", "busy", None])

    def answer(attempt: dict[str, Any]) -> Any:
        return a_result(attempt["job_id"], kind=next(answers))

    state, actions = play("a", answer=answer, max_attempts=1, retry_seconds=10, **order)
    assert Totals.model_validate(state["output"]).jobs_succeeded == 1
    assert attempts(actions) == [("a", 1)] * 5
    assert waits_of(actions) == [timedelta(seconds=10)] * 4

    _, actions = play("a", answer=lambda order: a_result(order["job_id"], kind="busy"))
    assert attempts(actions) == [("a", 1)]


@pytest.mark.parametrize(
    ("minutes", "waits"), [(None, True), (60, True), (1, False)], ids=["asked for", "before the tick", "until the tick"]
)
def test_a_run_waits_for_a_one_off_request_but_a_scheduled_one_no_longer_than_to_the_next_tick(
    minutes: int | None, waits: bool
) -> None:
    answers = iter(["busy"] * 60 + [None])

    def answer(attempt: dict[str, Any]) -> Any:
        kind = next(answers)
        status = JobStatus.SKIPPED if kind else JobStatus.SUCCESS
        return a_result(attempt["job_id"], status=status, kind=kind, held_by="requests-0123456789ab")

    until = START + timedelta(minutes=minutes) if minutes else None
    state, actions = play("a", answer=answer, max_attempts=1, retry_seconds=10, waits_until=until)
    assert {attempt for _, attempt in attempts(actions)} == {1}
    assert (len(attempts(actions)) == 61) is waits
    assert len(attempts(actions)) > 1
    totals = Totals.model_validate(state["output"])
    assert (totals.jobs_succeeded, totals.jobs_skipped) == ((1, 0) if waits else (0, 1))


def test_an_attempt_knows_its_lane_and_the_attempts_before_it() -> None:
    orders: list[dict[str, Any]] = []

    def answer(order: dict[str, Any]) -> dict[str, Any]:
        orders.append(order)
        return a_result(order["job_id"], order["attempt"], kind="transient" if order["attempt"] < 3 else None)

    play("a", answer=answer, retry_seconds=10)
    assert not orders[0].get("earlier")
    last = {order["attempt"]: order for order in orders}[3]
    assert [(one["attempt"], one["error_kind"]) for one in last["earlier"]] == [(1, "transient"), (2, "transient")]
    assert last["earlier"][0]["end_time"] <= last["earlier"][1]["start_time"]
    assert last["lane"] == 0


def test_a_long_lane_goes_on_with_a_new_history_and_forgets_nothing() -> None:
    jobs = [f"job-{number:03}" for number in range(HISTORY_ATTEMPTS + 20)]

    def answer(order: dict[str, Any]) -> dict[str, Any]:
        fails = order["job_id"] == "job-007" and order["attempt"] == 1
        return a_result(order["job_id"], order["attempt"], kind="transient" if fails else None, rows_written=1)

    first, actions = play(*jobs, answer=answer)
    assert attempts(actions) == [(job, 1) for job in jobs[:HISTORY_ATTEMPTS]]
    assert actions[-1]["actionType"] == CONTINUE_AS_NEW
    assert "output" not in first

    recording = Recording(source_lane, json.loads(actions[-1]["input"]))
    last = recording.play_to_the_end(lambda action: answer(input_of(action)))
    assert attempts(actions_of(last)) == [*((job, 1) for job in jobs[HISTORY_ATTEMPTS:]), ("job-007", 2)]
    totals = Totals.model_validate(last["output"])
    assert (totals.jobs_total, totals.jobs_succeeded, totals.rows_written) == (len(jobs), len(jobs), len(jobs))


def asking_to_wait(job_id: str, seconds: float, attempt: int = 1) -> dict[str, Any]:
    error = {"kind": "transient", "message": "busy", "retryable": True, "retry_after_seconds": seconds}
    return a_result(job_id, attempt=attempt) | {"status": "FAILED", "error": error}


def test_a_wait_that_the_source_asks_for_is_kept_and_spends_no_attempt() -> None:
    answers = iter([asking_to_wait("a", 130), a_result("a")])
    state, actions = play("a", answer=lambda _: next(answers), max_attempts=1)
    assert attempts(actions) == [("a", 1), ("a", 1)]
    assert waits_of(actions)[0] >= timedelta(seconds=130)
    assert Totals.model_validate(state["output"]).jobs_succeeded == 1


def test_a_source_that_always_asks_to_wait_ends_the_job_all_the_same() -> None:
    state, actions = play("a", answer=lambda order: asking_to_wait("a", 500, order["attempt"]), max_attempts=2)
    assert attempts(actions) == [("a", 1)] * 4 + [("a", 2)]
    assert all(wait >= timedelta(seconds=500) for wait in waits_of(actions))
    assert Totals.model_validate(state["output"]).jobs_failed == 1


def test_a_job_whose_wait_is_short_does_not_wait_for_another_ones() -> None:
    answers = {
        "a": iter([asking_to_wait("a", 7000), a_result("a")]),
        "b": iter([asking_to_wait("b", 60), a_result("b")]),
    }
    _, actions = play("a", "b", answer=lambda order: next(answers[order["job_id"]]))
    assert [job_id for job_id, _ in attempts(actions)] == ["a", "b", "b", "a"]


def test_a_cancel_ends_the_wait_for_the_next_attempt() -> None:
    recording = Recording(source_lane, a_lane_order("a"))
    recording.completed(0, asking_to_wait("a", 7000))
    assert len(actions_of(recording.play())) == 2  # the attempt and the timer
    recording.raised(LANE_CANCELLED)
    assert attempts(actions_of(recording.play())) == [("a", 1), ("a", 1)]
    recording.completed(2, a_result("a", status=JobStatus.CANCELLED))
    state = recording.play()
    assert state["isDone"]
    assert Totals.model_validate(state["output"]).jobs_cancelled == 1


def test_a_lane_waits_for_a_slot_without_spending_attempts_and_without_asking_for_its_other_jobs() -> None:
    asked: list[str] = []

    def answer(order: dict[str, Any]) -> dict[str, Any]:
        asked.append(order["job_id"])
        if len(asked) < 4:
            return a_result(order["job_id"], kind="waiting")
        return a_result(order["job_id"])

    state, actions = play("a", "b", answer=answer)
    assert attempts(actions) == [("a", 1)] * 4 + [("b", 1)]
    assert len(timers(actions)) == 3
    assert Totals.model_validate(state["output"]).jobs_succeeded == 2
