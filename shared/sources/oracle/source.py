"""Oracle: `oracledb` in its thin mode, which needs no client and gives data frames that are Arrow."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import oracledb
import pyarrow as pa
import sqlalchemy as sa
from pydantic import Field, model_validator
from sqlalchemy.dialects import oracle
from sqlalchemy.dialects.oracle.cx_oracle import OracleCompiler_cx_oracle
from sqlalchemy.exc import DatabaseError

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.columns import TEXT, UNSCALED_DECIMAL, ReadColumn
from shared.sources.connection import APPLICATION_NAME, SqlConnection
from shared.sources.deadline import connect_within
from shared.sources.oracle.faults import FAULTS
from shared.sources.oracle.rowids import blocks_query, rowid_ranges, sample_query
from shared.sources.oracle.types import (
    CASTS,
    NOT_DECLARABLE,
    REFLECTED,
    arrow_type,
    as_text,
    literal,
    number_text,
    sampled,
)
from shared.sources.sql import SqlSource, beyond_microsecond

log = logging.getLogger(__name__)


_DEFAULT_PORT = 1521


_KEEPALIVE_MINUTES = 1


_SESSION = (
    "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,' NLS_SORT = BINARY NLS_COMP = BINARY TIME_ZONE = '+00:00' "
    "NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF' "
    "NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FFTZH:TZM'"
)


_SAMPLED_ROWS = 20_000


_ONE_READER = (
    "User '%s' may not read the table as of a system change number, so one reader reads it: GRANT FLASHBACK on the "
    "table, and EXECUTE on DBMS_FLASHBACK."
)


class OracleConnection(SqlConnection):
    """The fields of a connection to Oracle: a host with a service name or SID, or a TNS alias with its folder."""

    host: str | None = None
    port: int = Field(_DEFAULT_PORT, ge=1, le=65535)
    service_name: str | None = None
    sid: str | None = None
    tns_alias: str | None = None
    config_dir: str | None = Field(None, description="The folder of tnsnames.ora.")
    wallet_location: str | None = None
    wallet_password: str | None = None

    @classmethod
    def _other_names(cls) -> dict[str, str]:
        return super()._other_names() | {"database": "service_name"}

    @model_validator(mode="after")
    def _names_one_database(self) -> OracleConnection:
        if sum(name is not None for name in (self.service_name, self.sid, self.tns_alias)) != 1:
            raise ValueError("give exactly one of service_name, sid and tns_alias")
        if self.tns_alias is None and self.host is None:
            raise ValueError("host is missing")
        if self.auth == "managed_identity":
            raise ValueError("auth managed_identity is not for Oracle: give username and password")
        return self

    @property
    def place(self) -> str:
        return self.tns_alias or f"{self.host}:{self.port}/{self.service_name or self.sid}"

    def connect(self) -> oracledb.Connection:
        """A new connection, or an error in time: the driver limits TCP's part only, and not the server's greeting."""
        try:
            return connect_within(self.connect_timeout, self.place, self._connect)
        except socket.gaierror as error:  # the driver lets this one through as it is
            raise TransientError(f"{self.place}: the host's name is not known ({error}): check host.") from None

    def _connect(self) -> oracledb.Connection:
        """A new connection whose session prints texts the same way on every server."""
        where: dict[str, Any] = (
            {"dsn": self.tns_alias}
            if self.tns_alias
            else {"host": self.host, "port": self.port, "service_name": self.service_name, "sid": self.sid}
        )
        connection = oracledb.connect(
            **where,
            user=self.username,
            password=self.secret_password(),
            config_dir=self.config_dir,
            wallet_location=self.wallet_location,
            wallet_password=self.wallet_password,
            tcp_connect_timeout=self.connect_timeout,
            expire_time=_KEEPALIVE_MINUTES,
            program=APPLICATION_NAME,
        )
        connection.call_timeout = self.statement_timeout * 1000
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)
        return connection


class HintsFollowTables(OracleCompiler_cx_oracle):
    """Writes a hint behind its table, where AS OF and SAMPLE belong, and not as a comment.

    It derives from the compiler of the driver's own dialect, whose execution reads what that compiler leaves on it.
    """

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:  # noqa: ARG002
        return text

    def get_select_hint_text(self, byfroms: Any) -> str | None:  # noqa: ARG002
        return None


class OracleSource(SqlSource):
    """A table or view of an Oracle database."""

    connection_type = OracleConnection
    connection: OracleConnection
    faults = FAULTS

    def engine(self) -> sa.Engine:
        engine = sa.create_engine("oracle+oracledb://", creator=self.connection.connect, poolclass=sa.NullPool)
        dialect: Any = engine.dialect
        dialect.statement_compiler = HintsFollowTables
        dialect.ischema_names = dialect.ischema_names | REFLECTED
        return engine

    @contextmanager
    def snapshot(self, table: sa.Table, readers: int) -> Iterator[OracleSnapshot]:
        with self._engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")  # as of now, for all of the transaction
            change_number = _change_number(connection, table) if readers > 1 else None
            if readers > 1 and change_number is None:
                log.warning(_ONE_READER, self.connection.username)
            yield OracleSnapshot(connection, self, table, readers if change_number else 1, change_number)

    def spellings(self, name: str) -> list[str]:
        """SQLAlchemy takes lower case for a name without quotes; people write such names in any case."""
        return list(dict.fromkeys((name, name.lower())))

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

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        read = super().read_column(column, declared)
        if declared:
            wire = pa.int64() if declared == "bool" else None  # cast to a number: old servers know no boolean
            return ReadColumn(read.name, read.expression, read.type, wire=wire)
        if read.type == UNSCALED_DECIMAL:  # a NUMBER without digits is no decimal to the driver
            return ReadColumn(read.name, number_text(column), read.type, compared=column, wire=TEXT)
        if read.type == pa.timestamp("us", "UTC"):
            return ReadColumn(
                read.name,
                sa.func.SYS_EXTRACT_UTC(column, type_=oracle.TIMESTAMP()),
                read.type,
                compared=column,
                wire=pa.timestamp("us"),
            )
        return read

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        return literal(value, column.type)

    def beyond(self, column: ReadColumn, value: Any) -> sa.ColumnElement[bool]:
        if isinstance(column.comparable.type, oracle.TIMESTAMP):
            return beyond_microsecond(self, column, value)
        return super().beyond(column, value)


@dataclass(frozen=True)
class OracleSnapshot:
    """One connection in a read-only transaction, as of its start; or many that read as of one system change number."""

    connection: sa.Connection
    source: OracleSource
    table: sa.Table
    readers: int
    change_number: int | None

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:
        blocks = self.connection.scalar(blocks_query(table, self.connection.dialect))
        if not blocks:  # a view, a table without statistics, or one whose rows have no fixed place
            return []
        return rowid_ranges(self.connection.scalars(sample_query(table, int(blocks))).all(), ranges)

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:
        rows = self.connection.scalar(sa.select(sa.func.count()).select_from(column.table)) or 0
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
        rows = self.source.job.chunk_size
        if self.change_number is None:
            raw: Any = self.connection.connection.dbapi_connection
            yield from read_batches(raw, self.source.compile(query), columns, rows)
            return
        with self.source.connection.connect() as own:
            yield from read_batches(own, self.source.compile(query), columns, rows)


def read_batches(
    connection: oracledb.Connection, statement: str, columns: Sequence[ReadColumn], rows: int
) -> Iterator[pa.Table]:
    """The result of a statement in batches of so many rows, in the types that the columns ask for."""
    wanted = pa.schema([pa.field(column.name, column.wire_type) for column in columns])
    frames = connection.fetch_df_batches(statement, size=rows, fetch_decimals=True, requested_schema=wanted)
    for frame in frames:
        yield pa.table(frame)


def _change_number(connection: sa.Connection, table: sa.Table) -> int | None:
    """The system change number of now, None where the user may not read a table as of one."""
    for now in ("DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER", "TIMESTAMP_TO_SCN(SYSTIMESTAMP)"):
        try:
            number = int(connection.scalar(sa.select(sa.literal_column(now))) or 0)
            probe = sa.select(sa.literal(1)).select_from(table).where(sa.literal_column("ROWNUM = 1"))
            connection.execute(probe.with_hint(table, f"AS OF SCN {number}", "oracle"))
        except DatabaseError:  # no right to the package, or none to flash the table back
            continue
        return number
    return None
