"""What databases without a reader of their own do in another way than SQLAlchemy's types say.

MySQL and MariaDB print a FLOAT with six digits and an instant in the session's zone; SQLite has no times, but texts
that look like some, and compares them byte by byte.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from shared.sources.columns import ReadColumn


class Dialect:
    """One of which nothing else is known."""

    session: str | None = None
    """The statement with which each connection begins."""

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:  # noqa: ARG002
        """The Arrow type that carries a type unchanged, None where the type's class says it."""
        return None

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        """Whether the database has an order for a type that the lake keeps as text."""
        return isinstance(source_type, sa.String) and not isinstance(source_type, sa.Enum)

    def printable(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """What casts to text with all its digits."""
        return column

    def read(self, column: sa.Column[Any], read: ReadColumn, declared: str | None) -> ReadColumn:  # noqa: ARG002
        """How a column is read, given how it is read elsewhere."""
        return read

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        """A value as it is written in a condition on a column."""
        return sa.literal(value, column.type)


class MySql(Dialect):
    """MySQL and MariaDB."""

    session = "SET time_zone = '+00:00'"

    def arrow_type(self, source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
        if isinstance(source_type, mysql.BIT):
            return pa.int64()
        return pa.timestamp("us", "UTC") if isinstance(source_type, sa.TIMESTAMP) else None

    def sorts(self, source_type: sa.types.TypeEngine[Any]) -> bool:
        return super().sorts(source_type) and not isinstance(source_type, mysql.SET)  # by its number, or by its text

    def printable(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        if isinstance(column.type, mysql.FLOAT):
            return sa.type_coerce(column * sa.literal_column("1e0"), sa.Double())
        return column + sa.literal_column("0") if isinstance(column.type, mysql.BIT) else column

    def read(self, column: sa.Column[Any], read: ReadColumn, declared: str | None) -> ReadColumn:
        if declared or not isinstance(column.type, (mysql.FLOAT, mysql.BIT)):
            return read
        return replace(read, expression=self.printable(column), compared=column)

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        if isinstance(value, datetime) and value.tzinfo:  # MariaDB knows no literal with a zone
            value = value.astimezone(UTC).replace(tzinfo=None)
        return super().literal(column, value)


_MIDNIGHT = "0000-00-00 00:00:00.000000"
_BEYOND = "~"  # sorts after every digit, so that a value that is no time is read, and named


class Sqlite(Dialect):
    """SQLite, whose values have types of their own, whatever their column is declared to be."""

    def read(self, column: sa.Column[Any], read: ReadColumn, declared: str | None) -> ReadColumn:
        if pa.types.is_temporal(read.type) and declared:  # it would cast to the year alone
            read = replace(read, expression=column)
        if pa.types.is_date(read.type) or pa.types.is_timestamp(read.type):
            return replace(read, compared=_to_the_microsecond(column))
        return read

    def literal(self, column: sa.ColumnElement[Any], value: Any) -> sa.ColumnElement[Any]:
        if isinstance(value, date):
            text = value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value.isoformat()
            return sa.literal(text + _MIDNIGHT[len(text) :], sa.Text())
        if isinstance(value, Decimal):  # bound, it would become a double
            is_whole = value == value.to_integral_value()
            return sa.literal_column(str(int(value)) if is_whole else f"{value:f}")
        return super().literal(column, value)


def _to_the_microsecond(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A time as a text whose order is that of time, whether it has a T, seconds, a fraction, or only a date."""
    stored: sa.ColumnElement[Any] = sa.type_coerce(column, sa.Text())
    text = sa.func.replace(stored, sa.literal_column("'T'"), sa.literal_column("' '"))
    rest = sa.func.substr(sa.literal_column(f"'{_MIDNIGHT}'"), sa.func.length(text) + sa.literal_column("1"))
    is_time = sa.and_(
        sa.func.typeof(stored) == sa.literal_column("'text'"),
        text.op("GLOB")(sa.literal_column("'[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'")),
        sa.not_(sa.func.substr(text, sa.literal_column("11")).op("GLOB")(sa.literal_column("'*[^0-9:. ]*'"))),
    )
    padded = sa.func.substr(text.concat(rest), sa.literal_column("1"), sa.literal_column(str(len(_MIDNIGHT))))
    return sa.case((is_time, padded), else_=sa.literal_column(f"'{_BEYOND}'"))


_DIALECTS: dict[str, Dialect] = {"mysql": MySql(), "mariadb": MySql(), "sqlite": Sqlite()}


def dialect_of(name: str) -> Dialect:
    """What is known of a database, by SQLAlchemy's name of it."""
    return _DIALECTS.get(name, Dialect())
