"""The simulation's replay asks for the same as the Durable SDK, whatever has happened in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulation.durable.engine import Instance
from tests.simulation.durable.replay import Outcome
from tests.simulation.edges import edges
from tests.simulation.world import World
from tests.unit.orchestrators.recording import (
    CALL_ACTIVITY,
    CALL_SUB_ORCHESTRATOR,
    CREATE_TIMER,
    EVENT_RAISED,
    EXECUTION_STARTED,
    ORCHESTRATOR_COMPLETED,
    ORCHESTRATOR_STARTED,
    TASK_COMPLETED,
    TASK_FAILED,
    TIMER_FIRED,
    Recording,
    actions_of,
)

_KINDS = {CALL_ACTIVITY: "activity", CALL_SUB_ORCHESTRATOR: "child", CREATE_TIMER: "timer"}
_CHILD_ENDED = {TASK_COMPLETED: 8, TASK_FAILED: 9}


@pytest.fixture(autouse=True)
def simulated() -> Iterator[None]:
    with edges():
        yield


@pytest.mark.parametrize("seed", range(12))
def test_the_sdk_asks_for_the_same(seed: int) -> None:
    world = World(seed)
    compared: list[str] = []

    def compare(instance: Instance, outcome: Outcome) -> None:
        state = _asked_of_the_sdk(world, instance)
        wanted = [
            (_KINDS[action["actionType"]], action.get("functionName", ""))
            for action in actions_of(state)
            if action["actionType"] in _KINDS
        ]
        found = [(task.kind, task.name) for task in outcome.scheduled]
        assert found == wanted
        assert (outcome.error is not None) == ("error" in state)
        if outcome.is_over and outcome.error is None and outcome.next_input is None:
            assert state["isDone"]
            assert state["output"] == json.loads(outcome.output)
        compared.append(instance.instance_id)

    world.engine.check_replay = compare
    world.run()
    assert len(compared) > 10


def _asked_of_the_sdk(world: World, instance: Instance) -> dict[str, Any]:
    orchestrator = world.engine._orchestrators[instance.name]
    recording = Recording(orchestrator, json.loads(instance.input), instance.instance_id)
    recording.history.clear()
    for number, episode in enumerate(instance.history):
        recording.now = episode.now
        events = [recording._event(ORCHESTRATOR_STARTED)]
        if number == 0:
            events.append(recording._event(EXECUTION_STARTED, Version=str(instance.version)))
        for event in episode.events:
            if event.name:
                events.append(recording._event(EVENT_RAISED, Name=event.name, Input="null"))
            elif event.task_id >= 0:
                events.append(_ended(recording, instance.scheduled[event.task_id][0], event))
        recording.history += [*events, recording._event(ORCHESTRATOR_COMPLETED)]
    try:
        return recording.play()
    except Exception as error:  # the orchestrator's own, with what it had asked for
        _, marker, state = str(error).rpartition("$OutOfProcData$:")
        assert marker
        decoded: dict[str, Any] = json.loads(state)
        return decoded


def _ended(recording: Recording, kind: str, event: Any) -> dict[str, Any]:
    if kind == "timer":
        return recording._event(TIMER_FIRED, TimerId=event.task_id)
    ended = TASK_FAILED if event.error is not None else TASK_COMPLETED
    number = _CHILD_ENDED[ended] if kind == "child" else ended
    if event.error is not None:
        return recording._event(number, TaskScheduledId=event.task_id, Reason=event.error, Details=event.error)
    return recording._event(number, TaskScheduledId=event.task_id, Result=event.result)
