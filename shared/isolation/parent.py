"""Work in its own process, warm from the work before it if that went well.

A process apart because dlt keeps process-wide state, and because a crash, a deadline or a memory blow-up must end one
job only. A process is used again after a success, because imports, signing in and connecting cost a small load more
than the load itself; after anything else it is ended with all that it still holds. Secrets travel to the child through
a pipe, never on a command line or in its environment.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from shared.errors.hierarchy import IngestionError
from shared.isolation.child import Work, child_main
from shared.isolation.fork_server import fork_server
from shared.isolation.memory import Neighbours, out_of_memory_kills
from shared.models.attempt import JobError
from shared.secrets import Secret
from shared.settings import settings

STOP_SECONDS = 10  # what a child gets between SIGTERM and SIGKILL


TOLD_SECONDS = 60  # at most until it is known how a child ended


@dataclass(frozen=True)
class Limits:
    """When a child is ended: after `seconds`, or when it asks for more than `megabytes` of memory (None: no limit)."""

    seconds: float
    megabytes: int | None = None


_neighbours = Neighbours()


Progress = Callable[[str, int], None]


"""Called with the stage (extract, normalize, load) and the rows read so far."""


class ChildError(IngestionError):
    """The child raised, was ended at its deadline, or crashed; kind and retryable are those of what happened."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.kind = error.kind
        self.retryable = error.retryable
        self.retry_after_seconds = error.retry_after_seconds


def run_in_child(
    entry: str,
    arguments: Mapping[str, Any],
    secret: Secret,
    limits: Limits,
    name: str,
    progress: Progress = lambda _stage, _rows: None,
    raise_if_interrupted: Callable[[], None] = lambda: None,
    reusable: Callable[[Any], bool] = lambda _result: False,
) -> Any:
    """Call a function in a child process and return what it returns.

    Args:
        entry: The function, `module:name`. Only the child imports it.
        arguments: Its keyword arguments; it also gets `secret`, and `report`, which is a `Progress`.
        secret: The connection that it works with; its values are taken out of everything that the child logs.
        limits: When the child is ended.
        name: The prefix of the child's log messages: a job or a source.
        progress: Called with what the child reports, about once a second.
        raise_if_interrupted: Called about once a second; what it raises ends the child, at any point, and is raised
            here: a load that did not commit leaves nothing behind.
        reusable: Whether a result says that the child may be given other work.

    Raises:
        ChildError: the function raised, or the child did not live to return anything.
    """
    deadline = time.monotonic() + limits.seconds
    work = Work(entry, dict(arguments), secret, limits.megabytes)
    with _neighbours.room(limits.seconds):
        return _carried_out(work, deadline, limits, name, progress, raise_if_interrupted, reusable)


def _carried_out(
    work: Work,
    deadline: float,
    limits: Limits,
    name: str,
    progress: Progress,
    raise_if_interrupted: Callable[[], None],
    reusable: Callable[[Any], bool],
) -> Any:
    child = _give(work)
    returned = None
    try:
        for kind, value in child.messages(deadline):
            if kind == "result":
                returned = value
                return value.content
            if kind == "error":
                raise ChildError(value)
            if kind == "progress":
                progress(*value)
            elif kind == "log":
                logger, level, text = value
                logging.getLogger(logger).log(level, "%s: %s", name, text)
            raise_if_interrupted()
        message = f"It took longer than {_duration(limits.seconds)} and was ended."
        raise ChildError(JobError(kind="deadline", message=message, retryable=True))
    finally:
        if returned and returned.warm and settings().process_idle_seconds and reusable(returned.content):
            _idle.put(child)
        else:
            child.end()


class _Child:
    """A child process and the pipe to it."""

    def __init__(self) -> None:
        context = fork_server()
        self._pipe, other_end = context.Pipe()
        self._kills_before = out_of_memory_kills()
        self.process: BaseProcess = context.Process(target=child_main, args=(other_end,), name="child", daemon=True)
        self.process.start()
        other_end.close()  # so that the child's end is the only one, and its death reads as end of file

    @property
    def memory_ran_out(self) -> bool:
        """Whether the system has killed a process for want of memory since this one began."""
        return self._kills_before is not None and out_of_memory_kills() != self._kills_before

    def take(self, work: Work) -> bool:
        """Hand over; False if the child died before it took the work."""
        try:
            self._pipe.send(work)
            self._pipe.recv()  # that it has begun
        except (EOFError, OSError):
            return False
        return True

    def messages(self, deadline: float) -> Iterator[tuple[str, Any]]:
        """What the child says, and `silence` when it has said nothing for a second, until the deadline.

        Raises:
            ChildError: the child has ended.
        """
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._pipe.recv() if self._pipe.poll(min(left, 1.0)) else ("silence", None)
            except (EOFError, OSError):
                raise ChildError(_how_it_ended(self)) from None
            yield message

    def end(self) -> None:
        """End the process, gently if it listens."""
        self._pipe.close()
        self.process.join(0.5)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(STOP_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


class _Idle:
    """Children that wait for work; one that has waited for too long is ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[_Child, threading.Timer] = {}

    def put(self, child: _Child) -> None:
        """Keep a child for other work."""
        timer = threading.Timer(settings().process_idle_seconds, self._end, [child])
        timer.daemon = True
        with self._lock:
            self._waiting[child] = timer
        timer.start()

    def pop(self) -> _Child | None:
        """The child that has worked last, or None."""
        with self._lock:
            if not self._waiting:
                return None
            child, timer = self._waiting.popitem()
        timer.cancel()
        return child

    def _end(self, child: _Child) -> None:
        with self._lock:
            still_waits = self._waiting.pop(child, None)
        if still_waits:
            child.end()


_idle = _Idle()


def _give(work: Work) -> _Child:
    """Give the work to a child that waits for some, or to a new one."""
    while waiting := _idle.pop():
        if waiting.take(work):
            return waiting
        waiting.end()
    child = _Child()
    if not child.take(work):
        ended = _how_it_ended(child)
        child.end()
        raise ChildError(ended)
    return child


def _how_it_ended(ended: _Child) -> JobError:
    """How a child that has closed its pipe ended. The fork server reports it, late if it is busy."""
    child = ended.process
    child.join(TOLD_SECONDS)
    if child.exitcode and child.exitcode < 0:
        name = signal.Signals(-child.exitcode).name
        if name == "SIGKILL" and ended.memory_ran_out:
            _neighbours.ran_out()
            message = (
                "The instance ran out of memory, and the system ended this attempt for the others: it is tried again "
                "with fewer neighbours. Set JOB_MEMORY_MEGABYTES, take larger instances or run fewer jobs at once."
            )
            return JobError(kind="memory", message=message, retryable=True)
        hint = " Most often that is the machine running out of memory." if name == "SIGKILL" else ""
        return JobError(kind="crash", message=f"Its process was ended by {name}.{hint}", retryable=True)
    message = f"Its process ended with exit code {child.exitcode} and no result."
    return JobError(kind="crash", message=message, retryable=True)


def _duration(seconds: float) -> str:
    number, unit = (seconds / 60, "minute") if seconds >= 60 else (seconds, "second")
    return f"{number:g} {unit}" if number == 1 else f"{number:g} {unit}s"
