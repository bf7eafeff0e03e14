"""Any other database that SQLAlchemy knows (MySQL, SQLite, …), read as Python objects, row by row."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from shared.errors.hierarchy import ConfigurationError
from shared.secrets import Secret
from shared.sources.batches import bounded_for
from shared.sources.columns import TEXT, ReadColumn, decimal_type
from shared.sources.connection import SqlConnection, refuse_unescaped_at
from shared.sources.dialects import Dialect, dialect_of
from shared.sources.rows import rows_to_arrow
from shared.sources.sql import SqlSource

log = logging.getLogger(__name__)

_STEP = 1024  # rows of a fetch; each becomes Python objects, which take several times their bytes
_BUFFERED = 64  # rows that SQLAlchemy fetches ahead at most

_ARROW_TYPES: list[tuple[type[sa.types.TypeEngine[Any]], pa.DataType]] = [
    (sa.Boolean, pa.bool_()),
    (sa.Integer, pa.int64()),
    (sa.Float, pa.float64()),
    (sa.Date, pa.date32()),
    (sa.Time, pa.time64("us")),
    (sa.String, TEXT),
    (sa.LargeBinary, pa.binary()),
    (sa.BINARY, pa.binary()),
    (sa.VARBINARY, pa.binary()),
]


class UrlConnection(SqlConnection):
    """A connection as SQLAlchemy writes it."""

    url: SecretStr

    @classmethod
    def of(cls, secret: Secret, source_name: str) -> tuple[UrlConnection, Secret]:
        refuse_unescaped_at(str(secret.get("url", "")), source_name)
        try:
            url = make_url(str(secret["url"])) if "url" in secret else _url(secret)
            url.get_dialect()
        except (ArgumentError, NoSuchModuleError, ValueError, ImportError):
            raise ConfigurationError(
                f"The connection secret of source '{source_name}' names no database that can be read: it needs a "
                "SQLAlchemy URL, whose driver is installed."
            ) from None
        text = url.render_as_string(hide_password=False)
        return cls(url=SecretStr(text)), Secret({"url": text, "password": url.password or ""})

    @property
    def place(self) -> str:
        url = make_url(self.url.get_secret_value())
        return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}"


class FallbackSource(SqlSource):
    """A table of a database that has no reader of its own here."""

    connection_type = UrlConnection
    connection: UrlConnection
    shares_tables = False

    @property
    def dialect(self) -> Dialect:
        """What is known of the database."""
        return dialect_of(make_url(self.connection.url.get_secret_value()).get_backend_name())

    def engine(self) -> sa.Engine:
        engine = sa.create_engine(self.connection.url.get_secret_value(), poolclass=sa.NullPool)
        if statement := self.dialect.session:
            sa.event.listen(engine, "connect", partial(_begin, statement))
        log.warning(
            "Source '%s' (%s) has no Arrow reader: its rows pass through Python, which is several times slower.",
            self.job.source_name,
            engine.dialect.name,
        )
        return engine

    @contextmanager
    def snapshot(self, table: sa.Table, readers: int) -> Iterator[RowSnapshot]:  # noqa: ARG002
        with self._engine.connect() as connection:
            yield RowSnapshot(connection, self.job.chunk_size)

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        if own := self.dialect.arrow_type(source_type):
            return own
        if isinstance(source_type, sa.Numeric) and not isinstance(source_type, sa.Float):
            return decimal_type(source_type.precision, source_type.scale)
        if isinstance(source_type, sa.DateTime):
            return pa.timestamp("us", "UTC" if source_type.timezone else None)
        return next((arrow for generic, arrow in _ARROW_TYPES if isinstance(source_type, generic)), None)

    def as_text(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(self.dialect.printable(column), sa.Text())

    def read_column(self, column: sa.Column[Any], declared: str | None) -> ReadColumn:
        read = super().read_column(column, declared)
        return read if read.type == TEXT else self.dialect.read(column, read, declared)

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        return self.dialect.literal(column, value)

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        return self.dialect.sorts(source_type)


@dataclass(frozen=True)
class RowSnapshot:
    """One transaction of the database's default isolation."""

    connection: sa.Connection
    rows: int
    readers: int = 1

    def own_ranges(self, table: sa.Table, ranges: int) -> list[sa.ColumnElement[bool]]:  # noqa: ARG002
        return []

    def sample(self, column: sa.Column[Any]) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def literal(self, column: sa.Column[Any], value: Any) -> sa.ColumnElement[Any]:
        return sa.literal(value, column.type)

    def pinned(self, query: sa.Select[Any]) -> sa.Select[Any]:
        return query  # there is one connection

    def read(self, query: sa.Select[Any], columns: Sequence[ReadColumn]) -> Iterator[pa.Table]:
        def fetch(count: int) -> pa.Table:
            rows = result.fetchmany(count)
            return rows_to_arrow(rows, columns) if rows else pa.table({})

        options = {"stream_results": True, "max_row_buffer": _BUFFERED}
        with self.connection.execute(_as_the_driver_gives_it(query), execution_options=options) as result:
            yield from bounded_for(columns, fetch, self.rows, _STEP)


def _as_the_driver_gives_it(query: sa.Select[Any]) -> sa.Select[Any]:
    """A query whose values pass through no conversion of SQLAlchemy: it rounds decimals and doubles to ten digits."""
    bare: Any = [sa.type_coerce(one.element, sa.types.NullType()).label(one.name) for one in _labels(query)]
    return query.with_only_columns(*bare, maintain_column_froms=True)


def _labels(query: sa.Select[Any]) -> Sequence[sa.Label[Any]]:
    return [one if isinstance(one, sa.Label) else one.label(one.key) for one in query.selected_columns]


def _begin(statement: str, connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(statement)
    cursor.close()


def _url(secret: Secret) -> URL:
    fields: dict[str, Any] = {name: secret.get(name) for name in ("host", "port", "database", "password")}
    return URL.create(str(secret["dialect"]), username=secret.get("username", secret.get("user")), **fields)
