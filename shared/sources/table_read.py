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
from shared.sources.columns import ReadColumn
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

    def highest(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The greatest value of a column in the source's own order."""

    def equals(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        """The condition that a column has this value, as the source compares."""

    def recount(self, connection: sa.Connection, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Sequence[Any]:
        """The number of a query's rows, then the exact sum of each of these columns of whole or decimal numbers.

        A sum may be a text of several numbers that add up to it.
        """


@dataclass(frozen=True)
class TableRead:
    """One table of one job, ready to be read.

    Attributes:
        columns: What is read, by the names of the lake.
        schema: The columns as the lake has them.
        within: The range of a backfill.
        primary_key: The job's, as the lake spells it.
        source_key: The table's own, as the lake spells it; empty if it has none or not all of it is read.
        cursor: The watermark column; None if everything is read.
        start: Where the load starts, None at the very beginning.
        reached: The watermark that earlier loads have reached, from which `lookback` goes back.
    """

    job: Job
    database: Database
    options: ReadOptions
    table: sa.Table
    columns: list[ReadColumn]
    schema: pa.Schema
    within: ValueRange | None = None
    primary_key: tuple[str, ...] = ()
    source_key: tuple[str, ...] = ()
    cursor: ReadColumn | None = None
    start: Any = None
    reached: Any = None

    def query(self, watermark_column: str | None, watermark: Any, *more: ReadColumn) -> sa.Select[Any]:
        """The whole table, its range, or its rows from a watermark on; `more` columns come last."""
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
        return self.select(query, *more)

    def new_rows(self, *more: ReadColumn) -> sa.Select[Any]:
        """The rows from where the load starts."""
        return self.query(self.cursor.name if self.cursor else None, self.start, *more)

    def select(self, query: sa.Select[Any], *more: ReadColumn) -> sa.Select[Any]:
        """A query over the table with the chosen columns, then `more`, and the job's filter."""
        expressions = (column.expression.label(column.name) for column in (*self.columns, *more))
        return self.database.restrict(query.with_only_columns(*expressions).select_from(self.table))

    @property
    def masked(self) -> dict[str, ReadColumn]:
        """The columns that are masked, by their names in the lake."""
        return {column.name: column for column in self.columns if column.mask}

    @property
    def own_schema(self) -> pa.Schema:
        """The columns in the types that carry them unchanged, as they are before they go to the lake."""
        return pa.schema([field.with_type(one.type) for field, one in zip(self.schema, self.columns, strict=True)])

    def column(self, name: str) -> ReadColumn:
        """The column of that name in the lake."""
        return next(column for column in self.columns if column.name == name)

    def keys(self) -> TableRead:
        """The same table's primary key, of all rows."""
        schema = pa.schema([self.schema.field(name) for name in self.primary_key])
        columns = [self.column(name) for name in self.primary_key]
        return replace(self, columns=columns, schema=schema, cursor=None, start=None, within=None)
