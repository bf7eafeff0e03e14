"""dlt's table loader over our readers: the query is dlt's, the batches come ready in the types of the lake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, cast

import dlt
import pyarrow as pa
import sqlalchemy as sa
from dlt.sources.sql_database import BaseTableLoader

from shared.sources.arrow import Batch, conform
from shared.sources.boundary import Boundary
from shared.sources.columns import ReadColumn
from shared.sources.reading import read_ahead
from shared.sources.source import ReadOptions

_STATE = "boundary"


class Snapshot(Protocol):
    """One consistent picture of a database, for questions and for any number of readers at once."""

    @property
    def connection(self) -> sa.Connection:
        """For questions whose answers are small."""

    def read(self, statement: str, schema: pa.Schema) -> Iterator[Batch]:
        """The result of a query, its columns in the schema's order; called by several threads at once."""


class Database(Protocol):
    """What the loader asks of a source."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """One picture of the database as it is now, for as long as the context is open."""

    def compile(self, query: sa.Select[Any]) -> str:
        """A query as the finished SQL that the reader runs."""

    def restrict(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query with the job's filter."""

    def cursor_expression(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The watermark column as it is compared in a query, in the order that its Arrow values have."""


@dataclass(frozen=True)
class TableRead:
    """One table of one job, ready to be read."""

    database: Database
    options: ReadOptions
    table: sa.Table
    columns: list[ReadColumn]
    schema: pa.Schema

    def select(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query over the table with the chosen columns and the job's filter."""
        expressions = (column.expression.label(column.name) for column in self.columns)
        return self.database.restrict(query.with_only_columns(*expressions))

    def column(self, name: str) -> ReadColumn:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


class ArrowLoader(BaseTableLoader):
    """Streams a table, or what is new in it, as Arrow tables from one snapshot."""

    def load_rows(self, backend_kwargs: dict[str, Any] | None = None) -> Iterator[pa.Table]:
        read: TableRead = (backend_kwargs or {})["read"]
        rows = 0
        with read.database.snapshot() as snapshot:
            for table in self._new_rows(read, snapshot):
                read.options.report_rows(table.num_rows)
                rows += table.num_rows
                yield table
        if not rows:
            yield read.schema.empty_table()  # the lake learns the columns of an empty table too

    def _new_rows(self, read: TableRead, snapshot: Snapshot) -> Iterator[pa.Table]:
        if not self.incremental:
            yield from _batches(read, snapshot, read.select(sa.select(self.table)))
            return
        cursor = read.database.cursor_expression(read.column(self.incremental.cursor_path))
        state = dlt.current.resource_state().setdefault(_STATE, {})
        boundary = Boundary(state, self.incremental.cursor_path, read.schema.names, self.last_value)
        if not boundary.exact:
            at_watermark = sa.select(self.table).where(cursor == self.last_value)
            for table in _batches(read, snapshot, read.select(at_watermark)):
                boundary.recount(table)
            boundary.check()
            self.range_start = "open"
        self.cursor_column = cast("sa.Column[Any]", cursor)  # dlt only compares with it
        for table in _batches(read, snapshot, read.select(cast("sa.Select[Any]", self.make_query()))):
            new = boundary.new_rows(table)
            if new.num_rows:
                yield new
        boundary.save()


def _batches(read: TableRead, snapshot: Snapshot, query: sa.Select[Any]) -> Iterator[pa.Table]:
    statement = read.database.compile(query)
    for batch in read_ahead([partial(snapshot.read, statement, read.schema)], threads=1):
        yield conform(batch, read.schema)
