"""Instances and their queues: what was started, what arrived, what runs next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.durable.replay import Episode, Event, NonDeterminismError, Orchestrator, Outcome, Task, replay
from tests.simulation.faults import Dice
from tests.simulation.kernel import Kernel

ACTIVE = ("Pending", "Running", "Suspended")
VISIBLE_AGAIN = 300.0  # seconds until a message that a dead host held comes back


class ConflictError(Exception):
    """There is an active instance of that id."""


@dataclass(eq=False)
class Instance:
    """One orchestration."""

    instance_id: str
    name: str
    input: str
    created: datetime
    version: int
    parent: tuple[str, int, int] | None = None  # its id, execution and task
    execution: int = 0
    status: str = "Pending"
    updated: datetime | None = None
    history: list[Episode] = field(default_factory=list)
    scheduled: list[tuple[str, str]] = field(default_factory=list)
    inbox: list[Event] = field(default_factory=list)
    custom_status: Any = None
    output: Any = None
    is_busy: bool = False

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


@dataclass(frozen=True, eq=False)
class Message:
    """An activity that is to be carried out."""

    instance_id: str
    execution: int
    task_id: int
    name: str
    input: str


class Workers(Protocol):
    """Who carries out what the engine has to do."""

    def are_there(self) -> bool:
        """Whether any host can take work at the moment."""
        ...

    def carry_out(self, message: Message) -> bool:
        """Take an activity; False if no host can at the moment."""
        ...


class Engine:
    """The task hub.

    Args:
        kernel: The clock.
        dice: What goes wrong.
        orchestrators: By name.
    """

    def __init__(self, kernel: Kernel, dice: Dice, orchestrators: dict[str, Orchestrator]) -> None:
        self.instances: dict[str, Instance] = {}
        self.started: set[str] = set()  # every orchestration that is not another one's
        self.version = 1
        self.workers: Workers | None = None
        self.check_replay: Callable[[Instance, Outcome], None] | None = None
        self._kernel, self._dice, self._orchestrators = kernel, dice, orchestrators
        self._executions = 0

    def start(self, name: str, input_: str, instance_id: str, parent: tuple[str, int, int] | None = None) -> Instance:
        """Make an instance.

        Raises:
            ConflictError: there is an active one of that id.
        """
        existing = self.instances.get(instance_id)
        if existing and existing.is_active:
            raise ConflictError(f"An Orchestration instance with the status {existing.status} already exists.")
        instance = Instance(instance_id, name, input_, self._kernel.moment, self.version, parent, self._next())
        self.instances[instance_id] = instance
        self.started.add(instance_id)
        self._send(instance, Event())
        return instance

    def active(self) -> list[Instance]:
        return [instance for instance in self.instances.values() if instance.is_active]

    def raise_event(self, instance_id: str, name: str) -> None:
        self._send(self.instances[instance_id], Event(name=name))

    def terminate(self, instance_id: str, reason: str) -> None:
        instance = self.instances[instance_id]
        if instance.is_active:
            self._end(instance, "Terminated", reason)

    def suspend(self, instance_id: str) -> None:
        if self.instances[instance_id].is_active:
            self.instances[instance_id].status = "Suspended"

    def resume(self, instance_id: str) -> None:
        instance = self.instances[instance_id]
        if instance.status == "Suspended":
            instance.status = "Running" if instance.history else "Pending"
            self._look(instance)

    def restart(self, instance_id: str, new_id: str) -> None:
        old = self.instances[instance_id]
        self.start(old.name, old.input, new_id)
        self.started.discard(new_id)  # it has another one's input, and is to do nothing

    def purge(self, instance_id: str) -> bool:
        instance = self.instances.get(instance_id)
        if instance is None or instance.is_active:
            return False
        del self.instances[instance_id]
        return True

    def deliver(self, message: Message) -> None:
        """Hand an activity to a worker as soon as there is one."""
        assert self.workers
        instance = self.instances.get(message.instance_id)
        if instance is None or (instance.execution != message.execution and instance.is_active):
            return
        if not self.workers.carry_out(message):
            self._kernel.call_in(5.0, lambda: self.deliver(message))

    def redeliver(self, message: Message) -> None:
        """Its host has fallen silent: another one gets it after a while, unless an answer comes first."""

        def again() -> None:
            if not self._has_ended(message):
                self.deliver(message)

        self._kernel.call_in(VISIBLE_AGAIN, again)

    def complete(self, message: Message, result: str = "null", error: str | None = None) -> None:
        """An activity has ended; only the first answer counts."""
        instance = self.instances.get(message.instance_id)
        if instance and instance.execution == message.execution and instance.is_active:
            self._send(instance, Event(message.task_id, result, error))

    def _has_ended(self, message: Message) -> bool:
        instance = self.instances.get(message.instance_id)
        if instance is None or instance.execution != message.execution or not instance.is_active:
            return True
        arrived: Iterable[Event] = (event for episode in instance.history for event in episode.events)
        return any(event.task_id == message.task_id for event in (*arrived, *instance.inbox))

    def _next(self) -> int:
        self._executions += 1
        return self._executions

    def _send(self, instance: Instance, event: Event) -> None:
        instance.inbox.append(event)
        self._look(instance)

    def _look(self, instance: Instance) -> None:
        if instance.inbox and not instance.is_busy and instance.status in ("Pending", "Running"):
            instance.is_busy = True
            self._kernel.call_in(self._dice.latency(), lambda: self._episode(instance))

    def _episode(self, instance: Instance) -> None:
        assert self.workers
        if not self.workers.are_there():
            self._kernel.call_in(5.0, lambda: self._episode(instance))
            return
        if self._dice.breaks_episode():  # nothing of it is kept, and the messages come back
            self._kernel.call_in(VISIBLE_AGAIN, lambda: self._episode(instance))
            return
        instance.is_busy = False
        if instance.status not in ("Pending", "Running") or self.instances.get(instance.instance_id) is not instance:
            return
        instance.status = "Running"
        instance.history.append(Episode(self._kernel.moment, tuple(instance.inbox)))
        instance.inbox.clear()
        try:
            outcome = self._replayed(instance)
        except NonDeterminismError as error:
            self._end(instance, "Failed", str(error))
            return
        if self.check_replay:
            self.check_replay(instance, outcome)
        self._commit(instance, outcome)

    def _replayed(self, instance: Instance) -> Outcome:
        return replay(
            self._orchestrators[instance.name],
            instance.instance_id,
            instance.input,
            instance.history,
            instance.scheduled,
            str(instance.version),
        )

    def _commit(self, instance: Instance, outcome: Outcome) -> None:
        instance.custom_status, instance.updated = outcome.custom_status, self._kernel.moment
        new = outcome.scheduled[len(instance.scheduled) :]
        instance.scheduled += [(task.kind, task.name) for task in new]
        for task in new:
            self._dispatch(instance, task)
        if outcome.next_input is not None:
            instance.input, instance.execution = outcome.next_input, self._next()
            instance.history, instance.scheduled, instance.version = [], [], self.version
            self._send(instance, Event())
        elif outcome.error is not None:
            self._end(instance, "Failed", outcome.error)
        elif outcome.is_over:
            self._end(instance, "Completed", outcome.output)

    def _dispatch(self, instance: Instance, task: Task) -> None:
        assert task.task_id is not None
        identity = (instance.instance_id, instance.execution, task.task_id)
        if task.kind == "activity":
            message = Message(*identity, task.name, task.input)
            for _ in range(self._dice.copies()):
                self._kernel.call_in(self._dice.latency(), lambda: self.deliver(message))
        elif task.kind == "child":
            assert task.instance_id
            self.start(task.name, task.input, task.instance_id, identity)
        elif task.kind == "timer" and not task.is_cancelled:
            assert task.fire_at
            fired = Message(*identity, "timer", "null")
            self._kernel.call_at(task.fire_at.timestamp(), lambda: self.complete(fired))

    def _end(self, instance: Instance, status: str, output: str) -> None:
        instance.status, instance.output, instance.updated = status, output, self._kernel.moment
        if instance.parent is None:
            return
        waiting = Message(*instance.parent, instance.name, "null")
        if status == "Completed":
            self.complete(waiting, output)
        else:
            self.complete(waiting, error=f"{instance.instance_id} {status}: {output}")
