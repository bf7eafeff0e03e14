"""Recorded histories, and the SDK's own entry point to play an orchestrator against them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.durable_functions.orchestrator import Orchestrator

Event = dict[str, Any]
Action = dict[str, Any]
State = dict[str, Any]
Answer = Callable[[Action], Any]

EXECUTION_STARTED, TASK_COMPLETED, TASK_FAILED, CHILD_COMPLETED, CHILD_FAILED, TIMER_FIRED = 0, 5, 6, 8, 9, 11
EVENT_RAISED = 15
ORCHESTRATOR_STARTED, ORCHESTRATOR_COMPLETED = 12, 13
CALL_ACTIVITY, CALL_SUB_ORCHESTRATOR, CONTINUE_AS_NEW, CREATE_TIMER, WAIT_FOR_EVENT = 0, 2, 4, 5, 6

START = datetime(2024, 1, 1, tzinfo=UTC)
TASK_TAKES = timedelta(seconds=10)


class TaskError(Exception):
    """What an answer raises to let its activity or sub-orchestration fail."""


class Recording:
    """One orchestration: its history grows by an episode for each thing that ends."""

    def __init__(self, orchestrator: Callable[..., Any], input_: Any, instance_id: str = "") -> None:
        self._instance_id = instance_id or ("run-1:lane-0" if orchestrator.__name__ == "source_lane" else "run-1")
        self._handle = Orchestrator.create(orchestrator)
        self._input = json.dumps(input_)
        self.now = START
        self.history: list[Event] = []
        self._episode(self._event(EXECUTION_STARTED, Version=""))

    def completed(self, task_id: int, result: Any, event_type: int = TASK_COMPLETED) -> None:
        """An activity, or with CHILD_COMPLETED a sub-orchestration, has ended."""
        self._episode(self._event(event_type, TaskScheduledId=task_id, Result=json.dumps(result)))

    def failed(self, task_id: int, reason: str, event_type: int = TASK_FAILED) -> None:
        """An activity, or with CHILD_FAILED a sub-orchestration, has failed."""
        self._episode(self._event(event_type, TaskScheduledId=task_id, Reason=reason, Details=reason))

    def fired(self, task_id: int) -> None:
        """A timer has fired."""
        self._episode(self._event(TIMER_FIRED, TimerId=task_id))

    def raised(self, name: str) -> None:
        """An external event has come."""
        self._episode(self._event(EVENT_RAISED, Name=name, Input="null"))

    def play(self, history: list[Event] | None = None) -> State:
        """What the SDK says after the whole history, or after another one."""
        context = {
            "history": self.history if history is None else history,
            "input": self._input,
            "instanceId": self._instance_id,
            "isReplaying": False,
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
            "longRunningTimerIntervalDuration": "3.00:00:00",
            "maximumShortTimerDuration": "6.00:00:00",
        }
        state: State = json.loads(self._handle(json.dumps(context)))
        return state

    def prefixes(self) -> Iterator[list[Event]]:
        """The history as it was after each of its episodes."""
        for end, event in enumerate(self.history, 1):
            if event["EventType"] == ORCHESTRATOR_COMPLETED:
                yield self.history[:end]

    def play_to_the_end(self, answer: Answer) -> State:
        """Answer every activity and sub-orchestration, oldest first, and fire every timer in its time."""
        answered = 0
        while not (state := self.play())["isDone"]:
            action = actions_of(state)[answered]
            self._settle(answered, action, answer)
            answered += 1
        return state

    def _settle(self, task_id: int, action: Action, answer: Answer) -> None:
        if action["actionType"] == CREATE_TIMER:
            self.now = max(self.now, datetime.fromisoformat(action["fireAt"].replace("Z", "+00:00")))
            return self.fired(task_id)
        is_activity = action["actionType"] == CALL_ACTIVITY
        self.now += TASK_TAKES
        try:
            result = answer(action)
        except TaskError as error:
            return self.failed(task_id, str(error), TASK_FAILED if is_activity else CHILD_FAILED)
        return self.completed(task_id, result, TASK_COMPLETED if is_activity else CHILD_COMPLETED)

    def _episode(self, event: Event) -> None:
        self.history += [self._event(ORCHESTRATOR_STARTED), event, self._event(ORCHESTRATOR_COMPLETED)]

    def _event(self, event_type: int, **fields: Any) -> Event:
        stamp = self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"EventType": event_type, "EventId": -1, "IsPlayed": False, "Timestamp": stamp, **fields}


def actions_of(state: State) -> list[Action]:
    """The single tasks that an orchestrator has asked for so far; their position is their task id.

    Waiting for an event is none of them: it takes no id.
    """

    def leaves(action: Action) -> Iterator[Action]:
        if "compoundActions" in action:
            for part in action["compoundActions"]:
                yield from leaves(part)
        elif action["actionType"] != WAIT_FOR_EVENT:
            yield action

    (actions,) = state["actions"]
    return [leaf for action in actions for leaf in leaves(action)]


def input_of(action: Action) -> Any:
    """What an activity or sub-orchestration was called with."""
    return json.loads(action["input"])
