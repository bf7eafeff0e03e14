"""What the event store keeps and what changes it, as plain records."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from localhost.host.durable.history import Event, Status
from localhost.host.durable.replay import Task


@dataclass(frozen=True)
class Parent:
    """Who waits for a sub-orchestration: the parent's instance, its execution and the task id there."""

    instance_id: str
    execution_id: str
    task_id: int


@dataclass(frozen=True)
class Instance:
    """One orchestration instance; input, output and custom status are JSON texts, times as `timestamp()` writes."""

    instance_id: str
    execution_id: str
    name: str
    input: str | None
    status: Status
    output: str | None
    custom_status: str | None
    created_at: str
    updated_at: str
    parent: Parent | None
    version: str = ""


@dataclass(frozen=True)
class Activity:
    """An activity that was scheduled and has no result yet."""

    execution_id: str
    task_id: int
    instance_id: str
    name: str
    input: str | None


@dataclass(frozen=True)
class Timer:
    """A durable timer that is still to fire."""

    execution_id: str
    task_id: int
    instance_id: str
    fire_at: datetime


@dataclass(frozen=True)
class Message:
    """An event that waits to become history."""

    message_id: int
    event: Event


@dataclass(frozen=True)
class Ending:
    """How an instance ends; `output` is JSON text, `reason` is what a parent gets if it did not complete."""

    status: Status
    output: str | None
    reason: str | None = None


@dataclass(frozen=True)
class Episode:
    """What one replay changes, stored as a whole or not at all."""

    instance: Instance
    consumed: Sequence[Message]
    events: Sequence[Event]
    tasks: Sequence[Task] = ()
    cancelled_timers: Sequence[int] = ()
    custom_status: str | None = None
    ending: Ending | None = None
    next_input: str | None = None
    continues_as_new: bool = False


@dataclass(frozen=True)
class NewWork:
    """What there is to do after a change: instances to look at, activities to run, timers to wait for."""

    instances: Sequence[str] = ()
    activities: Sequence[Activity] = ()
    timers: Sequence[Timer] = ()
