"""One picture of an Oracle table: a read-only transaction, or many connections as of one system change number."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from shared.sources.columns import ReadColumn
from shared.sources.oracle.batches import Reading
from shared.sources.oracle.connection import READ_ONLY
from shared.sources.oracle.rowids import blocks_query, rowid_ranges, sample_query, tables_query
from shared.sources.oracle.types import literal, sampled
from shared.sources.partitions import every_so_many

log = logging.getLogger(__name__)

_SAMPLED_ROWS = 20_000
_ONE_READER = (
    "User '%s' may not read the table as of a system change number, so one reader reads it: GRANT FLASHBACK on the "
    "table, and EXECUTE on DBMS_FLASHBACK."
)


@contextmanager
def open_snapshot(engine: sa.Engine, table: sa.Table, readers: int, reading: Reading) -> Iterator[OracleSnapshot]:
    """A picture of a table as it is now, for up to so many readers."""
    with engine.connect() as connection:  # in a read-only transaction, which sees the table as it is when it begins
        change_number = _change_number(connection, table) if readers > 1 else None
        if readers > 1 and change_number is None:
            log.warning(_ONE_READER, reading.connection.username)
        try:
            yield OracleSnapshot(connection, table, readers if change_number else 1, change_number, reading)
        except BaseException:
            connection.invalidate()  # a rollback on a connection that is gone would raise, and hide why it is
            raise


@dataclass(frozen=True)
class OracleSnapshot:
    """One connection in a read-only transaction, as of its start; or many that read as of one system change number."""

    connection: sa.Connection
    table: sa.Table
    readers: int
    change_number: int | None
    reading: Reading

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:
        blocks = self.connection.scalar(blocks_query(table, self.connection.dialect))
        if not blocks:  # a view, a table without statistics, or one whose rows have no fixed place
            return []
        return rowid_ranges(self.connection.scalars(sample_query(table, int(blocks))).all(), ranges)

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        rows = self.connection.scalar(sa.select(sa.func.count()).select_from(column.table)) or 0
        if rows > _SAMPLED_ROWS and not self.connection.scalar(tables_query(self.table, self.connection.dialect)):
            return self.connection.scalars(every_so_many(sampled(column), rows, _SAMPLED_ROWS)).all()  # a view
        query = sa.select(sampled(column)).order_by(column)
        if rows > _SAMPLED_ROWS:
            percent = 100.0 * _SAMPLED_ROWS / rows
            query = query.with_hint(column.table, f"SAMPLE ({percent:.6f})", "oracle")
        return self.connection.scalars(query).all()

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        if self.change_number is None:
            return query
        return query.with_hint(self.table, f"AS OF SCN {self.change_number}", "oracle")

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[pa.Table]:
        if self.change_number is None:
            raw: Any = self.connection.connection.dbapi_connection
            yield from self.reading.batches(raw, query, columns, self.readers)
            return
        with self.reading.connection.connect() as own:
            own.cursor().execute(READ_ONLY)
            yield from self.reading.batches(own, query, columns, self.readers)


def _change_number(connection: sa.Connection, table: sa.Table) -> int | None:
    """The system change number of now; None if the user may not read a table as of one."""
    for now in ("DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER", "TIMESTAMP_TO_SCN(SYSTIMESTAMP)"):
        try:
            number = int(connection.scalar(sa.select(sa.literal_column(now))) or 0)
            probe = sa.select(sa.literal(1)).select_from(table).where(sa.literal_column("ROWNUM = 1"))
            connection.execute(probe.with_hint(table, f"AS OF SCN {number}", "oracle"))
        except DatabaseError:  # no right to the package, or none to flash the table back
            continue
        return number
    return None
