"""One replay of an orchestrator's generator against its history.

It is the protocol of the SDK and the extension without their JSON, some ten times as fast; a test plays the histories
of whole runs to the SDK itself and compares what both ask for.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["activity", "child", "timer"]


class TaskFailedError(Exception):
    """What an orchestrator sees of an activity or a sub-orchestration that failed."""


class NonDeterminismError(Exception):
    """The orchestrator asks for other things than its history has."""


@dataclass(frozen=True)
class Event:
    """Something that arrived: the result or failure of a task, or an external event.

    Attributes:
        task_id: Of the task that ended; -1 for the start and for an external event.
        result: JSON text.
        error: Why the task failed.
        name: Of an external event.
    """

    task_id: int = -1
    result: str = "null"
    error: str | None = None
    name: str = ""


@dataclass(frozen=True)
class Episode:
    """What arrived together, and when it was looked at."""

    now: datetime
    events: Sequence[Event]


@dataclass(eq=False)
class Task:
    """Something that an orchestrator can wait for; scheduled when it is yielded, and gets its id then."""

    kind: Kind | Literal["event", "all", "any"]
    name: str = ""
    input: str = "null"
    instance_id: str | None = None
    fire_at: datetime | None = None
    parts: Sequence[Task] = ()
    task_id: int | None = None
    is_open: bool = False
    is_completed: bool = False
    is_cancelled: bool = False
    result: Any = None
    error: str | None = None
    parents: list[Task] = field(default_factory=list)

    def cancel(self) -> None:
        self.is_cancelled = True

    def settle(self, result: Any, error: str | None) -> None:
        if self.is_completed:
            return
        self.is_completed, self.result, self.error = True, result, error
        for parent in self.parents:
            parent.look()

    def look(self) -> None:
        """Whether enough parts have ended."""
        if self.kind == "any":
            first = next((part for part in self.parts if part.is_completed), None)
            if first is not None:
                self.settle(first, first.error)
            return
        failed = next((part for part in self.parts if part.error is not None), None)
        if failed is not None:
            self.settle(None, failed.error)
        elif all(part.is_completed for part in self.parts):
            self.settle([part.result for part in self.parts], None)


class Context:
    """What an orchestrator gets, with the names of `DurableOrchestrationContext`."""

    def __init__(self, instance_id: str, input_: str, version: str) -> None:
        self.instance_id = instance_id
        self.version = version
        self.current_utc_datetime = datetime.min
        self.is_replaying = True
        self.custom_status: Any = None
        self.next_input: str | None = None
        self._input = input_

    def get_input(self) -> Any:
        return json.loads(self._input)

    def set_custom_status(self, status: Any) -> None:
        self.custom_status = status

    def continue_as_new(self, input_: Any) -> None:
        self.next_input = json.dumps(input_)

    def call_activity(self, name: str, input_: Any = None) -> Task:
        return Task("activity", name, json.dumps(input_))

    def call_sub_orchestrator(self, name: str, input_: Any = None, instance_id: str | None = None) -> Task:
        return Task("child", name, json.dumps(input_), instance_id)

    def create_timer(self, fire_at: datetime) -> Task:
        return Task("timer", fire_at=fire_at)

    def wait_for_external_event(self, name: str) -> Task:
        return Task("event", name)

    def task_all(self, parts: Sequence[Task]) -> Task:
        return Task("all", parts=parts)

    def task_any(self, parts: Sequence[Task]) -> Task:
        return Task("any", parts=parts)


Orchestrator = Callable[[Any], Generator[Any, Any, Any]]


@dataclass(frozen=True)
class Outcome:
    """Where an orchestrator is after a replay.

    Attributes:
        scheduled: Every task with an id, in the order of the ids.
        is_over: It has returned, failed or asked to continue as new.
        output: JSON text.
    """

    scheduled: Sequence[Task]
    is_over: bool
    output: str = "null"
    error: str | None = None
    custom_status: Any = None
    next_input: str | None = None


def replay(
    orchestrator: Orchestrator,
    instance_id: str,
    input_: str,
    history: Sequence[Episode],
    known: Sequence[tuple[str, str]],
    version: str = "",
) -> Outcome:
    """Play an orchestrator up to where it waits for what is not in the history yet.

    Args:
        orchestrator: Of the app.
        instance_id: Of the instance.
        input_: Of the instance, as JSON text.
        history: All episodes so far, the new one at the end.
        known: Kind and name of each task that earlier episodes have scheduled.
        version: Of the orchestrators when the instance was started.

    Raises:
        NonDeterminismError: it has scheduled other tasks.
    """
    player = _Player(orchestrator, Context(instance_id, input_, version))
    for number, episode in enumerate(history, 1):
        player.play(episode, is_last=number == len(history))
    found = [(task.kind, task.name) for task in player.scheduled[: len(known)]]
    if found != list(known):
        raise NonDeterminismError(f"Non-Deterministic workflow detected: {known} is in the history, not {found}")
    return player.outcome()


class _Player:
    def __init__(self, orchestrator: Orchestrator, context: Context) -> None:
        self.scheduled: list[Task] = []
        self._context = context
        self._generator = orchestrator(context)
        self._awaited: Task | None = None
        self._waiters: defaultdict[str, deque[Task]] = defaultdict(deque)
        self._buffered: defaultdict[str, int] = defaultdict(int)
        self._output: Any = None
        self._error: str | None = None
        self._is_over = False

    def play(self, episode: Episode, is_last: bool) -> None:
        self._context.current_utc_datetime = episode.now
        self._context.is_replaying = not is_last
        for event in episode.events:
            if event.task_id >= len(self.scheduled):
                continue  # of other code, which is found out at the end
            if event.task_id >= 0:
                self.scheduled[event.task_id].settle(json.loads(event.result), event.error)
            elif event.name:
                self._raise(event.name)
            self._advance()

    def outcome(self) -> Outcome:
        context = self._context
        return Outcome(
            self.scheduled,
            self._is_over,
            json.dumps(self._output),
            self._error,
            context.custom_status,
            context.next_input,
        )

    def _advance(self) -> None:
        while not self._is_over and (self._awaited is None or self._awaited.is_completed):
            ended = self._awaited
            try:
                if ended is None:
                    self._awaited = self._generator.send(None)
                elif ended.error is not None:
                    self._awaited = self._generator.throw(TaskFailedError(ended.error))
                else:
                    self._awaited = self._generator.send(ended.result)
            except StopIteration as stop:
                self._is_over, self._output = True, stop.value
            except Exception as error:
                self._is_over, self._error = True, str(error)
            else:
                self._open(self._awaited)

    def _open(self, task: Task) -> None:
        if task.is_open:
            return
        task.is_open = True
        for part in task.parts:
            self._open(part)
            part.parents.append(task)
        if task.kind in ("all", "any"):
            task.look()
        elif task.kind == "event":
            if self._buffered[task.name]:
                self._buffered[task.name] -= 1
                task.settle(None, None)
            else:
                self._waiters[task.name].append(task)
        else:
            task.task_id = len(self.scheduled)
            self.scheduled.append(task)

    def _raise(self, name: str) -> None:
        if self._waiters[name]:
            self._waiters[name].popleft().settle(None, None)
        else:
            self._buffered[name] += 1
