"""PostgreSQL: reflection through psycopg, data through ADBC, which speaks `COPY … (FORMAT binary)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from adbc_driver_postgresql import StatementOptions
from psycopg.conninfo import make_conninfo
from sqlalchemy.dialects import postgresql

from shared.sources.arrow import misfit
from shared.sources.columns import TEXT, ReadColumn, decimal_type
from shared.sources.connection import APPLICATION_NAME, ServerConnection
from shared.sources.partitions import every_so_many
from shared.sources.postgresql.diagnosis import refused_state
from shared.sources.postgresql.faults import FAULTS
from shared.sources.postgresql.session import set_in_every_transaction, set_session
from shared.sources.postgresql.sizes import SIZES
from shared.sources.postgresql.types import OneByte, Xid8
from shared.sources.sql import SqlSource

BATCH_BYTES = 8 * 1024 * 1024  # what is in memory at once is about nine times that
_TOKEN_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"  # noqa: S105  no token, but its audience
_DEFAULT_PORT = 5432
_KEEPALIVE = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "6"}

_ARROW_TYPES: dict[type[sa.types.TypeEngine[Any]], pa.DataType] = {
    sa.BOOLEAN: pa.bool_(),
    sa.SMALLINT: pa.int64(),
    sa.INTEGER: pa.int64(),
    sa.BIGINT: pa.int64(),
    sa.REAL: pa.float64(),
    sa.DOUBLE_PRECISION: pa.float64(),
    sa.TEXT: TEXT,
    sa.VARCHAR: TEXT,
    sa.CHAR: TEXT,
    sa.DATE: pa.date32(),
    postgresql.BYTEA: pa.binary(),
}
"""By the very class: a subclass (citext is one of TEXT) is another type on the wire."""

# PostgreSQL counts from 4714-11-24 BC on; ADBC turns infinity, and times after 294247, into numbers below that.
_FIRST_DAY = -2_440_588
_DAY = 86_400_000_000  # microseconds

_TID_RANGES = (14,)  # the first version that reads a range of pages without passing the others
_SAMPLED_PAGES = 300
_SAMPLED_ROWS = 20_000
_PAGES = sa.text(
    "SELECT max(pg_relation_size(part.relid) / current_setting('block_size')::int) FROM pg_class "
    "CROSS JOIN LATERAL (SELECT oid AS relid UNION ALL SELECT relid FROM pg_partition_tree(oid)) AS part "
    "WHERE oid = CAST(:name AS regclass) AND relkind IN ('r', 'm', 'p')"
)
_RELATIONS = sa.text(
    "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE nspname = :schema AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition ORDER BY relname"
)

_BELOW_DOMAINS = sa.text(
    "WITH RECURSIVE below AS ("
    "SELECT attname, atttypid AS type, atttypmod AS modifier FROM pg_attribute "
    "JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relname = :name AND nspname = coalesce(:schema, current_schema()) AND attnum > 0 "
    "UNION ALL SELECT attname, typbasetype, typtypmod FROM below JOIN pg_type ON pg_type.oid = type "
    "WHERE typtype = 'd') "
    "SELECT attname, format_type(type, modifier) AS type FROM below JOIN pg_type ON pg_type.oid = type "
    "WHERE typtype <> 'd'"
)
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")


class OneStatementCursor(psycopg.Cursor[Any]):
    """A cursor that sends everything by the extended protocol, which refuses a message with several statements.

    psycopg sends what has no parameters by the simple one, which takes them. ADBC knows the extended one only.
    """

    def _execute_send(self, query: Any, *, force_extended: bool = True, binary: bool | None = None) -> None:  # noqa: ARG002
        super()._execute_send(query, force_extended=True, binary=binary)


class PostgresConnection(ServerConnection):
    """The fields of a connection to PostgreSQL."""

    sslmode: str | None = None

    def libpq_parameters(self) -> dict[str, Any]:
        """What both drivers hand to libpq."""
        parameters = {
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "user": self.username,
            "password": self.access_token(_TOKEN_SCOPE) or self.secret_password(),
            "sslmode": self.sslmode or ("require" if self.auth == "managed_identity" else None),
            "application_name": APPLICATION_NAME,
            "connect_timeout": self.connect_timeout,
            **_KEEPALIVE,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    def refused_state(self) -> str | None:
        """The SQLSTATE with which the server refuses everyone now, if it does."""
        where = (self.host, self.port or _DEFAULT_PORT, self.username or "", self.database)
        return refused_state(*where, self.connect_timeout)


class PostgresSource(SqlSource):
    """A table or view of a PostgreSQL database."""

    connection_type = PostgresConnection
    connection: PostgresConnection
    faults = FAULTS
    filter_dialect = "postgres"
    may_write = sa.text("SELECT has_table_privilege(CAST(:name AS regclass), 'INSERT, UPDATE, DELETE, TRUNCATE')")
    sizes = SIZES
    versions = (Xid8,)

    def engine(self) -> sa.Engine:
        # no statement is prepared by name: a pooler may give its next use another server connection
        arguments = {"cursor_factory": OneStatementCursor, "prepare_threshold": None}
        engine = sa.create_engine(
            "postgresql+psycopg://",
            connect_args=self.connection.libpq_parameters() | arguments,
            poolclass=sa.pool.NullPool,
            execution_options={"postgresql_readonly": True},  # BEGIN READ ONLY, which no statement within can leave
        )
        dialect: Any = engine.dialect
        dialect.ischema_names = dialect.ischema_names | {"xid8": Xid8, '"char"': OneByte, "bpchar": sa.CHAR}
        set_in_every_transaction(engine, self.connection.statement_timeout)
        sa.event.listen(engine, "do_connect", self._connect)
        return engine

    def _connect(self, dialect: Any, _record: object, arguments: Sequence[Any], parameters: dict[str, Any]) -> Any:
        try:
            return dialect.connect(*arguments, **parameters)
        except psycopg.OperationalError as error:
            if error.sqlstate is None and FAULTS.find(error, str(error)) is None:  # its text is in another language
                error.sqlstate = self.connection.refused_state()
            raise

    @contextmanager
    def snapshot(self, table: sa.Table, readers: int) -> Iterator[PostgresSnapshot]:  # noqa: ARG002
        with self._engine.connect() as connection:
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            identifier = connection.scalar(sa.select(sa.func.pg_export_snapshot()))
            timeout = self.connection.statement_timeout
            yield PostgresSnapshot(connection, readers, str(identifier), self._conninfo(), self.compile, timeout)

    def table_names(self) -> list[str]:
        """Tables, views and materialised views; a partition is part of its table and no table of its own."""
        with self._explaining(), self._engine.connect() as connection:
            return list(connection.scalars(_RELATIONS, {"schema": self.job.schema_name}))

    def counts_versions(self, column: Mapping[str, Any]) -> bool:
        """Whether rows get the number of their transaction; that a trigger gives it to updates, too, cannot be seen."""
        return "pg_current_xact_id" in str(column.get("default") or "")

    def _conninfo(self) -> str:
        """The connection in libpq's own key=value form, which quotes any character of a password."""
        return make_conninfo(**self.connection.libpq_parameters())

    def estimate_rows(self, query: sa.Select[Any]) -> int | None:
        with self._engine.connect() as connection:
            statement = f"EXPLAIN (FORMAT JSON) {self.compile(query)}".replace("%", "%%")
            plan = connection.exec_driver_sql(statement).scalar_one()
        return int(plan[0]["Plan"]["Plan Rows"])

    def compile(self, query: sa.Select[Any]) -> str:
        return super().compile(query) % ()  # psycopg's parameter style doubles every %, which ADBC would not undo

    def as_on_the_wire(self, columns: list[Any], name: str, schema: str | None) -> list[Any]:
        """The columns, those of a domain in the type below it, which is the only one that the wire knows."""
        if any(isinstance(column["type"], postgresql.DOMAIN) for column in columns):
            with self._engine.connect() as connection:
                found = connection.execute(_BELOW_DOMAINS, {"schema": schema, "name": name})
                below = {row.attname: row.type for row in found}
            for column in columns:
                column["type"] = _below(column["type"], below.get(column["name"], ""))
        return columns

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        if isinstance(source_type, sa.NUMERIC):
            return decimal_type(source_type.precision, source_type.scale)
        if isinstance(source_type, postgresql.TIMESTAMP):
            return pa.timestamp("us", "UTC" if source_type.timezone else None)
        if isinstance(source_type, postgresql.TIME):
            return None if source_type.timezone else pa.time64("us")
        return _ARROW_TYPES.get(type(source_type))

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        if isinstance(column.type, Xid8) and not declared:  # it casts to text only
            number = sa.cast(self.as_text(column), sa.BigInteger())
            return ReadColumn(column.name, number, pa.int64(), compared=column, order="values")
        read = super().read_column(column, declared)
        if pa.types.is_decimal(read.type) and not declared:
            # the server prints numbers faster than ADBC does, which gives zeros for some that are very long
            return replace(read, expression=self.as_text(column), compared=column)
        if isinstance(column.type, sa.Uuid):  # ordered as its text
            return replace(read, order="values")
        return read

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        if isinstance(column.type, Xid8):
            return sa.cast(sa.literal_column(f"'{int(value)}'"), Xid8())
        if isinstance(value, str):  # without its own type it takes the column's
            return sa.literal(value, sa.Text(), literal_execute=True)
        return super().literal(column, value)

    def settled(self, query: sa.Select[Any], cursor: ReadColumn) -> sa.Select[Any]:
        """Bounds numbers of transactions by the first that was in progress as the snapshot began."""
        if not isinstance(cursor.comparable.type, Xid8):
            return query
        return query.where(cursor.comparable < sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot()))

    def total(self, column: ReadColumn) -> sa.ColumnElement[Any]:
        if isinstance(column.comparable.type, Xid8):
            column = replace(column, compared=None)
        return super().total(column)

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        return super().sorts(source_type) or isinstance(source_type, (sa.NUMERIC, postgresql.CITEXT))

    def not_finite(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:
        return column.in_([sa.literal_column(f"'{name}'") for name in ("NaN", "Infinity", "-Infinity")])


@dataclass(frozen=True)
class PostgresSnapshot:
    """An exported snapshot: every connection that takes it up sees what the first one sees."""

    connection: sa.Connection
    readers: int
    identifier: str
    conninfo: str
    compile: Callable[[sa.Select[Any]], str]
    statement_timeout: int = 0

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:
        pages = self._pages(table)
        version = self.connection.dialect.server_version_info or ()
        if pages is None or version < _TID_RANGES:
            return []
        place: sa.ColumnElement[Any] = sa.literal_column("ctid")
        starts: list[sa.ColumnElement[Any]] = [
            sa.literal_column(f"'({pages * n // ranges},0)'::tid") for n in range(1, ranges)
        ]
        between = [sa.and_(place >= low, place < high) for low, high in pairwise(starts)]
        return [place < starts[0], *between, place >= starts[-1]]

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        """The values as the texts that PostgreSQL prints: Python has no date before Christ, and no infinite one."""
        pages = self._pages(column.table)
        if pages is None:  # a view or a foreign table
            rows = self.connection.scalar(sa.select(sa.func.count()).select_from(column.table)) or 0
            found = every_so_many(column, rows, _SAMPLED_ROWS).subquery()
            return self.connection.scalars(sa.select(sa.cast(found.c.value, sa.Text())).order_by(found.c.value)).all()
        percent = min(100.0, 100.0 * _SAMPLED_PAGES / max(pages, 1))
        part = sa.func.system(sa.literal_column(f"{percent:.6f}"))
        sampled = sa.tablesample(column.table, part, seed=sa.literal_column("1"))  # the same pages every time
        chosen = sampled.c[column.key]
        return self.connection.scalars(sa.select(sa.cast(chosen, sa.Text())).order_by(chosen)).all()

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:  # noqa: ARG002
        return sa.literal(value, sa.Text())  # without its own type it takes the column's

    def _pages(self, table: sa.Table) -> int | None:
        """The pages of a table, of its largest partition where it has some; None where it is stored elsewhere."""
        name = self.connection.dialect.identifier_preparer.format_table(table)
        found = self.connection.scalar(_PAGES, {"name": name})
        return None if found is None else int(found)

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query  # each connection takes the snapshot up

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[pa.RecordBatch]:
        with adbc_driver_postgresql.dbapi.connect(self.conninfo) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{self.identifier}'")
            set_session(partial(_only_row, cursor), self.statement_timeout)
            cursor.adbc_statement.set_options(
                **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES // self.readers)}
            )
            cursor.execute(self.compile(query))
            for batch in cursor.fetch_record_batch():
                _refuse_what_arrow_lacks(batch, columns)
                yield batch


def _below(source_type: sa.types.TypeEngine[Any], printed: str) -> sa.types.TypeEngine[Any]:
    """The type below a domain; digits and zone, which SQLAlchemy cuts off with the precision, as the server prints."""
    if not isinstance(source_type, postgresql.DOMAIN):
        return source_type
    while isinstance(source_type, postgresql.DOMAIN):
        source_type = source_type.data_type
    if isinstance(source_type, (postgresql.TIMESTAMP, postgresql.TIME)):
        return type(source_type)(timezone=printed.endswith("with time zone"))
    digits = _NUMERIC.fullmatch(printed)
    return sa.NUMERIC(int(digits[1]), int(digits[2])) if digits else source_type


def _only_row(cursor: Any, statement: str) -> Sequence[Any]:
    cursor.execute(statement)
    row: Sequence[Any] = cursor.fetchone()
    return row


def _refuse_what_arrow_lacks(batch: pa.RecordBatch, columns: Sequence[ReadColumn]) -> None:
    """Raise SourceError for infinite dates and times, and for 24:00: in Arrow they would be other values."""
    for values, column in zip(batch.columns, columns, strict=True):
        wire = column.wire_type
        if pa.types.is_date32(wire) or pa.types.is_timestamp(wire):
            first, width = (_FIRST_DAY, pa.int32()) if pa.types.is_date32(wire) else (_FIRST_DAY * _DAY, pa.int64())
            least = pc.min(values.cast(width)).as_py()
            if least is not None and least < first:
                raise misfit(column.name, "infinity, or a time after the year 294246", wire)
        elif pa.types.is_time64(wire):
            most = pc.max(values.cast(pa.int64())).as_py()
            if most is not None and most >= _DAY:
                raise misfit(column.name, "24:00:00", wire)
