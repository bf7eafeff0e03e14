"""Oracle: `oracledb` in its thin mode, which needs no client and gives data frames that are Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import oracle

from shared.errors.hierarchy import SourceError
from shared.sources.columns import TEXT, UNSCALED_DECIMAL, ReadColumn
from shared.sources.oracle.batches import Reading
from shared.sources.oracle.compiler import HintsFollowTables
from shared.sources.oracle.connection import READ_ONLY, OracleConnection
from shared.sources.oracle.faults import FAULTS
from shared.sources.oracle.names import find_owner, find_table, written
from shared.sources.oracle.snapshot import OracleSnapshot, open_snapshot
from shared.sources.oracle.types import (
    CASTS,
    NOT_DECLARABLE,
    REFLECTED,
    arrow_type,
    as_text,
    is_large,
    is_national,
    literal,
    number_text,
)
from shared.sources.sql import SqlSource, beyond_microsecond

_HALF = 19  # of the 38 digits that a number has

# An owner's own tables have no row among the privileges.
_MAY_WRITE = sa.text(
    "SELECT (SELECT COUNT(*) FROM session_privs WHERE privilege IN "
    "('INSERT ANY TABLE', 'UPDATE ANY TABLE', 'DELETE ANY TABLE')) + (SELECT COUNT(*) FROM all_tab_privs "
    "WHERE privilege IN ('INSERT', 'UPDATE', 'DELETE') AND grantee IN (USER, 'PUBLIC') "
    "AND UPPER(table_schema || '.' || table_name) = UPPER(REPLACE(:name, '\"'))) "
    "+ (SELECT COUNT(*) FROM user_tables WHERE UPPER(USER || '.' || table_name) = UPPER(REPLACE(:name, '\"'))) "
    "FROM dual"
)

_SIZES = sa.text(
    'SELECT table_name AS name, num_rows AS "rows", num_rows * avg_row_len AS "bytes" FROM sys.all_tables '
    "WHERE owner = :schema"
)


class OracleSource(SqlSource):
    """A table or view of an Oracle database."""

    connection_type = OracleConnection
    connection: OracleConnection
    faults = FAULTS
    filter_dialect = "oracle"
    may_write = _MAY_WRITE
    sizes = _SIZES

    def engine(self) -> sa.Engine:
        engine = sa.create_engine("oracle+oracledb://", creator=self.connection.connect, poolclass=sa.NullPool)
        dialect: Any = engine.dialect
        dialect.statement_compiler = HintsFollowTables
        dialect.ischema_names = dialect.ischema_names | REFLECTED
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(READ_ONLY))
        return engine

    def snapshot(self, table: sa.Table, readers: int) -> AbstractContextManager[OracleSnapshot]:
        reading = Reading(self.connection, self.compile, self.job.chunk_size)
        return open_snapshot(self._engine, table, readers, reading)

    def located(self, connection: sa.Connection) -> tuple[str, str | None]:
        owner = find_owner(connection, str(self.job.schema_name))
        name = str(self.job.table_name)
        found = find_table(connection, owner, name)
        normalize = connection.dialect.normalize_name
        return (normalize(found[1]), normalize(found[0])) if found else (name, normalize(owner))

    def table_names(self) -> list[str]:
        """Tables, views and materialized views; a synonym is another name of a table, and no table of its own."""
        with self._explaining(), self._engine.connect() as connection:
            inspector = sa.inspect(connection)
            schema = connection.dialect.normalize_name(find_owner(connection, str(self.job.schema_name)))
            lists = (inspector.get_table_names, inspector.get_view_names, inspector.get_materialized_view_names)
            denormalize = connection.dialect.denormalize_name
            self._catalogue = written({str(denormalize(name)) for names in lists for name in names(schema)})
            return sorted(self._catalogue)

    def schema_of(self, connection: sa.Connection) -> str | None:
        return str(connection.dialect.normalize_name(find_owner(connection, str(self.job.schema_name))))

    def spelled(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, str]:
        return {name: connection.dialect.normalize_name(self._catalogue[name]) for name in names}

    def dictionary_schema(self, connection: sa.Connection) -> str | None:
        return find_owner(connection, str(self.job.schema_name))

    def in_dictionary(self, names: Iterable[str]) -> dict[str, str]:
        known = set(names)
        return {name: own for name, own in self._catalogue.items() if own in known}

    def distinguishable(self, columns: list[Any], keys: list[str]) -> tuple[list[Any], list[str]]:
        """SQLAlchemy has small letters for A, and for "a": if a table has both, each keeps the catalogue's name."""
        alike = Counter(str(column["name"]) for column in columns)
        renamed = [
            {**column, "name": _of_the_catalogue(column["name"])} if alike[str(column["name"])] > 1 else column
            for column in columns
        ]
        return renamed, [_of_the_catalogue(key) if alike[str(key)] > 1 else key for key in keys]

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        return arrow_type(source_type)

    def as_text(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        return as_text(column)

    def cast_type(self, declared: str) -> sa.types.TypeEngine[Any]:
        if declared in NOT_DECLARABLE:
            raise SourceError(
                f"column_types of job '{self.job.job_id}' names {declared}, to which Oracle casts nothing: name text."
            )
        return CASTS.get(declared) or super().cast_type(declared)

    def _read_columns(self, table: sa.Table) -> list[ReadColumn]:
        """The columns; national texts become large ones if the query has a large one anyway.

        The driver defines the columns of such a query again, national texts as others, and then reads UTF-8 as UTF-16.
        """
        columns = super()._read_columns(table)
        if any(is_large(column.expression) for column in columns):
            return [_as_large(column) if is_national(column.expression) else column for column in columns]
        return columns

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        read = super().read_column(column, declared)
        if declared and read.type != TEXT:
            wire = pa.int64() if declared == "bool" else None  # cast to a number: old servers know no boolean
            return replace(read, wire=wire)
        if declared:
            return read
        if read.type == UNSCALED_DECIMAL:  # a NUMBER without digits is not a decimal to the driver
            return replace(read, expression=number_text(column), compared=column, wire=TEXT)
        if read.type == pa.timestamp("us", "UTC"):
            in_utc = sa.func.SYS_EXTRACT_UTC(column, type_=oracle.TIMESTAMP())
            return replace(read, expression=in_utc, compared=column, wire=pa.timestamp("us"))
        return read

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        """The sums of the upper and of the lower half of all digits: a sum itself has 40 of them in Oracle."""
        scale = column.type.scale if isinstance(column.type, pa.Decimal128Type) else 0
        number = sa.cast(column.comparable, sa.Numeric(38, scale))
        upper: sa.ColumnElement[Any] = sa.func.TRUNC(number, sa.literal_column(str(scale - _HALF)))
        parts = [number_text(sa.func.sum(part)) for part in (upper, number - upper)]
        return parts[0].concat(sa.literal_column("' '")).concat(parts[1])

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        return isinstance(source_type, (sa.CHAR, sa.NCHAR, sa.VARCHAR, sa.NVARCHAR))

    def not_finite(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:
        if not isinstance(column.type, (oracle.BINARY_FLOAT, oracle.BINARY_DOUBLE)):
            return None
        return sa.or_(column.op("IS")(sa.literal_column("NAN")), column.op("IS")(sa.literal_column("INFINITE")))

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(column.comparable.type, oracle.TIMESTAMP):
            return beyond_microsecond(self, column, value)
        return super().beyond(column, value)


def _of_the_catalogue(name: str) -> sa.quoted_name:
    is_quoted = bool(getattr(name, "quote", None))
    return sa.quoted_name(str(name) if is_quoted else str(name).upper(), quote=True)


def _as_large(column: ReadColumn) -> ReadColumn:
    large = sa.func.TO_NCLOB(column.expression, type_=oracle.NCLOB())
    return replace(column, expression=large, compared=column.comparable)
