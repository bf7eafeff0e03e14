"""Simulated time, and tasks that take turns: at any moment one of them runs, and the seed decides which is next.

A task is a greenlet, so the app's blocking code runs as it is; it gives the turn away where it sleeps, waits or asks
a service. A task belongs to a process. A process that dies takes its tasks with it at the point where they are; one
that is frozen keeps them where they are until it thaws.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from greenlet import getcurrent, greenlet

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


class Killed(BaseException):
    """Ends a task whose process has died; no `except Exception` of the app sees it."""


class Process:
    """What lives and dies as one: a host's worker, or a child of it.

    Args:
        name: For the trace.
        parent: Whose death and frost are its own, too.
    """

    def __init__(self, name: str, parent: Process | None = None) -> None:
        self.name = name
        self.alive = True
        self.tasks: list[Task] = []
        self.children: list[Process] = []
        self._parent = parent
        self._frozen_until = 0.0
        if parent:
            parent.children.append(self)

    @property
    def frozen_until(self) -> float:
        return max(self._frozen_until, self._parent.frozen_until if self._parent else 0.0)

    def freeze(self, until: float) -> None:
        self._frozen_until = max(self._frozen_until, until)


class Task:
    """Code that runs in a process."""

    def __init__(self, kernel: Kernel, process: Process, body: Callable[[], Any], name: str) -> None:
        self.process = process
        self.name = name
        self.faults = 0  # that it met
        self.ended = Signal()
        self.on_end: Callable[[], None] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self._kernel = kernel
        self._body = body
        self._wakes = 0
        self.greenlet = greenlet(self._run, parent=kernel.hub)
        process.tasks.append(self)

    @property
    def is_over(self) -> bool:
        return self.ended.is_set

    def wake_at(self, when: float) -> None:
        """Let it continue then; an earlier or later call of this in the meantime no longer counts."""
        self._wakes += 1
        number = self._wakes
        self._kernel.call_at(when, lambda: self._wake(number))

    def _wake(self, number: int) -> None:
        if self.is_over or number != self._wakes:
            return
        thaws_at = self.process.frozen_until
        if self.process.alive and thaws_at > self._kernel.now:
            self._kernel.call_at(thaws_at, lambda: self._wake(number))
            return
        self.greenlet.parent = self._kernel.hub
        self._kernel.current, before = self, self._kernel.current
        self.greenlet.switch()
        self._kernel.current = before

    def _run(self) -> None:
        try:
            self._kernel.check()
            self.result = self._body()
        except Killed:
            self.error = Killed()
        except Exception as error:
            self.error = error
        self.process.tasks.remove(self)
        self.ended.set(self._kernel)
        if self.on_end:
            self._kernel.call_in(0.0, self.on_end)


class Signal:
    """Something that happens once, or again after `clear`."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: list[Task] = []

    def set(self, kernel: Kernel) -> None:
        self.is_set = True
        for task in self._waiting:
            task.wake_at(kernel.now)
        self._waiting.clear()

    def clear(self) -> None:
        self.is_set = False

    def add(self, task: Task) -> None:
        self._waiting.append(task)

    def drop(self, task: Task) -> None:
        if task in self._waiting:
            self._waiting.remove(task)


class Kernel:
    """The clock, and what happens when."""

    def __init__(self) -> None:
        self.now = START.timestamp()
        self.hub = getcurrent()
        self.current: Task | None = None
        self.processes: list[Process] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def call_at(self, when: float, action: Callable[[], None]) -> None:
        """Do something then; of two things at one time the first that was asked for comes first."""
        self._count += 1
        heapq.heappush(self._agenda, (max(when, self.now), self._count, action))

    def call_in(self, seconds: float, action: Callable[[], None]) -> None:
        self.call_at(self.now + seconds, action)

    def process(self, name: str, parent: Process | None = None) -> Process:
        created = Process(name, parent)
        self.processes.append(created)
        return created

    def spawn(self, process: Process, body: Callable[[], Any], name: str) -> Task:
        """Start a task, which gets its first turn as soon as everything before it is done."""
        task = Task(self, process, body, name)
        task.wake_at(self.now)
        return task

    def run(self, until: float) -> None:
        """Let things happen up to a time."""
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, action = heapq.heappop(self._agenda)
            action()
        self.now = max(self.now, until)

    def check(self) -> None:
        """Raises Killed in a task whose process has died."""
        if self.current and not self.current.process.alive:
            raise Killed

    def sleep(self, seconds: float) -> None:
        """Give the turn away for a while; outside of tasks nothing."""
        task = self.current
        if task is None:
            return
        self.check()
        task.wake_at(self.now + seconds)
        self.hub.switch()
        self.check()

    def wait(self, signal: Signal, timeout: float | None = None) -> bool:
        """Give the turn away until something happens; returns whether it has."""
        task = self.current
        assert task is not None
        self.check()
        if not signal.is_set:
            signal.add(task)
            if timeout is not None:
                task.wake_at(self.now + timeout)
            self.hub.switch()
            signal.drop(task)
        self.check()
        return signal.is_set

    def kill(self, process: Process) -> None:
        """End a process and its children; what runs in them stops."""
        if not process.alive:
            return
        process.alive = False
        for child in process.children:
            self.kill(child)
        for task in process.tasks:
            if task is not self.current:
                task.wake_at(self.now)
        self.processes.remove(process)

    def close(self) -> None:
        """End everything, so that no task is left in the middle of something."""
        for process in list(self.processes):
            self.kill(process)
        self.run(self.now)
