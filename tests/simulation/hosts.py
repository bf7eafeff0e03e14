"""Hosts with their workers: they carry out activities and functions, die, freeze, and come back."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tests.simulation.durable.engine import VISIBLE_AGAIN, Engine, Message
from tests.simulation.faults import Dice
from tests.simulation.kernel import Kernel, Process, Task

SLOTS = 8  # maxConcurrentActivityFunctions
WORKER_STARTS = 5.0
BLOB_TRIES = 5

Activity = Callable[[dict[str, Any]], dict[str, Any]]


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never has to wait for an event loop: everything it awaits blocks its task instead."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a coroutine waits for an event loop")


class Host:
    """One instance of the app: a worker process that may be another one later."""

    def __init__(self, number: int, kernel: Kernel) -> None:
        self.number = number
        self.ready_at = kernel.now
        self.is_up = True
        self.activities: dict[Task, Message] = {}
        self._kernel = kernel
        self.worker = kernel.process(f"host {number}")

    @property
    def takes_work(self) -> bool:
        return self.is_up and self.ready_at <= self._kernel.now and self.worker.frozen_until <= self._kernel.now

    def new_worker(self) -> None:
        self.worker = self._kernel.process(f"host {self.number}")


@dataclass
class Timer:
    """A timer trigger: its function gets whether its tick was missed."""

    name: str
    seconds: float
    function: Callable[[bool], Coroutine[Any, Any, Any]]
    is_missed: bool = False


class Hosts:
    """All hosts, and the triggers that they share.

    Args:
        kernel: The clock.
        dice: What goes wrong.
        engine: The task hub.
        activities: By name.
        count: How many hosts.
        note: Writes a line of the trace.
    """

    def __init__(
        self,
        kernel: Kernel,
        dice: Dice,
        engine: Engine,
        activities: dict[str, Activity],
        count: int,
        note: Callable[[str], None],
    ) -> None:
        self.hosts = [Host(number, kernel) for number in range(1, count + 1)]
        self._kernel, self._dice, self._engine, self._activities, self._note = kernel, dice, engine, activities, note
        self._timers: list[Timer] = []
        engine.workers = self
        dice.kill_worker, dice.kill_host = self.kill_process, self.kill_host_of

    def are_there(self) -> bool:
        return any(host.takes_work for host in self.hosts)

    def carry_out(self, message: Message) -> bool:
        free = [host for host in self.hosts if host.takes_work and len(host.activities) < SLOTS]
        if not free:
            return False
        host = self._dice.random.choice(free)
        body = self._activities[message.name]
        task = self._kernel.spawn(
            host.worker, lambda: json.dumps(body(json.loads(message.input))), f"{host.worker.name} {message.name}"
        )
        host.activities[task] = message
        self._kernel.call_in(VISIBLE_AGAIN, lambda: self._look_after(host, task, message))
        task.on_end = lambda: self._activity_ended(host, task, message)
        return True

    def _look_after(self, host: Host, task: Task, message: Message) -> None:
        """A living host renews its messages; that of a frozen one comes back while its activity still runs."""
        if task.is_over or host.activities.get(task) is not message:
            return
        if task.process.frozen_until > self._kernel.now:
            self._note(f"{message.name} of {message.instance_id} comes back, its host is silent")
            self._engine.deliver(message)
            return
        self._kernel.call_in(60.0, lambda: self._look_after(host, task, message))

    def _activity_ended(self, host: Host, task: Task, message: Message) -> None:
        if host.activities.pop(task, None) is None:
            return  # its worker has died, which was dealt with
        if task.error is not None:
            self._engine.complete(message, error=f"{type(task.error).__name__}: {task.error}")
        else:
            self._engine.complete(message, task.result)

    def invoke(self, name: str, function: Callable[[], Coroutine[Any, Any, Any]]) -> Task | None:
        """Run a function on one of the hosts; None if there is none."""
        ready = [host for host in self.hosts if host.takes_work]
        if not ready:
            return None
        host = self._dice.random.choice(ready)
        return self._kernel.spawn(host.worker, lambda: drive(function()), f"{host.worker.name} {name}")

    def kill_process(self, process: Process) -> None:
        """End a process: a child alone, or a worker, whose activities fail at once."""
        host = next((host for host in self.hosts if host.worker is process), None)
        self._kernel.kill(process)
        if host is None:
            return
        self._note(f"{process.name}: its worker has died")
        for message in self._abandoned(host):
            self._engine.complete(message, error="exited with code 137")
        host.new_worker()
        host.ready_at = self._kernel.now + WORKER_STARTS

    def kill_host_of(self, process: Process) -> None:
        """End the host of a process: its messages come back after a while."""
        host = next((host for host in self.hosts if process in (host.worker, *host.worker.children)), None)
        if host is not None:
            self.stop(host, self._dice.random.choice((10.0, 60.0, 400.0)))

    def stop(self, host: Host, seconds: float) -> None:
        """End a host, and start it again after a while."""
        if not host.is_up:
            return
        self._note(f"{host.worker.name} has died, for {seconds:g} s")
        host.is_up = False
        self._kernel.kill(host.worker)
        for message in self._abandoned(host):
            self._engine.redeliver(message)
        self._kernel.call_in(seconds, lambda: self._start(host))

    def _abandoned(self, host: Host) -> list[Message]:
        messages = list(host.activities.values())
        host.activities.clear()
        return messages

    def _start(self, host: Host) -> None:
        host.is_up, host.ready_at = True, self._kernel.now
        host.new_worker()
        self._note(f"{host.worker.name} is there again")
        for timer in self._timers:
            if timer.is_missed:
                self._fire(timer, past_due=True)

    def add_timer(self, timer: Timer) -> None:
        self._timers.append(timer)
        self._next_tick(timer)

    def _next_tick(self, timer: Timer) -> None:
        at = (self._kernel.now // timer.seconds + 1) * timer.seconds

        def tick() -> None:
            self._fire(timer, past_due=False)
            self._next_tick(timer)

        self._kernel.call_at(at, tick)

    def _fire(self, timer: Timer, past_due: bool) -> None:
        task = self.invoke(timer.name, lambda: timer.function(past_due))
        timer.is_missed = task is None

    def blob_written(self, function: Callable[[], Coroutine[Any, Any, Any]], tries: int = 0) -> None:
        """Run the blob trigger's function: five times within half a second, and never again."""
        if tries >= BLOB_TRIES:
            self._note("the blob trigger has given up")
            return
        task = self.invoke("workbook_uploaded", function)
        if task is None:
            self._kernel.call_in(30.0, lambda: self.blob_written(function, tries))
            return

        def ended() -> None:
            if task.error is None:
                return
            wait = 0.1 if task.process.alive else VISIBLE_AGAIN
            self._kernel.call_in(wait, lambda: self.blob_written(function, tries + 1))

        task.on_end = ended
