"""What every log record of a piece of work carries: run_id, job_id and attempt, also if a library wrote it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_FIELDS: ContextVar[Mapping[str, str | int] | None] = ContextVar("log_fields", default=None)


@contextmanager
def log_fields(**fields: str | int) -> Iterator[None]:
    """Give every log record of this thread these fields."""
    token = _FIELDS.set({**(_FIELDS.get() or {}), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


def add_fields_to_log_records() -> None:
    """Have the records of all loggers made with the fields, whichever handler takes them."""
    make = logging.getLogRecordFactory()

    def make_with_fields(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        record.__dict__.update(_FIELDS.get() or {})
        return record

    logging.setLogRecordFactory(make_with_fields)
