"""What one episode of an orchestration schedules, and when it ends."""

from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from localhost.host.durable.history import EventType
from localhost.host.durable.replay import ReplayError
from tests.unit.localhost_host.scripts import Script, Steps, completed, failed, fired, raised


def test_each_yielded_activity_gets_the_next_id_and_the_result_that_carries_it() -> Any:
    def orchestrator(context: Context) -> Steps:
        first = yield context.call_activity("first", {"x": 1})
        second = yield context.call_activity("second", first)
        return [first, second]

    script = Script(orchestrator)

    assert [(task.task_id, task.name, task.input) for task in script.play().new_tasks] == [(0, "first", '{"x": 1}')]
    assert [(task.task_id, task.name, task.input) for task in script.play(completed(0, "a")).new_tasks] == [
        (1, "second", '"a"')
    ]
    result = script.play(completed(1, "b"))
    assert (result.is_over, result.output, result.error) == (True, ["a", "b"], None)


def test_a_when_all_schedules_its_tasks_at_once_and_names_what_it_still_waits_for() -> Any:
    def orchestrator(context: Context) -> Steps:
        return (yield context.task_all([context.call_activity("work", n) for n in range(3)]))

    script = Script(orchestrator)

    assert script.play().waiting_on == {0, 1, 2}
    assert script.play(completed(1, "b")).waiting_on == {0, 2}
    assert script.play(completed(2, "c"), completed(0, "a")).output == ["a", "b", "c"]


def test_a_when_any_waits_for_no_id_in_particular() -> Any:
    def orchestrator(context: Context) -> Steps:
        winner = yield context.task_any([context.call_activity("work", n) for n in range(2)])
        return winner.result

    script = Script(orchestrator)

    assert script.play().waiting_on == frozenset()
    assert script.play(completed(1, "quick")).output == "quick"


def test_after_a_failure_in_a_when_all_the_instance_ends_when_its_other_tasks_have() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.task_all([context.call_activity("work", n) for n in range(2)])

    script = Script(orchestrator)
    script.play()

    early = script.play(failed(0, "no luck"))
    assert (early.is_over, early.error) == (False, "no luck \n details")
    assert script.play(completed(1)).is_over


def test_an_external_event_takes_no_id_and_counts_even_if_it_came_first() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.call_activity("before")
        value = yield context.wait_for_external_event("go")
        yield context.call_activity("after", value)

    script = Script(orchestrator)
    script.play()
    script.play(raised("go", 42))

    result = script.play(completed(0))
    assert [(task.task_id, task.input) for task in result.new_tasks] == [(1, "42")]


def test_a_cancelled_timer_is_reported_and_does_not_keep_the_instance() -> Any:
    def orchestrator(context: Context) -> Steps:
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        work = context.call_activity("work")
        yield context.task_any([work, timer])
        timer.cancel()
        return "in time"

    script = Script(orchestrator)
    kinds = [task.kind for task in script.play().new_tasks]
    assert kinds == [EventType.TASK_SCHEDULED, EventType.TIMER_CREATED]

    result = script.play(completed(0))
    assert (result.is_over, result.output, result.cancelled_timers) == (True, "in time", [1])


def test_a_retry_takes_an_id_for_the_timer_and_one_for_the_next_attempt() -> Any:
    def orchestrator(context: Context) -> Steps:
        result = yield context.call_activity_with_retry("flaky", df.RetryOptions(1000, 3), "x")
        return (yield context.call_activity("after", result))

    script = Script(orchestrator)
    script.play()

    (timer,) = script.play(failed(0)).new_tasks
    assert (timer.task_id, timer.kind) == (1, EventType.TIMER_CREATED)
    (attempt,) = script.play(fired(1)).new_tasks
    assert (attempt.task_id, attempt.name, attempt.input) == (2, "flaky", '"x"')
    (after,) = script.play(completed(2, "done")).new_tasks
    assert (after.task_id, after.name, after.input) == (3, "after", '"done"')


def test_a_retry_gives_up_only_after_the_timer_that_follows_the_last_attempt() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.call_activity_with_retry("flaky", df.RetryOptions(1000, 2))

    script = Script(orchestrator)
    script.play()
    script.play(failed(0))
    script.play(fired(1))

    assert not script.play(failed(2, "second")).is_over
    result = script.play(fired(3))
    assert (result.is_over, result.error) == (True, "second \n details")


def test_a_sub_orchestration_carries_its_instance_id() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.call_sub_orchestrator("child", {"n": 1}, "child-1")

    (child,) = Script(orchestrator).play().new_tasks
    assert (child.kind, child.name, child.instance_id) == (EventType.SUB_ORCHESTRATION_CREATED, "child", "child-1")


def test_continue_as_new_is_over_with_the_next_input() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.call_activity("work")
        context.continue_as_new({"round": context.get_input()["round"] + 1})

    script = Script(orchestrator, {"round": 1})
    script.play()
    result = script.play(completed(0))
    assert (result.is_over, result.continues_as_new, result.next_input) == (True, True, '{"round": 2}')


def test_custom_status_and_replaying_flag_are_those_of_the_last_episode() -> None:
    seen = []

    def orchestrator(context: Context) -> Steps:
        for number in range(3):
            seen.append((number, context.is_replaying))
            context.set_custom_status({"number": number})
            yield context.call_activity("work", number)

    script = Script(orchestrator)
    script.play()
    seen.clear()
    assert script.play(completed(0)).custom_status == {"number": 1}
    assert seen == [(0, True), (1, False)]


def test_an_exception_with_the_protocol_s_own_marker_in_it_keeps_its_text() -> None:
    def orchestrator(context: Context) -> Steps:
        raise ValueError("a\n\n$OutOfProcData$:b")
        yield

    result = Script(orchestrator).play()
    assert (result.is_over, result.error) == (True, "a\n\n$OutOfProcData$:b")


def test_an_orchestrator_that_asks_for_something_else_than_its_history_is_refused() -> None:
    wanted = ["first"]

    def orchestrator(context: Context) -> Steps:
        yield context.call_activity(wanted[0])
        yield context.call_activity("second")

    script = Script(orchestrator)
    script.play()
    wanted[0] = "other"
    with pytest.raises(
        ReplayError, match="TaskScheduled first as task 0, but this replay asked for TaskScheduled other"
    ):
        script.play(completed(0))


def test_a_missing_action_is_named() -> None:
    def orchestrator(context: Context) -> Steps:
        yield context.call_http("GET", "https://example.invalid")

    with pytest.raises(ReplayError, match="does not support call_http"):
        Script(orchestrator).play()
