"""dlt's table loader over our readers: its batches come ready in the types of the lake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.sources.sql_database import BaseTableLoader
from pyarrow.parquet import ParquetWriter

from shared.models import Job
from shared.sources.arrow import Batch, conform
from shared.sources.boundary import Boundary
from shared.sources.columns import ReadColumn, column_name
from shared.sources.partitions import Divisible, ranges_of
from shared.sources.reading import read_ahead
from shared.sources.source import ReadOptions
from shared.sources.verification import Tally
from shared.value_range import ValueRange

_STATE = "boundary"


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

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The exact sum of a column of whole or decimal numbers."""


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
        elif watermark_column and watermark is not None:
            query = query.where(self.database.since(self.column(watermark_column), watermark))
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


class ArrowLoader(BaseTableLoader):
    """Streams a table, or what is new in it, as Arrow tables from one snapshot."""

    def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[pa.Table]:
        read: TableRead = (backend_kwargs or {})["read"]
        rows = 0
        # what is new since the watermark is found faster by one reader, through an index
        readers = read.job.parallelism if self.last_value is None else 1
        with read.database.snapshot(read.table, readers) as snapshot:
            for table in self._new_rows(read, snapshot):
                read.options.report_rows(table.num_rows)
                rows += table.num_rows
                yield table
            if read.options.keys_file:
                _write_keys(read.keys(), snapshot, read.options.keys_file)
        if not rows:
            yield read.schema.empty_table()  # the lake learns the columns of an empty table too

    def _new_rows(self, read: TableRead, snapshot: Snapshot) -> Iterator[pa.Table]:
        if not self.incremental:
            yield from _batches(read, snapshot, read.query(None, None))
            return
        watermark: Any = self.last_value
        cursor = read.column(self.incremental.cursor_path)
        state = dlt.current.resource_state().setdefault(_STATE, {})
        boundary = Boundary(state, cursor.name, read.schema.names, watermark)
        query = read.query(cursor.name, watermark)
        if not boundary.exact:
            beyond = read.database.beyond(cursor, watermark)
            for table in _batches(read, snapshot, query.where(sa.not_(beyond))):
                boundary.recount(table)
            boundary.check()
            query = query.where(beyond)
        for table in _batches(read, snapshot, query):
            new = boundary.new_rows(table)
            if new.num_rows:
                yield new
        boundary.save()


def _batches(read: TableRead, snapshot: Snapshot, query: sa.Select[Any]) -> Iterator[pa.Table]:
    query = snapshot.pinned(query)
    queries = [query]
    if snapshot.readers > 1:
        queries = [query.where(part) for part in ranges_of(read.job, read.table, snapshot, snapshot.readers)]
    readers = [partial(snapshot.read, one, read.columns) for one in queries]
    tally = Tally(read)
    for batch in read_ahead(readers, snapshot.readers):
        table = conform(batch, read.schema)
        tally.add(table)
        yield table
    if read.job.verify:
        tally.compare(snapshot.connection, query)


def _write_keys(keys: TableRead, snapshot: Snapshot, file: Path) -> None:
    with ParquetWriter(file, keys.schema, compression="zstd") as writer:
        for table in _batches(keys, snapshot, keys.query(None, None)):
            writer.write_table(table)
