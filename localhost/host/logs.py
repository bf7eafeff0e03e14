"""One JSON object per line on stderr for every log record, with the name of the function it was written in."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone

_function: ContextVar[str | None] = ContextVar("function", default=None)


@contextmanager
def in_function(name: str) -> Iterator[None]:
    """Mark the records written inside as those of the function `name`."""
    token = _function.set(name)
    try:
        yield
    finally:
        _function.reset(token)


def configure(level: str) -> None:
    """Send the root logger's records from `level` up to stderr; the SDKs' loggers only from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # These write a line per request, with URLs that may carry signatures or keys.
    for name in ("azure", "aiohttp", "urllib3", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "function": _function.get(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None}, ensure_ascii=False)
