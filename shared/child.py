"""What a child process does: call one function, and send the parent its result, its progress and its log.

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
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import Any

from shared.errors import IngestionError
from shared.models import JobError
from shared.secrets import Secret

REPORT_SECONDS = 1.0  # at least this long between two progress messages
_MESSAGE_LIMIT = 2000  # characters


def child_main(
    sender: Connection, entry: str, arguments: Mapping[str, Any], secret: Secret, megabytes: int | None
) -> None:
    """Call `entry` and send what it returns, or why it raised.

    Args:
        sender: Takes pairs of a kind (result, error, progress, log) and its value.
        entry, arguments, secret: See `shared.worker.run_in_child`.
        megabytes: Memory that this process may use; None for no limit.
    """
    _die_with_parent()
    outbox = _Outbox(sender)
    if megabytes:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, megabytes * 2**20))
    logging.basicConfig(level=logging.WARNING, handlers=[_PipeHandler(outbox, secret)], force=True)
    last_report = 0.0

    def report(stage: str, rows: int) -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= REPORT_SECONDS:
            last_report = time.monotonic()
            outbox.send("progress", (stage, rows))

    try:
        module, name = entry.split(":")
        result = getattr(import_module(module), name)(**arguments, secret=secret, report=report)
    except Exception as error:
        outbox.send("error", _explained(error, secret))
    else:
        outbox.send("result", result)


def _explained(error: Exception, secret: Secret) -> JobError:
    if isinstance(error, IngestionError):
        return JobError(kind=error.kind, message=secret.redact(str(error)), retryable=error.retryable)
    message = secret.redact(f"{type(error).__name__}: {error}")[:_MESSAGE_LIMIT]
    return JobError(kind="unexpected", message=message, retryable=True)


class _Outbox:
    """The way to the parent. Readers log from threads of their own, and a pipe takes one message at a time."""

    def __init__(self, sender: Connection) -> None:
        self._sender = sender
        self._lock = threading.Lock()

    def send(self, kind: str, value: Any) -> None:
        """Send one message."""
        with self._lock:
            self._sender.send((kind, value))


class _PipeHandler(logging.Handler):
    """Sends the child's log to the parent, which has the host's handlers; secret values are taken out first."""

    def __init__(self, outbox: _Outbox, secret: Secret) -> None:
        super().__init__()
        self._outbox = outbox
        self._secret = secret

    def emit(self, record: logging.LogRecord) -> None:
        text = self._secret.redact(self.format(record))
        self._outbox.send("log", (record.name, record.levelno, text))


def _die_with_parent() -> None:
    """End this process as soon as its parent is gone: a job without its function must not go on writing."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
