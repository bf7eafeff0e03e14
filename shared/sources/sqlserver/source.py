"""SQL Server and Azure SQL: what its types become, and how times and texts are written in its conditions."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError

from shared.sources.arrow import Batch
from shared.sources.columns import TEXT, ReadColumn, decimal_type
from shared.sources.deadline import connect_within
from shared.sources.partitions import every_so_many
from shared.sources.sql import SqlSource, beyond_microsecond
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.driver import Driver, driver_for
from shared.sources.sqlserver.faults import FAULTS, NO_LOCK
from shared.sources.sqlserver.names import as_schema, located
from shared.sources.sqlserver.text import MICROSECONDS, as_text, datetime2, literal

log = logging.getLogger(__name__)


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


LOCK_MILLISECONDS = 10_000


_SAMPLED_ROWS = 20_000


_ROWS = sa.text(
    "SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(:name) AND index_id IN (0, 1) HAVING COUNT(*) > 0"
)


_COUNT: sa.ColumnElement[int] = sa.func.count_big(sa.literal_column("*"), type_=sa.BigInteger())
"""COUNT itself is an int, and fails beyond 2,147,483,647 rows."""


_UNORDERED = (mssql.SQL_VARIANT, mssql.XML, mssql.IMAGE, sa.TEXT, mssql.NTEXT, sa.types.NullType)


_MAY_WRITE = sa.text(
    "SELECT HAS_PERMS_BY_NAME(:name, 'OBJECT', 'INSERT') + HAS_PERMS_BY_NAME(:name, 'OBJECT', 'UPDATE') "
    "+ HAS_PERMS_BY_NAME(:name, 'OBJECT', 'DELETE')"
)


_ONE_READER = (
    "Database '%s' has no snapshot that several readers could share, so one reader reads the table: it takes "
    "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, and application_intent ReadWrite."
)


_LOCKED = "Table '%s' is being changed by a transaction that takes long, so one reader reads it."


class SqlServerSource(SqlSource):
    """A table or view of a SQL Server or Azure SQL database."""

    connection_type = SqlServerConnection
    connection: SqlServerConnection
    faults = FAULTS
    filter_dialect = "tsql"
    may_write = _MAY_WRITE
    _active_version: int | None = None

    def engine(self) -> sa.Engine:
        self._driver = driver_for(self.connection)
        return sa.create_engine(f"mssql+{self._driver.dialect}://", creator=self._connect, poolclass=sa.NullPool)

    def _connect(self) -> Any:
        return connect_within(self.connection.connect_timeout, self.connection.place, self._driver.connect)

    @contextmanager
    def snapshot(self, table: sa.Table, readers: int) -> Iterator[SqlServerSnapshot]:
        with self._engine.connect() as connection:
            allowed = _allows_snapshots(connection)
            if any(isinstance(column.type, mssql.TIMESTAMP) for column in table.c):
                self._active_version = _active_version(connection)
            connection.rollback()
            if allowed:
                connection = connection.execution_options(isolation_level="SNAPSHOT")
            # a secondary takes no locks, so snapshots cannot begin together there
            together = allowed and self.connection.application_intent == "ReadWrite"
            if readers > 1 and not together:
                log.warning(_ONE_READER, self.connection.database)
            if readers == 1 or not together:
                yield SqlServerSnapshot([connection], self._driver, self)
                return
            with ExitStack() as stack:
                others = [stack.enter_context(self._engine.connect()) for _ in range(readers - 1)]
                seeing = [connection, *(one.execution_options(isolation_level="SNAPSHOT") for one in others)]
                if not self._begin_together(table, seeing):
                    log.warning(_LOCKED, table.fullname)
                    seeing = seeing[:1]
                yield SqlServerSnapshot(seeing, self._driver, self)

    def _begin_together(self, table: sa.Table, connections: list[sa.Connection]) -> bool:
        """Let every connection's snapshot begin while a lock keeps others from committing changes to the table.

        Returns False, and no snapshot has begun, if other transactions hold the table for too long.
        """
        touch: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table).limit(1)
        with self._engine.connect() as holder:
            holder.exec_driver_sql(f"SET LOCK_TIMEOUT {LOCK_MILLISECONDS}")
            try:
                holder.execute(touch.with_hint(table, "WITH (TABLOCK, HOLDLOCK)", "mssql"))
            except DBAPIError as error:
                if NO_LOCK in FAULTS.codes(error.orig or error):
                    return False
                raise
            for connection in connections:
                connection.execute(touch)
            holder.rollback()
        return True

    def schema_of(self, connection: sa.Connection) -> str | None:
        return as_schema(connection, self.job.schema_name)

    def located(self, connection: sa.Connection) -> tuple[str, str | None]:
        return located(connection, str(self.job.table_name), self.job.schema_name)

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
        return _COUNT

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        if isinstance(column.comparable.type, mssql.TIMESTAMP):
            column = ReadColumn(column.name, column.expression, column.type)
        return super().total(column)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(column.comparable.type, (mssql.DATETIME2, mssql.DATETIMEOFFSET)):
            return beyond_microsecond(self, column, value)
        return super().beyond(column, value)


class SqlServerSnapshot:
    """Connections under snapshot isolation; a single one as committed while it reads, where that is not allowed."""

    def __init__(self, connections: Sequence[sa.Connection], driver: Driver, source: SqlServerSource) -> None:
        self.connection = connections[0]
        self.readers = len(connections)
        self._idle = list(connections)
        self._driver = driver
        self._source = source

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:  # noqa: ARG002
        return []  # SQL Server reads no range of pages

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        if isinstance(column.type, _UNORDERED):
            log.warning("Column '%s' (%s) has no order by which readers could share.", column.name, column.type)
            return ()
        name = self.connection.dialect.identifier_preparer.format_table(column.table)
        counted = self.connection.execute(_ROWS, {"name": name}).first()
        if counted is None:  # a view, of which no part can be sampled: every so many of its rows
            return self.connection.scalars(every_so_many(column, self._count(column.table), _SAMPLED_ROWS)).all()
        query = sa.select(column).order_by(column)
        if counted[0] > _SAMPLED_ROWS:
            percent = 100.0 * _SAMPLED_ROWS / counted[0]
            query = query.with_hint(column.table, f"TABLESAMPLE ({percent:.6f} PERCENT)", "mssql")
        return self.connection.scalars(query).all()

    def _count(self, table: sa.FromClause) -> int:
        return int(self.connection.scalar(sa.select(_COUNT).select_from(table)) or 0)

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query  # each connection has its own transaction

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[Batch]:
        connection = self._idle.pop()  # there are as many as readers
        try:
            raw = connection.connection.dbapi_connection
            yield from self._driver.read(raw, self._source.compile(query), columns, self._source.job.chunk_size)
        finally:
            self._idle.append(connection)


def _active_version(connection: sa.Connection) -> int:
    """The lowest rowversion that a transaction in progress has taken, or the next one of the database."""
    return int(connection.exec_driver_sql("SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)").scalar_one())


def _allows_snapshots(connection: sa.Connection) -> bool:
    question = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"
    return bool(connection.exec_driver_sql(question).scalar() == 1)
