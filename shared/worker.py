"""Work in a process of its own, forked from a server that has dlt and the drivers imported already.

A child per piece of work because dlt keeps process-wide state, and because a crash, a deadline or a memory blow-up
must end one job only. A fork server because importing dlt takes seconds and forking milliseconds. Secrets travel to the
child through a pipe, never on a command line or in its environment.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any

from shared.child import child_main
from shared.errors import IngestionError
from shared.models import JobError
from shared.secrets import Secret

PRELOADED = ("shared.pipeline", "shared.probe")
STOP_SECONDS = 10  # what a child gets between SIGTERM and SIGKILL
_starting = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """When a child is ended: after `seconds`, or when it asks for more than `megabytes` of memory (None: no limit)."""

    seconds: float
    megabytes: int | None = None


Progress = Callable[[str, int], None]
"""Called with the stage (extract, normalize, load) and the rows read so far."""


class ChildError(IngestionError):
    """The child raised, was ended at its deadline, or crashed; kind and retryable are those of what happened."""

    def __init__(self, error: JobError) -> None:
        super().__init__(error.message)
        self.kind = error.kind
        self.retryable = error.retryable


def run_in_child(
    entry: str,
    arguments: Mapping[str, Any],
    secret: Secret,
    limits: Limits,
    name: str,
    progress: Progress = lambda _stage, _rows: None,
    raise_if_interrupted: Callable[[], None] = lambda: None,
) -> Any:
    """Call a function in a child process and return what it returns.

    Args:
        entry: The function, `module:name`. Only the child imports it.
        arguments: Its keyword arguments; it also gets `secret`, and `report`, which is a `Progress`.
        secret: The connection that it works with; its values are taken out of everything that the child logs.
        limits: When the child is ended.
        name: What stands before the child's log messages: a job or a source.
        progress: Called with what the child reports, about once a second.
        raise_if_interrupted: Called about once a second; what it raises ends the child, at any point, and is raised
            here: a load that did not commit leaves nothing behind.

    Raises:
        ChildError: the function raised, or the child did not live to return anything.
    """
    receiver, sender = _context().Pipe(duplex=False)
    child = _context().Process(
        target=child_main,
        args=(sender, entry, dict(arguments), secret, limits.megabytes),
        name=f"child-{name}",
        daemon=True,
    )
    child.start()
    sender.close()  # so that the child's end is the only one, and its death reads as end of file
    try:
        for kind, value in _messages(receiver, limits.seconds):
            if kind == "result":
                return value
            if kind == "error":
                raise ChildError(value)
            if kind == "progress":
                progress(*value)
            elif kind == "log":
                logger, level, text = value
                logging.getLogger(logger).log(level, "%s: %s", name, text)
            raise_if_interrupted()
        raise ChildError(_how_it_ended(child, limits))
    finally:
        _end(child)
        receiver.close()


def _context() -> ForkServerContext:
    with _starting:  # the first jobs of a run come at the same moment
        return _fork_server()


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with _import_path_in_environment():
        # any child starts the server; this one does nothing, and what it inherits is the whole import path
        warm_up = context.Process(target=_nothing, daemon=True)
        warm_up.start()
        warm_up.join()
    return context


@contextmanager
def _import_path_in_environment() -> Iterator[None]:
    """The fork server preloads before it is told `sys.path` (CPython before 3.14), so it gets it by PYTHONPATH."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _nothing() -> None:
    """What the child does that starts the fork server."""


def _messages(receiver: Connection, seconds: float) -> Iterator[tuple[str, Any]]:
    """What the child says, and `silence` where it has said nothing for a second, until its end or the deadline."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            yield receiver.recv() if receiver.poll(min(left, 1.0)) else ("silence", None)
        except EOFError:
            return


def _how_it_ended(child: Any, limits: Limits) -> JobError:
    child.join(0.5)
    if child.is_alive():
        message = f"It took longer than {_duration(limits.seconds)} and was ended."
        return JobError(kind="deadline", message=message, retryable=True)
    if child.exitcode and child.exitcode < 0:
        name = signal.Signals(-child.exitcode).name
        hint = " Most often that is the machine running out of memory." if name == "SIGKILL" else ""
        return JobError(kind="crash", message=f"Its process was ended by {name}.{hint}", retryable=True)
    message = f"Its process ended with exit code {child.exitcode} and no result."
    return JobError(kind="crash", message=message, retryable=True)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds:g} seconds"


def _end(child: Any) -> None:
    child.join(0.5)
    if child.is_alive():
        child.terminate()
        child.join(STOP_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
    child.close()
