"""What is new: the rows beyond the watermark, whatever the server sends."""

from __future__ import annotations

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
_ISO_DAY = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"
_LOOKS_LIKE_TIME_OR_NUMBER = (
    r"^[-+]?[\d.,:/ ]+$|^/Date|\d{1,4}[./]\d{1,2}[./]\d{1,4}|\d:\d\d|"
    r"(?i:\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b.*\d|"
    r"^[0-9a-f]{8}-?[0-9a-f]{4}-?[1-58][0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$)"  # a UUID of a version without order
)


class NewRows:
    """Keeps the new rows of an incremental load, those at the watermark once.

    Args:
        job: Names the watermark column.
        options: The last watermark.
        schema: The table's columns.
        state: The resource's part of dlt's state. The watermark is where dlt's own cursors keep theirs.
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
                f"Job '{job.job_id}': watermark_column '{self._cursor}' is not a field of the rows. "
                f"They have {one_line(', '.join(schema.names), 500)}."
            )
        self._type = schema.field(self._cursor).type
        self._is_text = pa.types.is_string(self._type) and job.column_types.get(self._cursor) != "text"
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
        self._lengths: set[int] = {len(str(self._last).encode())} if self._last else set()
        columns = [name for name in schema.names if name not in LINKS]
        known = None if within or job.lookback else state.setdefault(_BOUNDARY, {})
        self.boundary: Boundary | None = None
        if known is not None:
            upserts = job.table_format == "delta" and bool(job.primary_key)
            self.boundary = Boundary(
                *(known, self._cursor, columns, self._start),
                keys=job.primary_key,
                upserts=upserts,
                holds=False,  # the lists of a row go with its page
                warn=options.warn,
            )

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
        self._refuse_unordered_texts(cursor)
        table = self._within(table)
        if table.num_rows:
            highest = pc.max(table.column(self._cursor)).as_py()
            self._highest = highest if self._highest is None else max(self._highest, highest)
        return self.boundary.new_rows(table) if self.boundary else table

    def _refuse_unordered_texts(self, cursor: pa.ChunkedArray[Any]) -> None:
        """Raises SourceError for texts whose order, which is that of their bytes, is not that of what they mean.

        Days in ISO 8601 are in order, and so are texts of one length that look neither like a number nor like a time,
        such as ULIDs. `column_types` may say that a column really is text.
        """
        if not self._is_text or not len(cursor):
            return
        if pc.all(pc.match_substring_regex(cursor, _ISO_DAY), min_count=0).as_py():
            return
        self._lengths.update(pc.unique(pc.binary_length(cursor)).to_pylist())
        meant = pc.any(pc.match_substring_regex(cursor, _LOOKS_LIKE_TIME_OR_NUMBER), min_count=0).as_py()
        if len(self._lengths) == 1 and not meant:
            return
        shown = one_line(str(cursor[0].as_py()), 60)
        raise SourceError(
            f"Job '{self._job_id}': watermark_column '{self._cursor}' holds texts such as '{shown}', whose order "
            "would be "
            f"that of their letters: '1000' comes before '999'. Say what it is in column_types, for example "
            f"{self._cursor}:bigint or {self._cursor}:timestamp, or {self._cursor}:text if that order is right."
        )

    def at_start(self, table: pa.Table) -> pa.Table:
        """The rows at the very watermark."""
        return table.filter(pc.equal(table.column(self._cursor), pa.scalar(self._start, self._type)))

    def save(self) -> None:
        """Move the watermark; after the last page. A backfill moves none."""
        if self._backfill:
            return
        self._state[_STATE] = {self._cursor: {"last_value": watermark_text(self._highest)}}
        if self.boundary:
            self.boundary.finish()
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
