"""What a child process does: call functions, and send the parent their results, their progress and their log.

The parent, which is the function app, imports this module and never what the function needs.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

from shared.errors.job_errors import as_job_error
from shared.isolation.memory import memory_limit, offer_as_victim, used_megabytes
from shared.models.attempt import JobError
from shared.secrets import Secret

WARM_MEGABYTES = 128  # a process that has grown by more is not used again: much of it never comes back


REPORT_SECONDS = 1.0  # at least this long between two progress messages


@dataclass(frozen=True)
class Work:
    """A function to call, `module:name`, with its keyword arguments and the secret that it gets besides.

    `megabytes` of memory are what the process may use beyond what it had at its start; None for no limit.
    """

    entry: str
    arguments: Mapping[str, Any]
    secret: Secret
    megabytes: int | None = None


@dataclass(frozen=True)
class Result:
    """What a function returned, and whether its process may be given other work."""

    content: Any
    warm: bool


def child_main(pipe: Connection) -> None:
    """Do one piece of work after another, until the pipe is closed.

    Args:
        pipe: Brings `Work`; takes pairs of a kind (began, result, error, progress, log) and its value.
    """
    _die_with_parent()
    offer_as_victim()
    outbox = _Outbox(pipe)
    handler = _PipeHandler(outbox)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # dlt's logger does not propagate, and formats by the first handler that it has: that writes to the pipe, too
    of_dlt = _PipeHandler(outbox, handler.secrets)
    logging.getLogger("dlt").handlers[:] = [of_dlt]
    memory_at_first, used_at_first = _most_memory(), used_megabytes()
    while True:
        try:
            work: Work = pipe.recv()
        except EOFError:
            return
        outbox.send("began", None)
        handler.hide(work.secret)
        with memory_limit(work.megabytes, used_at_first, partial(_give_up, work, outbox)):
            kind, value = _do(work, outbox)
        if kind == "result":
            value = Result(value, warm=_most_memory() - memory_at_first < WARM_MEGABYTES)
        outbox.send(kind, value)


def _do(work: Work, outbox: _Outbox) -> tuple[str, Any]:
    last_report = 0.0

    def report(stage: str, rows: int) -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= REPORT_SECONDS:
            last_report = time.monotonic()
            outbox.send("progress", (stage, rows))

    try:
        module, name = work.entry.split(":")
        returned = getattr(import_module(module), name)(**work.arguments, secret=work.secret, report=report)
    except Exception as error:
        return "error", as_job_error(error, redact=work.secret.redact)
    return "result", returned


def _give_up(work: Work, outbox: _Outbox) -> None:
    """Report that the work needs more memory than it may have, and end with it."""
    message = (
        f"The attempt used more than the {work.megabytes} MiB that JOB_MEMORY_MEGABYTES allows: raise it, or read "
        "less at once (chunk_size, parallelism)."
    )
    outbox.send("error", JobError(kind="memory", message=message, retryable=True))
    os._exit(1)


def _most_memory() -> float:
    """The most memory that this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _Outbox:
    """The way to the parent. Readers log from their own threads, and a pipe takes one message at a time."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Send one message."""
        with self._lock:
            self._pipe.send((kind, value))


class _PipeHandler(logging.Handler):
    """Sends the child's log to the parent, which has the host's handlers; secret values are taken out first."""

    def __init__(self, outbox: _Outbox, secrets: list[Secret] | None = None) -> None:
        super().__init__()
        self._outbox = outbox
        self.secrets: list[Secret] = [] if secrets is None else secrets

    def hide(self, secret: Secret) -> None:
        """Take the values of a secret, and what it learns, out of everything that is logged from now on."""
        for earlier in self.secrets:
            if earlier == secret:
                secret.learn_from(earlier)
        self.secrets[:] = [*(earlier for earlier in self.secrets if earlier != secret), secret]

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        for secret in self.secrets:
            text = secret.logged(text)
        self._outbox.send("log", (record.name, record.levelno, text))


def _die_with_parent() -> None:
    """End this process as soon as its parent is gone: a job without its function must not continue to write."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
