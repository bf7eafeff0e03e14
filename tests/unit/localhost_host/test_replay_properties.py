"""Whatever an orchestrator nests and in whatever order results arrive: the host and the SDK mean the same task."""

import json
from typing import Any

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context
from hypothesis import given, settings
from hypothesis import strategies as st

from localhost.host.durable.history import EventType
from tests.unit.localhost_host.scripts import Script, Steps, completed, failed, fired

MAX_ATTEMPTS = 3

# A leaf is how often its activity fails first, or None for an activity without retries.
leaves = st.none() | st.integers(min_value=0, max_value=MAX_ATTEMPTS - 1)
plain_trees = st.recursive(
    st.none(),
    lambda parts: st.tuples(st.sampled_from(["all", "any"]), st.lists(parts, min_size=1, max_size=3)),
    max_leaves=6,
)
retry_trees = st.recursive(
    leaves, lambda parts: st.tuples(st.just("all"), st.lists(parts, min_size=1, max_size=3)), max_leaves=4
)
# Each episode replays the whole history in the SDK: few examples, small ones.
small = settings(deadline=None, max_examples=50)


class Labels:
    """Builds a tree's tasks; leaves are labelled 0, 1, 2… in the order of the orchestrator's code."""

    def __init__(self, context: df.DurableOrchestrationContext) -> None:
        self.tasks: list[Any] = []
        self._context = context

    def task(self, tree: Any) -> Any:
        if isinstance(tree, tuple):
            parts = [self.task(part) for part in tree[1]]
            return self._context.task_all(parts) if tree[0] == "all" else self._context.task_any(parts)
        work = {"label": len(self.tasks), "failures": tree or 0}
        if tree is None:
            self.tasks.append(self._context.call_activity("work", work))
        else:
            options = df.RetryOptions(1, MAX_ATTEMPTS)
            self.tasks.append(self._context.call_activity_with_retry("work", options, work))
        return self.tasks[-1]


def orchestrator_of(trees: Any) -> Any:
    def orchestrator(context: Context) -> Steps:
        labels = Labels(context)
        for tree in trees:
            yield labels.task(tree)
        return [task.result for task in labels.tasks]

    return orchestrator


@small
@given(st.lists(plain_trees, min_size=1, max_size=3), st.data())
def test_nested_when_all_and_when_any_end_with_the_sdk_and_results_reach_their_tasks(
    trees: Any, data: st.DataObject
) -> None:
    script = Script(orchestrator_of(trees))
    result = script.play()
    settled: set[int] = set()
    while not result.is_over:
        task_id = data.draw(st.sampled_from(sorted(script.tasks.keys() - settled)))
        settled.add(task_id)
        waited_for = result.waiting_on
        result = script.play(completed(task_id, task_id))
        if waited_for - settled:
            assert not result.is_over, "an id the host waited for was not needed"
            assert not result.new_tasks
    assert result.error is None
    labels = {task_id: json.loads(task.input or "")["label"] for task_id, task in script.tasks.items()}
    assert labels == {task_id: task_id for task_id in labels}
    assert result.output == [n if n in settled else None for n in range(len(result.output))]


@small
@given(st.lists(retry_trees, min_size=1, max_size=2), st.data())
def test_retries_anywhere_under_a_when_all_hand_each_result_to_its_own_task(trees: Any, data: st.DataObject) -> None:
    script = Script(orchestrator_of(trees))
    result = script.play()
    settled: set[int] = set()
    attempts: dict[int, int] = {}
    while not result.is_over:
        task_id = data.draw(st.sampled_from(sorted(script.tasks.keys() - settled)))
        settled.add(task_id)
        task = script.tasks[task_id]
        if task.kind == EventType.TIMER_CREATED:
            result = script.play(fired(task_id))
            continue
        work = json.loads(task.input or "")
        attempts[work["label"]] = attempts.get(work["label"], 0) + 1
        is_failure = attempts[work["label"]] <= work["failures"]
        result = script.play(failed(task_id) if is_failure else completed(task_id, work["label"]))
    assert (result.error, result.output) == (None, list(range(len(attempts))))
