"""SQL Server and Azure SQL: what its types become, and how times and texts are written in its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError

from shared.models.job import LoadType
from shared.sources.columns import TEXT, ReadColumn, column_name, decimal_type
from shared.sources.deadline import connect_within
from shared.sources.reflection import table_of
from shared.sources.sql import SqlSource, beyond_microsecond
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.driver import driver_for
from shared.sources.sqlserver.faults import FAULTS
from shared.sources.sqlserver.names import as_schema, located
from shared.sources.sqlserver.snapshot import COUNT, IN_MEMORY_HINT, Reading, SqlServerSnapshot, open_snapshot
from shared.sources.sqlserver.sums import OVERFLOW, sum_in_halves
from shared.sources.sqlserver.text import MICROSECONDS, as_text, datetime2, literal

_ARROW_TYPES: dict[type[sa.types.TypeEngine[Any]], pa.DataType] = {
    mssql.BIT: pa.bool_(),
    mssql.TINYINT: pa.int64(),
    sa.SMALLINT: pa.int64(),
    sa.INTEGER: pa.int64(),
    sa.BIGINT: pa.int64(),
    mssql.TIMESTAMP: pa.int64(),
    mssql.REAL: pa.float64(),
    sa.FLOAT: pa.float64(),
    mssql.DOUBLE_PRECISION: pa.float64(),
    mssql.MONEY: pa.decimal128(19, 4),
    mssql.SMALLMONEY: pa.decimal128(19, 4),
    sa.CHAR: TEXT,
    sa.VARCHAR: TEXT,
    sa.NCHAR: TEXT,
    sa.NVARCHAR: TEXT,
    sa.BINARY: pa.binary(),
    mssql.VARBINARY: pa.binary(),
    mssql.IMAGE: pa.binary(),
    sa.DATE: pa.date32(),
    mssql.TIME: pa.time64("us"),
    mssql.DATETIME: pa.timestamp("us"),
    mssql.SMALLDATETIME: pa.timestamp("us"),
    mssql.DATETIME2: pa.timestamp("us"),
    mssql.DATETIMEOFFSET: pa.timestamp("us", "UTC"),
}


_DIALECT: sa.Dialect = mssql.dialect(paramstyle="named", deprecate_large_types=True)  # type: ignore[no-untyped-call]


_DIALECT.server_version_info = (13,)  # SQL Server 2016; one that knows no version casts dates to DATETIME


_SORTED_TEXTS = (sa.CHAR, sa.VARCHAR, sa.NCHAR, sa.NVARCHAR, mssql.UNIQUEIDENTIFIER)
"""text and ntext cannot be compared."""


_SIZES = sa.text(
    "SELECT o.name AS name, (SELECT SUM(p.rows) FROM sys.partitions AS p WHERE p.object_id = o.object_id "
    "AND p.index_id IN (0, 1)) AS rows, (SELECT SUM(a.total_pages) * 8192 FROM sys.partitions AS p "
    "JOIN sys.allocation_units AS a ON a.container_id = CASE WHEN a.type = 2 THEN p.partition_id ELSE p.hobt_id END "
    "WHERE p.object_id = o.object_id AND p.index_id IN (0, 1)) AS bytes "
    "FROM sys.tables AS o WHERE o.schema_id = SCHEMA_ID(:schema)"
)
"""Pages have 8 KiB. The heap or the clustered index has the rows; that of large objects has another container."""


_MAY_WRITE = sa.text(
    "SELECT HAS_PERMS_BY_NAME(:name, 'OBJECT', 'INSERT') + HAS_PERMS_BY_NAME(:name, 'OBJECT', 'UPDATE') "
    "+ HAS_PERMS_BY_NAME(:name, 'OBJECT', 'DELETE')"
)


_IN_MEMORY = sa.text("SELECT OBJECTPROPERTY(OBJECT_ID(:name), 'TableIsMemoryOptimized')")
_ON_A_SECONDARY = (
    "watermark_column '%s' is a rowversion, and application_intent ReadOnly reads a secondary, which does not know the "
    "transactions in progress: a row that commits late may be lost. Use ReadWrite for this source, or a full refresh "
    "now and then."
)


class SqlServerSource(SqlSource):
    """A table or view of a SQL Server or Azure SQL database."""

    connection_type = SqlServerConnection
    connection: SqlServerConnection
    faults = FAULTS
    filter_dialect = "tsql"
    may_write = _MAY_WRITE
    sizes = _SIZES
    versions = (mssql.TIMESTAMP,)
    _active_version: int | None = None
    _in_memory = False  # known once the table is located
    _in_halves = False  # known once a sum has overflowed

    def engine(self) -> sa.Engine:
        self._driver = driver_for(self.connection)
        return sa.create_engine(f"mssql+{self._driver.dialect}://", creator=self._connect, poolclass=sa.NullPool)

    def _connect(self) -> Any:
        return connect_within(self.connection.connect_timeout, self.connection.place, self._driver.connect)

    def snapshot(self, table: sa.Table, readers: int) -> AbstractContextManager[SqlServerSnapshot]:
        reading = Reading(self.connection, self._driver, self.job, self.compile)
        return open_snapshot(self._engine, table, readers, reading, self._in_memory, partial(self._bound, table))

    def _bound(self, table: sa.Table, connection: sa.Connection) -> None:
        """Ask for the lowest rowversion that a transaction in progress has taken, or the next one of the database."""
        if self.job.load_type is not LoadType.INCREMENTAL:
            return
        name = column_name(table, str(self.job.watermark_column), "watermark_column")
        if isinstance(table.c[name].type, mssql.TIMESTAMP):
            question = "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)"
            self._active_version = int(connection.exec_driver_sql(question).scalar_one())
            if self.connection.application_intent == "ReadOnly":
                self.options.warn(_ON_A_SECONDARY % name)

    def schema_of(self, connection: sa.Connection) -> str | None:
        return as_schema(connection, self.job.schema_name)

    def located(self, connection: sa.Connection) -> tuple[str, str | None]:
        name, schema = located(connection, str(self.job.table_name), self.job.schema_name)
        shown = connection.dialect.identifier_preparer.format_table(sa.Table(name, sa.MetaData(schema=schema)))
        self._in_memory = connection.scalar(_IN_MEMORY, {"name": shown}) == 1
        return name, schema

    def restrict(self, query: sa.Select[Any]) -> sa.Select[Any]:
        query = super().restrict(query)
        if not self._in_memory:
            return query
        return query.with_hint(table_of(query), IN_MEMORY_HINT, "mssql")

    def compile(self, query: sa.Select[Any]) -> str:
        # the driver's parameter style would double every % outside of names
        return str(query.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        if isinstance(source_type, (sa.DECIMAL, sa.NUMERIC)):
            return decimal_type(source_type.precision, source_type.scale)
        return _ARROW_TYPES.get(type(source_type))

    def as_text(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        return as_text(column)

    def cast_type(self, declared: str) -> sa.types.TypeEngine[Any]:
        return datetime2(MICROSECONDS) if declared == "timestamp" else super().cast_type(declared)

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        read = super().read_column(column, declared)
        if read.type == TEXT or declared:
            return read
        expression: sa.ColumnElement[Any] = column
        if isinstance(column.type, mssql.TIMESTAMP):  # rowversion: eight bytes that count up
            expression = sa.cast(column, sa.BigInteger())
        if isinstance(column.type, mssql.DATETIMEOFFSET):  # pyodbc knows no such type
            expression = sa.cast(sa.func.SWITCHOFFSET(column, sa.literal_column("'+00:00'")), datetime2(7))
        elif isinstance(column.type, mssql.DATETIME):  # it counts in 1/300 s and prints milliseconds
            expression = sa.cast(column, datetime2(3))
        elif isinstance(column.type, (mssql.MONEY, mssql.SMALLMONEY)):
            expression = sa.cast(column, sa.DECIMAL(19, 4))
        return replace(read, expression=expression, compared=column)

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        return type(source_type) in _SORTED_TEXTS

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def settled(self, query: sa.Select[Any], cursor: ReadColumn) -> sa.Select[Any]:
        """Bounds a rowversion by those of transactions in progress, as they were before the snapshot began."""
        column = cursor.comparable
        if not isinstance(column.type, mssql.TIMESTAMP):
            return query
        if self._active_version is None:  # a dry run, which has no snapshot
            return query.where(column < sa.func.MIN_ACTIVE_ROWVERSION())
        return query.where(column < self.literal(column, self._active_version))

    def count(self) -> sa.ColumnElement[int]:
        return COUNT

    def recount(self, connection: sa.Connection, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Sequence[Any]:
        try:
            return super().recount(connection, query, columns)
        except DBAPIError as error:
            if OVERFLOW not in self.faults.codes(error.orig or error):
                raise
        self._in_halves = True
        return super().recount(connection, query, columns)

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        if isinstance(column.comparable.type, mssql.TIMESTAMP):
            column = ReadColumn(column.name, column.expression, column.type)
        return sum_in_halves(column) if self._in_halves else super().total(column)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(column.comparable.type, (mssql.DATETIME2, mssql.DATETIMEOFFSET)):
            return beyond_microsecond(self, column, value)
        return super().beyond(column, value)
