"""What reading one table needs to know, and the seams of a database and its snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from shared.jobs.value_range import ValueRange
from shared.models.job import Job
from shared.sources.arrow import Batch
from shared.sources.columns import ReadColumn, column_name
from shared.sources.partitions import Divisible
from shared.sources.source import ReadOptions


class Snapshot(Divisible, Protocol):
    """One consistent picture of a table, for questions and for its readers."""

    @property
    def connection(self) -> sa.Connection:
        """For questions whose answers are small."""

    @property
    def readers(self) -> int:
        """How many may read at once and see the same."""

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query that every connection answers from this picture."""

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[Batch]:
        """The result of a query for these columns, in their order; called by several threads at once."""


class Database(Protocol):
    """What the loader asks of a source."""

    def snapshot(self, table: sa.Table, readers: int) -> AbstractContextManager[Snapshot]:
        """One picture of a table as it is now, for up to so many readers, for as long as the context is open."""

    def restrict(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query with the job's filter."""

    def since(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        """The condition that a column has this value or a greater one, in the order that its values have in Arrow."""

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        """The condition that a column has a value that is greater in Arrow, too."""

    def settled(self, query: sa.Select[Any], cursor: ReadColumn) -> sa.Select[Any]:
        """A query without the rows that a transaction still in progress may yet precede, in the order of a cursor.

        Such a transaction has taken a value and not committed. A load that went past it would never come back.
        """

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The exact sum of a column of whole or decimal numbers, or a text of several numbers that add up to it."""


@dataclass(frozen=True)
class TableRead:
    """One table of one job, ready to be read."""

    job: Job
    database: Database
    options: ReadOptions
    table: sa.Table
    columns: list[ReadColumn]
    schema: pa.Schema
    within: ValueRange | None = None

    def query(self, watermark_column: str | None, watermark: Any) -> sa.Select[Any]:
        """The whole table, its range, or its rows from a watermark on."""
        query = sa.select(self.table)
        if self.within:
            cursor = self.column(self.within.column)
            before_end = sa.not_(self.database.since(cursor, self.within.end))
            query = query.where(self.database.since(cursor, self.within.start), before_end)
        elif watermark_column:
            cursor = self.column(watermark_column)
            query = self.database.settled(query, cursor)
            if watermark is not None:
                query = query.where(self.database.since(cursor, watermark))
        return self.select(query)

    def select(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query over the table with the chosen columns and the job's filter."""
        expressions = (column.expression.label(column.name) for column in self.columns)
        return self.database.restrict(query.with_only_columns(*expressions).select_from(self.table))

    def column(self, name: str) -> ReadColumn:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    def keys(self) -> TableRead:
        """The same table's primary key, of all rows."""
        names = [column_name(self.table, key, "primary_key") for key in self.job.primary_key]
        schema = pa.schema([self.schema.field(name) for name in names])
        return replace(self, columns=[self.column(name) for name in names], schema=schema, within=None)
