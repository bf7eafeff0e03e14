"""The parameter by which a server sends newer rows only: the watermark, written as the API expects it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import SourceError
from shared.errors.texts import one_line
from shared.models.job import Job
from shared.sources.lookback import before
from shared.sources.rest.moments import LARGEST_OFFSET, since_1970
from shared.sources.watermark import typed_watermark, watermark_text

_EPOCHS = ("unix", "unix_ms")
_MILLISECONDS = 1000
_SMALLEST_EPOCH = 100_000_000  # a smaller number is not a moment: this one is in 1973


def server_filter(job: Job, start: str | None, known: pa.DataType | None) -> dict[str, str]:
    """The parameter that makes the server send newer rows only; empty if the job names none.

    Args:
        job: Names the parameter and its format.
        start: Where the load starts, as text.
        known: The type of the watermark column, if an earlier load has found it.

    Raises:
        SourceError: the watermark is not a time and the format is one of times.
    """
    if not job.api_cursor_filter_param or start is None:
        return {}
    return {job.api_cursor_filter_param: written(watermark_of(job, start, known), job, job.api_cursor_filter_format)}


def watermark_of(job: Job, start: str, known: pa.DataType | None) -> Any:
    """Where a load starts, as a value of its column's type, less `lookback`."""
    value: Any = typed_watermark(start, known, str(job.watermark_column)) if known else _guessed(start)
    if job.lookback and not isinstance(value, str):
        value = before(value, job.lookback, str(job.watermark_column))
    return value


def written(value: Any, job: Job, pattern: str | None) -> str:
    """A watermark as a server expects it.

    A number is taken for seconds, milliseconds, microseconds or nanoseconds since 1970, by its size, if the pattern is
    one of times. A time without a zone may be of any, so that one of a fixed moment starts as much earlier as a zone
    can be ahead of UTC: too many rows come then, and the older ones are dropped, instead of too few.

    Raises:
        SourceError: it is not a time and the pattern is one of times.
    """
    if isinstance(value, str) and pattern not in (None, "iso"):
        value = _guessed(value)  # days are texts in JSON
    if isinstance(value, date) and not isinstance(value, datetime) and pattern:
        value = datetime(value.year, value.month, value.day)
    if pattern not in (None, "iso") and not isinstance(value, (str, datetime)) and abs(value) >= _SMALLEST_EPOCH:
        value = since_1970(float(value))
    if not isinstance(value, datetime):
        if pattern in (None, "iso"):
            return str(watermark_text(value))
        raise SourceError(
            f"Job '{job.job_id}': api_cursor_filter_format '{pattern}' is one of times, but the watermark is "
            f"'{one_line(str(value), 60)}'; leave it blank to send the watermark as it is."
        )
    return _as_text(value, pattern)


def _as_text(value: datetime, pattern: str | None) -> str:
    is_moment = pattern in _EPOCHS or "%z" in (pattern or "") or "%s" in (pattern or "")
    if value.tzinfo is None and is_moment:
        value = value - LARGEST_OFFSET
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if pattern == "unix":
        return str(math.floor(moment.timestamp()))
    if pattern == "unix_ms":
        return str(math.floor(moment.timestamp() * _MILLISECONDS))
    if pattern not in (None, "iso"):
        return moment.strftime(pattern)
    return value.isoformat() if value.tzinfo is None else moment.isoformat().replace("+00:00", "Z")


def _guessed(text: str) -> Any:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return int(text) if text.lstrip("-").isdigit() else text
