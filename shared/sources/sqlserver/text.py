"""Values of SQL Server as text with all their digits, and as literals in its conditions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

# CONVERT's styles; without one SQL Server prints six digits of a float, two decimals of money, and bytes as characters
_ALL_DIGITS = 3


_FOUR_DECIMALS = 2


_HEXADECIMAL = 1


_ISO_8601 = 126


MICROSECONDS = 6


_LONG_TEXT: sa.types.TypeEngine[Any] = mssql.NVARCHAR(None)


_varbinary: Callable[[int | str], sa.types.TypeEngine[Any]] = mssql.VARBINARY


datetime2: Callable[[int], sa.types.TypeEngine[Any]] = mssql.DATETIME2


_datetimeoffset: Callable[[int], sa.types.TypeEngine[Any]] = mssql.DATETIMEOFFSET


def as_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as the text that SQL Server prints for it, nothing of its value lost."""
    if isinstance(column.type, mssql.UNIQUEIDENTIFIER):
        return sa.cast(column, sa.CHAR(36))
    if isinstance(column.type, mssql.SQL_VARIANT):
        return _variant_text(column)
    if isinstance(column.type, sa.DateTime):
        return _converted(column, _ISO_8601)
    if isinstance(column.type, sa.Float):
        return _converted(column, _ALL_DIGITS)
    if isinstance(column.type, (mssql.MONEY, mssql.SMALLMONEY)):
        return _converted(column, _FOUR_DECIMALS)
    if isinstance(column.type, (mssql.TIMESTAMP, mssql.IMAGE, sa.BINARY, sa.VARBINARY)):
        return _converted(sa.cast(column, _varbinary("max")), _HEXADECIMAL, "max")
    return sa.cast(column, _LONG_TEXT)


def literal(value: Any, source_type: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """A value as it is written in a condition on a column of that type.

    Times are in ISO 8601 with its T, which no session language reads with day and month exchanged.
    """
    if isinstance(value, bool):
        return sa.literal_column(str(int(value)))
    if isinstance(value, bytes):
        return sa.literal_column(f"0x{value.hex()}")
    if isinstance(source_type, mssql.TIMESTAMP):
        return sa.literal_column(f"0x{value % (1 << 64):016X}")  # its eight bytes, so that an index can be used
    if isinstance(value, Decimal):
        return sa.literal_column(f"{value:f}")
    if isinstance(value, float):  # without an exponent it is a decimal, which may become another float
        text = repr(value)
        return sa.literal_column(text if "e" in text else f"{text}E0")
    if isinstance(value, str):
        return _text_literal(value, source_type)
    if not isinstance(value, date):
        return sa.literal(value, source_type)
    if isinstance(source_type, (mssql.DATETIME, mssql.SMALLDATETIME)) and isinstance(value, datetime):
        return _quoted(value.isoformat(timespec="milliseconds"), mssql.DATETIME())
    if isinstance(source_type, mssql.DATETIMEOFFSET):
        return _quoted(value.isoformat(), _datetimeoffset(MICROSECONDS))
    if isinstance(value, datetime):
        return _quoted(value.isoformat(), datetime2(MICROSECONDS))
    return _quoted(value.isoformat(), sa.DATE())


def _text_literal(value: str, source_type: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """A text in the column's own kind of text, which has its own order; without N it loses other characters."""
    if isinstance(source_type, (sa.NVARCHAR, sa.NCHAR, sa.Unicode, sa.UnicodeText)) or value.isascii():
        return sa.literal(value, source_type)
    text: sa.ColumnElement[Any] = sa.literal(value, sa.NVARCHAR())
    if collation := getattr(source_type, "collation", None):
        text = sa.collate(text, collation)  # whose code page the cast takes
    return sa.cast(text, sa.VARCHAR(8000))


def _variant_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A sql_variant, whose every value has its own type; it casts to no (max) type."""
    kind = sa.cast(sa.func.SQL_VARIANT_PROPERTY(column, sa.literal_column("'BaseType'")), sa.VARCHAR(30))
    styles: list[tuple[tuple[str, ...], sa.types.TypeEngine[Any], int]] = [
        (("float", "real"), sa.FLOAT(53), _ALL_DIGITS),
        (("money", "smallmoney"), mssql.MONEY(), _FOUR_DECIMALS),
        (("datetime", "smalldatetime"), mssql.DATETIME(), _ISO_8601),
        (("binary", "varbinary"), _varbinary(8000), _HEXADECIMAL),
    ]
    whens = [
        (kind.in_([sa.literal_column(f"'{name}'") for name in names]), _converted(sa.cast(column, type_), style, 4000))
        for names, type_, style in styles
    ]
    return sa.case(*whens, else_=sa.cast(column, mssql.NVARCHAR(4000)))


def _converted(value: sa.ColumnElement[Any], style: int, length: int | str = 40) -> sa.ColumnElement[Any]:
    text: sa.ColumnElement[Any] = sa.literal_column(f"NVARCHAR({length})")
    made = sa.NVARCHAR(length if isinstance(length, int) else None)
    return sa.func.CONVERT(text, value, sa.literal_column(str(style)), type_=made)


def _quoted(text: str, sql_type: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    return sa.cast(sa.literal_column(f"'{text}'"), sql_type)
