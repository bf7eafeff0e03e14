"""One picture of a table of SQL Server: connections under snapshot isolation that began together, or a single one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DBAPIError

from shared.models.job import Job
from shared.sources.arrow import Batch
from shared.sources.columns import ReadColumn
from shared.sources.partitions import every_so_many
from shared.sources.sqlserver.connection import SqlServerConnection
from shared.sources.sqlserver.driver import Driver
from shared.sources.sqlserver.faults import FAULTS, NO_LOCK
from shared.sources.sqlserver.text import literal

log = logging.getLogger(__name__)

IN_MEMORY_HINT = "WITH (SNAPSHOT)"
"""How a transaction reads a memory-optimised table; without it the server refuses."""

LOCK_MILLISECONDS = 10_000
SAMPLED_ROWS = 20_000

COUNT: sa.ColumnElement[int] = sa.func.count_big(sa.literal_column("*"), type_=sa.BigInteger())
"""COUNT itself is an int, and fails beyond 2,147,483,647 rows."""

# by name: in Azure SQL Database the numbers of this view are not those of DB_ID()
_ALLOWED = "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
ROWS = sa.text(
    "SELECT SUM(rows) FROM sys.partitions WHERE object_id = OBJECT_ID(:name) AND index_id IN (0, 1) HAVING COUNT(*) > 0"
)
_UNORDERED = (mssql.SQL_VARIANT, mssql.XML, mssql.IMAGE, sa.TEXT, mssql.NTEXT, sa.JSON, sa.types.NullType)

_NO_SNAPSHOT = (
    "Database '%s' has no snapshot that several readers could share, so one reader reads the table: it takes "
    "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, and application_intent ReadWrite."
)
_IN_MEMORY = "Table '%s' is memory-optimised, which several connections cannot see alike, so one reader reads it."
_LOCKED = "Table '%s' is being changed by a transaction that takes long, so one reader reads it."
_NO_TABLE_LOCK = "'%s' cannot be locked as a table, so one reader reads it: %s"


@dataclass(frozen=True)
class Reading:
    """How a job reads.

    Attributes:
        connection: The fields of its source's connection.
        driver: What reads.
        job: The row of the workbook.
        compile: Makes SQL of a query.
    """

    connection: SqlServerConnection
    driver: Driver
    job: Job
    compile: Callable[[sa.Select[Any]], str]


@contextmanager
def open_snapshot(
    engine: sa.Engine, table: sa.Table, readers: int, reading: Reading, in_memory: bool, before: Callable[..., None]
) -> Iterator[SqlServerSnapshot]:
    """A picture of a table as it is now, for up to so many readers.

    Args:
        engine: Makes the connections.
        table: What is read.
        readers: How many would read at once.
        reading: How.
        in_memory: Whether the table is memory-optimised.
        before: Called with a connection right before the snapshot begins.
    """
    with engine.connect() as connection:
        allowed = connection.exec_driver_sql(_ALLOWED).scalar() == 1
        before(connection)
        connection.rollback()
        if allowed and not in_memory:
            connection = connection.execution_options(isolation_level="SNAPSHOT")
        if readers == 1 or not _can_share(table, reading, allowed, in_memory):
            yield SqlServerSnapshot([connection], reading)
            return
        with ExitStack() as stack:
            others = [stack.enter_context(engine.connect()) for _ in range(readers - 1)]
            seeing = [connection, *(one.execution_options(isolation_level="SNAPSHOT") for one in others)]
            if not _begin_together(engine, table, seeing):
                seeing = seeing[:1]
            yield SqlServerSnapshot(seeing, reading)


def _can_share(table: sa.Table, reading: Reading, allowed: bool, in_memory: bool) -> bool:
    """Whether several connections can have one picture; logs why not."""
    if in_memory:
        log.warning(_IN_MEMORY, table.fullname)
        return False
    # a secondary takes no locks, so snapshots cannot begin together there
    if not allowed or reading.connection.application_intent != "ReadWrite":
        log.warning(_NO_SNAPSHOT, reading.connection.database)
        return False
    return True


def _begin_together(engine: sa.Engine, table: sa.Table, connections: Sequence[sa.Connection]) -> bool:
    """Let every connection's snapshot begin while a lock keeps others from committing changes to the table.

    Returns False, logs why, and no snapshot has begun, if the table cannot be locked, or others hold it for too long.
    """
    touch: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(table).limit(1)
    with engine.connect() as holder:
        holder.exec_driver_sql(f"SET LOCK_TIMEOUT {LOCK_MILLISECONDS}")
        try:
            holder.execute(touch.with_hint(table, "WITH (TABLOCK, HOLDLOCK)", "mssql"))
        except DBAPIError as error:
            if NO_LOCK in FAULTS.codes(error.orig or error):
                log.warning(_LOCKED, table.fullname)
                return False
            fault = FAULTS.find(error.orig or error, str(error.orig))
            if fault and fault.passes:
                raise
            log.warning(_NO_TABLE_LOCK, table.fullname, error.orig)  # a view of a linked server, an external table …
            return False
        for connection in connections:
            connection.execute(touch)
        holder.rollback()
    return True


class SqlServerSnapshot:
    """Connections under snapshot isolation; a single one as committed while it reads, where that is not allowed."""

    def __init__(self, connections: Sequence[sa.Connection], reading: Reading) -> None:
        self.connection = connections[0]
        self.readers = len(connections)
        self._idle = list(connections)
        self._reading = reading

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:  # noqa: ARG002
        return []  # SQL Server reads no range of pages

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        if isinstance(column.type, _UNORDERED):
            log.warning("Column '%s' (%s) has no order by which readers could share.", column.name, column.type)
            return ()
        name = self.connection.dialect.identifier_preparer.format_table(column.table)
        counted = self.connection.scalar(ROWS, {"name": name})
        if not counted:  # a view, of which no part can be sampled, or a server that counts no rows: every so many
            return self.connection.scalars(every_so_many(column, self._count(column.table), SAMPLED_ROWS)).all()
        query = sa.select(column).order_by(column)
        if counted > SAMPLED_ROWS:
            percent = 100.0 * SAMPLED_ROWS / counted
            query = query.with_hint(column.table, f"TABLESAMPLE ({percent:.6f} PERCENT)", "mssql")
        return self.connection.scalars(query).all()

    def _count(self, table: sa.FromClause) -> int:
        return int(self.connection.scalar(sa.select(COUNT).select_from(table)) or 0)

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query  # each connection has its own transaction

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[Batch]:
        connection = self._idle.pop()  # there are as many as readers
        reading = self._reading
        try:
            raw = connection.connection.dbapi_connection
            yield from reading.driver.read(raw, reading.compile(query), columns, reading.job.chunk_size)
        finally:
            self._idle.append(connection)
