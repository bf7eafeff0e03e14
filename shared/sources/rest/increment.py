"""What is new: the watermark as a parameter for the server, and the rows beyond it whatever the server sends."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError
from shared.errors.texts import one_line
from shared.jobs.value_range import ValueRange
from shared.models.job import Job
from shared.sources.boundary import Boundary
from shared.sources.lookback import before
from shared.sources.rest.tables import LINKS
from shared.sources.source import ReadOptions
from shared.sources.watermark import typed_watermark, watermark_text

_STATE, _BOUNDARY = "incremental", "boundary"
_MILLISECONDS = 1000


def server_filter(job: Job, start: str | None, known: pa.DataType | None) -> dict[str, str]:
    """The parameter that makes the server send newer rows only; empty where the job names none.

    Args:
        job: Names the parameter and its format.
        start: Where the load starts, as text.
        known: The type of the watermark column, where an earlier load has found it.

    Raises:
        SourceError: the watermark is no time and the format is one of times.
    """
    if not job.api_cursor_filter_param or start is None:
        return {}
    value: Any = typed_watermark(start, known, str(job.watermark_column)) if known else _guessed(start)
    if job.lookback and not isinstance(value, str):
        value = before(value, job.lookback, str(job.watermark_column))
    return {job.api_cursor_filter_param: _formatted(value, job)}


def _guessed(text: str) -> Any:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text


def _formatted(value: Any, job: Job) -> str:
    """The watermark as the server wants it; times without a zone count as UTC, and those with one are sent in it."""
    pattern = job.api_cursor_filter_format
    if isinstance(value, str) and pattern not in (None, "iso"):
        value = _guessed(value)  # days are texts in JSON
    if isinstance(value, date) and not isinstance(value, datetime) and pattern:
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        if pattern in (None, "iso"):
            return str(watermark_text(value))
        raise SourceError(
            f"Job '{job.job_id}': api_cursor_filter_format '{pattern}' is one of times, but the watermark is "
            f"'{value}'; leave it blank to send the watermark as it is."
        )
    moment = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    if pattern == "unix":
        return str(int(moment.timestamp()))
    if pattern == "unix_ms":
        return str(int(moment.timestamp() * _MILLISECONDS))
    if pattern not in (None, "iso"):
        return moment.strftime(pattern)
    return value.isoformat() if value.tzinfo is None else moment.isoformat().replace("+00:00", "Z")


class NewRows:
    """Keeps the new rows of an incremental load, those at the watermark once.

    Args:
        job: Names the watermark column.
        options: The last watermark.
        schema: The table's columns.
        state: The resource's part of dlt's state. The watermark stands where dlt's own cursors keep theirs.
        within: The range of a backfill.
    """

    def __init__(
        self,
        job: Job,
        options: ReadOptions,
        schema: pa.Schema,
        state: dict[str, Any],
        within: ValueRange | None = None,
    ) -> None:
        self._job_id = job.job_id
        self._cursor = str(job.watermark_column)
        if self._cursor not in schema.names:
            raise SourceError(
                f"Job '{job.job_id}': watermark_column '{self._cursor}' is no field of the rows. "
                f"They have {one_line(', '.join(schema.names), 500)}."
            )
        self._type = schema.field(self._cursor).type
        self._state = state
        self._backfill = within
        self._last = self._value(None if options.full_refresh else options.watermark)
        first = self._value(job.last_watermark)
        start = within.start if within else self._last
        if start is not None and job.lookback and not within:
            start = before(start, job.lookback, self._cursor)
        self._start = start if start is not None else first
        self._end = within.end if within else None
        self._highest = self._last
        columns = [name for name in schema.names if name not in LINKS]
        known = None if within or job.lookback else state.setdefault(_BOUNDARY, {})
        self.boundary = None if known is None else Boundary(known, self._cursor, columns, self._start)

    def of(self, table: pa.Table) -> pa.Table:
        """The rows of a table that the load takes.

        Raises:
            SourceError: a row has no watermark.
        """
        cursor = table.column(self._cursor)
        if cursor.null_count:
            raise SourceError(
                f"Job '{self._job_id}': watermark_column '{self._cursor}' is missing or null in {cursor.null_count} "
                "rows of a page, which an INCREMENTAL load would never see: choose another column, or load it FULL."
            )
        table = self._within(table)
        if table.num_rows:
            highest = pc.max(table.column(self._cursor)).as_py()
            self._highest = highest if self._highest is None else max(self._highest, highest)
        return self.boundary.new_rows(table) if self.boundary else table

    def at_start(self, table: pa.Table) -> pa.Table:
        """The rows that stand at the very watermark."""
        return table.filter(pc.equal(table.column(self._cursor), pa.scalar(self._start, self._type)))

    def save(self) -> None:
        """Move the watermark; after the last page. A backfill moves none."""
        if self._backfill:
            return
        cursors = self._state.setdefault(_STATE, {})
        cursors.clear()
        cursors[self._cursor] = {"initial_value": None, "last_value": self._highest, "unique_hashes": []}
        if self.boundary:
            self.boundary.save()

    def _within(self, table: pa.Table) -> pa.Table:
        cursor = table.column(self._cursor)
        if self._start is not None:
            inexact = self.boundary is not None and not self.boundary.exact
            beyond = pc.greater if inexact else pc.greater_equal
            table = table.filter(beyond(cursor, pa.scalar(self._start, self._type)))
        if self._end is not None:
            table = table.filter(pc.less(table.column(self._cursor), pa.scalar(self._end, self._type)))
        return table

    def _value(self, text: str | None) -> Any:
        return typed_watermark(text, self._type, self._cursor)
