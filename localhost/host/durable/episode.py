"""One episode of an orchestration: take what arrived, replay, and store what that asks for."""

import json
import logging
from collections.abc import Callable
from typing import NamedTuple

from localhost.host.durable.history import Event, EventType, Status, event
from localhost.host.durable.records import Ending, Episode, Instance, Message, NewWork
from localhost.host.durable.replay import Replay, ReplayError, Task, replay
from localhost.host.durable.store import Store

logger = logging.getLogger(__name__)

Orchestrators = Callable[[str], Callable[[str], str] | None]
"""Gives by its name an orchestrator, which takes the protocol's input and returns its output; None if there is none."""

# The SDK spends most of a replay on parsing each event's time; leaving these out halves a long history.
_NOT_READ_BY_SDK = frozenset(
    {
        EventType.TASK_SCHEDULED,
        EventType.SUB_ORCHESTRATION_CREATED,
        EventType.TIMER_CREATED,
        EventType.ORCHESTRATOR_COMPLETED,
    }
)


class Outcome(NamedTuple):
    """What came of an episode: work, what the instance waits for (see `Replay.waiting_on`), and how far it is now."""

    work: NewWork
    waiting_on: frozenset[int]
    progress: tuple[str, int]
    """As `Store.progress`."""


def run_episode(store: Store, orchestrators: Orchestrators, instance_id: str) -> Outcome | None:
    """Continue one instance as far as what arrived allows.

    Returns:
        What came of it; None if it may not continue: unknown, finished, suspended, nothing arrived, changed meanwhile.
    """
    instance = store.instance(instance_id)
    if instance is None or instance.status not in (Status.PENDING, Status.RUNNING):
        return None
    messages = store.messages(instance_id)
    if instance.status == Status.RUNNING and not messages:
        return None
    old = store.history(instance_id)
    episode, waiting_on = _replay(old, orchestrators, instance, messages)
    work = store.commit(episode)
    if work is None:
        return None
    if episode.ending is not None:
        logger.info("orchestration %s (%s): %s", instance.name, instance_id, episode.ending.status.value)
    return Outcome(work, waiting_on, (instance.execution_id, len(old) + len(episode.events)))


def _replay(
    old: list[str], orchestrators: Orchestrators, instance: Instance, messages: list[Message]
) -> tuple[Episode, frozenset[int]]:
    new = [event(EventType.ORCHESTRATOR_STARTED)]
    if not old:
        new.append(_execution_started(instance))
    new += [message.event for message in messages]
    history = [json.loads(text) for text in old] + new
    try:
        orchestrator = _orchestrator(orchestrators, instance.name)
        result = replay(orchestrator, _context(instance, old, history), history)
    except ReplayError as error:
        logger.error("orchestration %s (%s): %s", instance.name, instance.instance_id, error)  # noqa: TRY400
        ending = _failure(instance, str(error))
        return Episode(instance, messages, [*new, *_closing(ending)], ending=ending), frozenset()
    return _episode(instance, messages, new, result), result.waiting_on


def _orchestrator(orchestrators: Orchestrators, name: str) -> Callable[[str], str]:
    orchestrator = orchestrators(name)
    if orchestrator is None:
        raise ReplayError(f"the app has no orchestrator function {name!r}")
    return orchestrator


def _episode(instance: Instance, messages: list[Message], new: list[Event], result: Replay) -> Episode:
    ending = None
    if result.is_over and not result.continues_as_new:
        ending = (
            _failure(instance, result.error)
            if result.error is not None
            else Ending(Status.COMPLETED, json.dumps(result.output))
        )
    return Episode(
        instance=instance,
        consumed=messages,
        events=[*new, *(_scheduled(task) for task in result.new_tasks), *_closing(ending)],
        tasks=result.new_tasks,
        cancelled_timers=result.cancelled_timers,
        custom_status=json.dumps(result.custom_status),
        ending=ending,
        continues_as_new=result.is_over and result.continues_as_new,
        next_input=result.next_input,
    )


def _context(instance: Instance, old: list[str], history: list[Event]) -> str:
    texts = [
        old[i] if i < len(old) else json.dumps(item)
        for i, item in enumerate(history)
        if item["EventType"] not in _NOT_READ_BY_SDK
    ]
    # Events are JSON texts already: joining them spares a long history from being encoded for every episode. Without
    # the protocol's two timer durations the SDK makes one timer of a long one, as it does for the SQL backends.
    fields = {
        "input": instance.input,
        "instanceId": instance.instance_id,
        "isReplaying": False,
        "parentInstanceId": instance.parent.instance_id if instance.parent else None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 2,
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }
    return f'{{"history": [{", ".join(texts)}], {json.dumps(fields)[1:]}'


def _execution_started(instance: Instance) -> Event:
    return event(
        EventType.EXECUTION_STARTED,
        Name=instance.name,
        Version=instance.version,
        Input=instance.input,
        OrchestrationInstance={"InstanceId": instance.instance_id, "ExecutionId": instance.execution_id},
    )


def _scheduled(task: Task) -> Event:
    if task.kind == EventType.TIMER_CREATED:
        assert task.fire_at is not None
        return event(task.kind, task.task_id, FireAt=task.fire_at.isoformat())
    return event(task.kind, task.task_id, Name=task.name, Input=task.input)


def _closing(ending: Ending | None) -> list[Event]:
    closing = [event(EventType.ORCHESTRATOR_COMPLETED)]
    if ending is not None:
        completed = ending.status == Status.COMPLETED
        kind = EventType.EXECUTION_COMPLETED if completed else EventType.EXECUTION_FAILED
        closing.insert(0, event(kind, Result=ending.output))
    return closing


def _failure(instance: Instance, error: str) -> Ending:
    reason = f"Orchestrator function '{instance.name}' failed: {error}"
    return Ending(Status.FAILED, json.dumps(reason), reason)
