"""Drives the SDK's real orchestrator handler through `replay`, playing the part of the event store."""

import json
from collections.abc import Callable, Generator
from typing import Any

from azure.durable_functions.orchestrator import Orchestrator

from localhost.host.durable.history import Event, EventType, event
from localhost.host.durable.replay import Replay, Task, replay

Steps = Generator[Any, Any, Any]
"""What a test's orchestrator yields, is sent, and returns."""


class Script:
    """One orchestration: `play()` runs an episode with what arrived; `tasks` holds every task it asked for, by id."""

    def __init__(self, orchestrator: Callable[..., Steps], input_: Any = None) -> None:
        self.tasks: dict[int, Task] = {}
        self.history: list[Event] = []
        self._handle = Orchestrator.create(orchestrator)
        self._input = json.dumps(input_)

    def play(self, *arrived: Event) -> Replay:
        """Run an episode and record what it scheduled."""
        self.history.append(event(EventType.ORCHESTRATOR_STARTED))
        if len(self.history) == 1:
            self.history.append(event(EventType.EXECUTION_STARTED, Name="test", Version=""))
        self.history.extend(arrived)
        result = replay(self._handle, self._context(), self.history)
        for task in result.new_tasks:
            assert task.task_id not in self.tasks
            self.tasks[task.task_id] = task
            self.history.append(event(task.kind, task.task_id, Name=task.name))
        self.history.append(event(EventType.ORCHESTRATOR_COMPLETED))
        return result

    def _context(self) -> str:
        return json.dumps(
            {
                "history": self.history,
                "input": self._input,
                "instanceId": "test",
                "isReplaying": False,
                "parentInstanceId": None,
                "upperSchemaVersion": 1,
                "upperSchemaVersionNew": 2,
            }
        )


def completed(task_id: int, result: Any = None) -> Event:
    """The event of a finished activity."""
    return event(EventType.TASK_COMPLETED, TaskScheduledId=task_id, Result=json.dumps(result))


def failed(task_id: int, reason: str = "broken") -> Event:
    """The event of a failed activity."""
    return event(EventType.TASK_FAILED, TaskScheduledId=task_id, Reason=reason, Details="details")


def fired(timer_id: int) -> Event:
    """The event of a timer."""
    return event(EventType.TIMER_FIRED, TimerId=timer_id)


def raised(name: str, value: Any = None) -> Event:
    """An external event."""
    return event(EventType.EVENT_RAISED, Name=name, Input=json.dumps(value))
