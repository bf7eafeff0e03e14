"""One replay of an orchestrator: calls the SDK with the history, then works out what its actions mean.

The SDK answers with every action since the start, without task ids. This module gives them the ids the SDK gave them
itself: it starts the actions in order, feeds the history to them event by event, and begins the next action only when
the current one is done, as the Durable extension does. Whatever was started but is not in the history is new work.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localhost.host.durable.history import Event, EventType, parse_timestamp

_ERROR_MARKER = "\n\n$OutOfProcData$:"
_ACTIVITY, _ACTIVITY_RETRY, _CHILD, _CHILD_RETRY, _CONTINUE_AS_NEW, _TIMER, _EXTERNAL_EVENT = range(7)
_WHEN_ANY, _WHEN_ALL = 11, 12
_UNSUPPORTED = {7: "call_entity", 8: "call_http", 9: "signal_entity"}


class ReplayError(Exception):
    """The orchestrator cannot continue: its actions contradict its history, or this host lacks such an action."""


class EpisodeAbortedError(Exception):
    """The worker died while it ran the orchestrator: the episode did not happen, and is run again."""


@dataclass(frozen=True)
class Task:
    """A piece of work an orchestrator asked for; `kind` is the type of the event that schedules it."""

    task_id: int
    kind: EventType
    name: str = ""
    input: str | None = None
    instance_id: str | None = None
    fire_at: datetime | None = None
    version: str | None = None


@dataclass(frozen=True)
class Replay:
    """What one replay says.

    Attributes:
        new_tasks: work to dispatch, in the order of the ids.
        cancelled_timers: ids of timers that need not fire any more.
        waiting_on: ids that must all complete before the orchestrator can do anything new; empty if not known.
        is_over: the orchestrator returned, raised or continued as new, and none of its actions is outstanding.
        next_input: the input to continue as new with (JSON text), if it does.
    """

    new_tasks: Sequence[Task]
    cancelled_timers: Sequence[int]
    waiting_on: frozenset[int]
    is_over: bool
    output: Any = None
    error: str | None = None
    custom_status: Any = None
    continues_as_new: bool = False
    next_input: str | None = None


def replay(orchestrator: Callable[[str], str], context: str, history: Sequence[Event]) -> Replay:
    """Run the SDK's handler once.

    Args:
        orchestrator: calls the function that the SDK registered with `context`.
        context: the protocol's input, a JSON object that holds `history`.
        history: the same events, decoded.

    Raises:
        ReplayError: see there.
        EpisodeAbortedError: see there.
    """
    state = _call(orchestrator, context)
    actions = state["actions"][0] if state["actions"] else []
    walk = _Walk(actions)
    for event in history:
        walk.apply(event)
    continues = bool(actions) and actions[-1]["actionType"] == _CONTINUE_AS_NEW
    error = state.get("error")
    return Replay(
        new_tasks=walk.new_tasks(),
        cancelled_timers=walk.cancelled_timers,
        waiting_on=walk.waiting_on(),
        is_over=walk.is_done and (bool(state["isDone"]) or error is not None),
        output=state.get("output"),
        error=error,
        custom_status=state.get("customStatus"),
        continues_as_new=continues,
        next_input=actions[-1]["input"] if continues else None,
    )


def _call(orchestrator: Callable[[str], str], context: str) -> dict[str, Any]:
    try:
        answer = orchestrator(context)
    except EpisodeAbortedError:
        raise
    except Exception as error:
        message, marker, state = str(error).rpartition(_ERROR_MARKER)
        if not marker:
            return {"isDone": False, "actions": [], "error": str(error) or type(error).__name__}
        return {"error": message, **json.loads(state)}
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


@dataclass(eq=False)
class _Node:
    """An action that was started: done when `pending` completions arrived, which then counts for its parent."""

    parent: "_Node | None"
    pending: int
    children: "list[_Node]" = field(default_factory=list)
    is_any: bool = False
    task_id: int | None = None
    action: dict[str, Any] = field(default_factory=dict)
    attempts: int = 1

    @property
    def is_done(self) -> bool:
        return self.pending <= 0

    def settle(self) -> None:
        self.pending -= 1
        if self.pending == 0 and self.parent is not None:
            self.parent.settle()

    def required_ids(self) -> Iterable[int]:
        """Ids without whose completion this action cannot be done."""
        if self.is_done or self.is_any:
            return
        if self.task_id is not None:
            yield self.task_id
        for child in self.children:
            yield from child.required_ids()


class _Walk:
    def __init__(self, actions: Sequence[dict[str, Any]]) -> None:
        self.cancelled_timers: list[int] = []
        self._actions = deque(actions)
        self._current: _Node | None = None
        self._tasks: dict[int, Task] = {}
        self._nodes: dict[int, _Node] = {}
        self._in_history: set[int] = set()
        self._waiters: defaultdict[str, deque[_Node]] = defaultdict(deque)
        self._raised: Counter[str] = Counter()
        self._now: datetime | None = None

    @property
    def is_done(self) -> bool:
        return self._current is None and not self._actions

    def new_tasks(self) -> list[Task]:
        return [task for task_id, task in self._tasks.items() if task_id not in self._in_history]

    def waiting_on(self) -> frozenset[int]:
        return frozenset(self._current.required_ids() if self._current is not None else ())

    def apply(self, event: Event) -> None:
        kind = event["EventType"]
        if kind == EventType.ORCHESTRATOR_STARTED:
            self._now = parse_timestamp(event["Timestamp"])
        elif kind in (EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED, EventType.TIMER_CREATED):
            self._match(event)
        elif kind in (EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED):
            self._completed(event["TaskScheduledId"])
        elif kind in (EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED):
            self._failed(event["TaskScheduledId"])
        elif kind == EventType.TIMER_FIRED:
            self._fired(event["TimerId"])
        elif kind == EventType.EVENT_RAISED:
            self._event_raised(event["Name"])
        if kind != EventType.ORCHESTRATOR_STARTED:
            self._advance()

    def _advance(self) -> None:
        while True:
            if self._current is not None and not self._current.is_done:
                return
            self._current = None
            if not self._actions:
                return
            self._current = self._start(self._actions.popleft(), None)

    def _start(self, action: dict[str, Any], parent: _Node | None) -> _Node:
        kind = action["actionType"]
        if kind in (_WHEN_ALL, _WHEN_ANY):
            parts = action["compoundActions"]
            node = _Node(
                parent, pending=len(parts) if kind == _WHEN_ALL else min(1, len(parts)), is_any=kind == _WHEN_ANY
            )
            node.children = [self._start(part, node) for part in parts]
            if not parts and parent is not None:
                parent.settle()
            return node
        node = _Node(parent, pending=1, action=action)
        if kind == _EXTERNAL_EVENT:
            self._wait_for_event(node)
        elif kind == _CONTINUE_AS_NEW:
            node.settle()
        elif kind == _TIMER:
            self._schedule(
                node, Task(len(self._tasks), EventType.TIMER_CREATED, fire_at=parse_timestamp(action["fireAt"]))
            )
            if action["isCanceled"]:
                self.cancelled_timers.append(len(self._tasks) - 1)
                node.settle()
        elif kind in (_ACTIVITY, _ACTIVITY_RETRY, _CHILD, _CHILD_RETRY):
            self._schedule_call(node)
        else:
            raise ReplayError(f"the local host does not support {_UNSUPPORTED.get(kind, f'action {kind}')}")
        return node

    def _schedule_call(self, node: _Node) -> None:
        kind = node.action["actionType"]
        is_activity = kind in (_ACTIVITY, _ACTIVITY_RETRY)
        task = Task(
            task_id=len(self._tasks),
            kind=EventType.TASK_SCHEDULED if is_activity else EventType.SUB_ORCHESTRATION_CREATED,
            name=node.action["functionName"],
            input=node.action.get("input"),
            instance_id=node.action.get("instanceId"),
            version=node.action.get("version"),
        )
        if kind in (_ACTIVITY, _CHILD):
            node.task_id = task.task_id
        self._schedule(node, task)

    def _schedule(self, node: _Node, task: Task) -> None:
        self._tasks[task.task_id] = task
        self._nodes[task.task_id] = node

    def _wait_for_event(self, node: _Node) -> None:
        name = node.action["externalEventName"]
        if self._raised[name]:
            self._raised[name] -= 1
            node.settle()
        else:
            self._waiters[name].append(node)

    def _event_raised(self, name: str) -> None:
        if self._waiters[name]:
            self._waiters[name].popleft().settle()
        else:
            self._raised[name] += 1

    def _match(self, event: Event) -> None:
        task = self._tasks.get(event["EventId"])
        recorded = EventType(event["EventType"])
        if task is None or task.kind != recorded or task.name != event.get("Name", ""):
            found = "nothing" if task is None else f"{task.kind.public_name} {task.name}".rstrip()
            raise ReplayError(
                f"Non-Deterministic workflow detected: the history has {recorded.public_name} "
                f"{event.get('Name', '')} as task {event['EventId']}, but this replay asked for {found} there"
            )
        self._in_history.add(task.task_id)

    def _completed(self, task_id: int) -> None:
        if task_id in self._nodes:
            self._nodes[task_id].settle()

    def _failed(self, task_id: int) -> None:
        node = self._nodes.get(task_id)
        if node is None:
            return
        options = node.action.get("retryOptions")
        if options is None:
            node.settle()
            return
        assert self._now is not None
        fire_at = self._now + timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        self._schedule(node, Task(len(self._tasks), EventType.TIMER_CREATED, fire_at=fire_at))

    def _fired(self, timer_id: int) -> None:
        node = self._nodes.get(timer_id)
        if node is None:
            return
        options = node.action.get("retryOptions")
        # As in the Durable Task Framework a timer runs after the last attempt, too.
        if options is None or node.attempts >= options["maxNumberOfAttempts"]:
            node.settle()
        else:
            node.attempts += 1
            self._schedule_call(node)
