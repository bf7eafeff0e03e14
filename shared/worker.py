"""One attempt in a process of its own, forked from a server that has dlt and the drivers imported already.

A child per attempt because dlt keeps process-wide state, and because a crash, a deadline or a memory blow-up must end
one job only. A fork server because importing dlt takes seconds and forking milliseconds. Secrets travel to the child
through a pipe, never on a command line or in its environment.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from typing import Any

from shared.models import AttemptOrder, Job, JobError, JobResult, JobStatus
from shared.secrets import Secret

log = logging.getLogger(__name__)

PRELOADED = ("shared.pipeline",)
STOP_SECONDS = 10  # what a child gets between SIGTERM and SIGKILL
REPORT_SECONDS = 1.0  # at least this long between two progress messages


@dataclass(frozen=True)
class Limits:
    """When a child is ended: after `seconds`, or when it asks for more than `megabytes` of memory (None: no limit)."""

    seconds: float
    megabytes: int | None = None


Progress = Callable[[str, int], None]
"""Called with the stage (extract, normalize, load) and the rows read so far."""


def run_in_child(
    order: AttemptOrder,
    job: Job,
    secret: Secret,
    loaded_before: str | None,
    limits: Limits,
    progress: Progress,
    interrupted: Callable[[], JobError | None],
) -> dict[str, Any]:
    """Run one attempt in a child process.

    Args:
        order, job, secret, loaded_before: See `shared.pipeline.run_attempt`.
        limits: When the child is ended.
        progress: Called now and then while the child reads.
        interrupted: Asked about once a second; an error that it returns ends the child, at any point: a load that did
            not commit leaves nothing behind.

    Returns:
        The JSON form of its `JobResult`: the child's own, or a failed one that says how the child ended.
    """
    receiver, sender = _context().Pipe(duplex=False)
    child = _context().Process(
        target=_child,
        args=(sender, order.to_json(), job.to_json(), dict(secret), loaded_before, limits.megabytes),
        name=f"attempt-{job.job_id}",
        daemon=True,
    )
    started = time.time()
    child.start()
    sender.close()  # so that the child's end is the only one, and its death reads as end of file
    try:
        for kind, value in _messages(receiver, limits.seconds):
            if kind == "result":
                return dict(value)
            if kind == "progress":
                progress(*value)
            elif kind == "log":
                logger, level, text = value
                logging.getLogger(logger).log(level, "%s: %s", job.job_id, text)
            if error := interrupted():
                return _failed(order, error, started).to_json()
        error = _how_it_ended(child, limits)
    finally:
        _end(child)
        receiver.close()
    return _failed(order, error, started).to_json()


@cache
def _context() -> ForkServerContext:
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
        message = f"The attempt took longer than {limits.seconds / 60:g} minutes and was ended."
        return JobError(kind="deadline", message=message, retryable=True)
    if child.exitcode and child.exitcode < 0:
        name = signal.Signals(-child.exitcode).name
        hint = " Most often that is the machine running out of memory." if name == "SIGKILL" else ""
        return JobError(kind="crash", message=f"The attempt's process was ended by {name}.{hint}", retryable=True)
    return JobError(
        kind="crash",
        message=f"The attempt's process ended with exit code {child.exitcode} and no result.",
        retryable=True,
    )


def _end(child: Any) -> None:
    child.join(0.5)
    if child.is_alive():
        child.terminate()
        child.join(STOP_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()
    child.close()


def _failed(order: AttemptOrder, error: JobError, started: float) -> JobResult:
    return JobResult(
        run_id=order.run_id,
        job_id=order.job_id,
        attempt=order.attempt,
        status=JobStatus.FAILED,
        started_at=datetime.fromtimestamp(started, timezone.utc),
        ended_at=datetime.now(timezone.utc),
        duration_seconds={"total": time.time() - started},
        error=error,
    )


def _child(
    sender: Connection,
    order: Mapping[str, Any],
    job: Mapping[str, Any],
    fields: Mapping[str, Any],
    loaded_before: str | None,
    megabytes: int | None,
) -> None:
    """The child's main function."""
    _die_with_parent()
    if megabytes:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, megabytes * 2**20))
    secret = Secret(fields)
    logging.basicConfig(level=logging.WARNING, handlers=[_PipeHandler(sender, secret)], force=True)
    # imported here and nowhere above: the parent, which is the function app, never loads dlt
    from shared.pipeline import run_attempt

    last_report = 0.0

    def report(stage: str, rows: int) -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= REPORT_SECONDS:
            last_report = time.monotonic()
            sender.send(("progress", (stage, rows)))

    attempt, row = AttemptOrder.model_validate(order), Job.model_validate(job)
    result = run_attempt(attempt, row, secret, report, loaded_before)
    sender.send(("result", result.to_json()))


class _PipeHandler(logging.Handler):
    """Sends the child's log to the parent, which has the host's handlers; secret values are taken out first."""

    def __init__(self, sender: Connection, secret: Secret) -> None:
        super().__init__()
        self._sender = sender
        self._secret = secret

    def emit(self, record: logging.LogRecord) -> None:
        text = self._secret.redact(self.format(record))
        self._sender.send(("log", (record.name, record.levelno, text)))


def _die_with_parent() -> None:
    """End this process as soon as its parent is gone: a job without its function must not go on writing."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
