"""One JSON object per line on stderr for every log record, with the name of the function it was written in.

In the worker's process a record belongs to an invocation as in the real worker: on the event loop to that of the task,
in a thread to the id in the thread's local storage, which the worker sets for plain functions only. A thread of
`asyncio.to_thread` has none unless the app sets it by `Context.thread_local_storage`, and the host drops what is
written there. Source: `dispatcher.py` of azure-functions-python-worker 4.34.
"""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

thread_local_storage = threading.local()
_of_task: ContextVar[str | None] = ContextVar("invocation", default=None)
_functions: dict[str, str] = {}  # of the invocations that run now: names by id


@contextmanager
def in_function(name: str, invocation_id: str) -> Iterator[None]:
    """Mark the records that this task or this thread writes inside as those of an invocation of the function `name`."""
    _functions[invocation_id] = name
    token = _of_task.set(invocation_id)
    on_loop = _on_event_loop()
    if not on_loop:
        thread_local_storage.invocation_id = invocation_id
    try:
        yield
    finally:
        if not on_loop:
            thread_local_storage.invocation_id = None
        _of_task.reset(token)
        del _functions[invocation_id]


def configure(level: str, *, of_worker: bool = False) -> None:
    """Send the root logger's records from `level` up to stderr.

    Args:
        level: The name of a level.
        of_worker: Drop what the app writes outside of an invocation, as the host does.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    if of_worker:
        handler.addFilter(_belongs_to_an_invocation)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name in ("aiohttp", "asyncio"):  # the stand-in's own
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def _belongs_to_an_invocation(record: logging.LogRecord) -> bool:
    """Whether the host gets a record; the worker's own have no invocation and go another way."""
    return _function() is not None or record.name.startswith("localhost.")


def _function() -> str | None:
    """The function that writes now."""
    of_thread: str | None = getattr(thread_local_storage, "invocation_id", None)
    invocation_id = _of_task.get() if _on_event_loop() else of_thread
    return _functions.get(invocation_id) if invocation_id else None


def _on_event_loop() -> bool:
    return asyncio._get_running_loop() is not None  # get_running_loop() raises, at each line of every thread


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "function": _function(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None}, ensure_ascii=False)
