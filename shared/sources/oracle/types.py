"""Oracle's types: which Arrow type carries each, its text with all digits, casts, and literals in conditions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import oracle

from shared.errors.hierarchy import SourceError
from shared.sources.columns import TEXT, UNSCALED_DECIMAL, decimal_type

_TIME = "YYYY-MM-DD HH24:MI:SS"


class XmlType(sa.types.UserDefinedType[str]):
    """XMLTYPE, for which SQLAlchemy has no name."""


class YearsToMonths(sa.types.UserDefinedType[str]):
    """INTERVAL YEAR TO MONTH, for which SQLAlchemy has no name either."""


class LongRaw(sa.LargeBinary):
    """LONG RAW, which is no large object: Oracle does not measure it."""


REFLECTED: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "XMLTYPE": XmlType,
    "INTERVAL YEAR TO MONTH": YearsToMonths,
    "UROWID": oracle.ROWID,
    "LONG RAW": LongRaw,
}


"""Types of Oracle's catalogue beyond those that SQLAlchemy knows."""


UNMEASURED = (oracle.LONG, LongRaw)
"""Types whose lengths Oracle does not report."""

_LARGE = (sa.CLOB, oracle.NCLOB, sa.BLOB)
_NATIONAL = (sa.NCHAR, sa.NVARCHAR)
_FLOATS = (oracle.FLOAT, sa.DOUBLE_PRECISION, sa.REAL)  # FLOAT(126) and FLOAT(63) are reflected as the latter two


_ARROW_TYPES: dict[type[sa.types.TypeEngine[Any]], pa.DataType] = {
    oracle.BINARY_FLOAT: pa.float64(),
    oracle.BINARY_DOUBLE: pa.float64(),
    **dict.fromkeys(_FLOATS, UNSCALED_DECIMAL),
    sa.INTEGER: pa.decimal128(38, 0),
    sa.CHAR: TEXT,
    sa.NCHAR: TEXT,
    sa.VARCHAR: TEXT,
    sa.NVARCHAR: TEXT,
    oracle.LONG: TEXT,
    sa.CLOB: TEXT,
    oracle.NCLOB: TEXT,
    oracle.RAW: pa.binary(),
    sa.BLOB: pa.binary(),
    LongRaw: pa.binary(),
    oracle.DATE: pa.timestamp("us"),
    sa.BOOLEAN: pa.bool_(),
}


_flag: Any = oracle.NUMBER


_timestamp: Any = oracle.TIMESTAMP


CASTS: dict[str, sa.types.TypeEngine[Any]] = {
    "bool": _flag(1, 0),
    "timestamp": _timestamp(),
    "double": oracle.BINARY_DOUBLE(),
}
"""What a type of `column_types` is cast to if SQLAlchemy's choice is another: DATE for times, NUMBER for doubles."""


NOT_DECLARABLE = ("time", "binary")


"""Types of `column_types` for which Oracle has no cast."""


def arrow_type(source_type: sa.types.TypeEngine[Any]) -> pa.DataType | None:
    """The Arrow type that carries a reflected type unchanged, None where only its text does."""
    if isinstance(source_type, oracle.TIMESTAMP):
        return pa.timestamp("us", "UTC" if _has_zone(source_type) else None)
    if isinstance(source_type, oracle.NUMBER):
        return decimal_type(source_type.precision, source_type.scale)
    return _ARROW_TYPES.get(type(source_type))


def is_large(expression: sa.ColumnElement[Any]) -> bool:
    """Whether the value is a large object, of any length."""
    return isinstance(expression.type, _LARGE)


def is_national(expression: sa.ColumnElement[Any]) -> bool:
    """Whether the value is a text in the national character set, and no large object."""
    return isinstance(expression.type, _NATIONAL)


def as_text(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as the text that Oracle prints for it.

    Raises:
        SourceError: it has none.
    """
    source_type = column.type
    if isinstance(source_type, (sa.String, oracle.LONG)):
        return column
    if isinstance(source_type, (*_FLOATS, oracle.NUMBER, sa.INTEGER)):
        return number_text(column)
    if isinstance(source_type, oracle.ROWID):
        return sa.cast(column, sa.VARCHAR(4000))
    if isinstance(source_type, oracle.BFILE):
        raise SourceError(
            f"Column '{column.name}' (BFILE) is a file outside the database: leave it out with excluded_columns."
        )
    if isinstance(source_type, (oracle.RAW, sa.LargeBinary)):
        return sa.func.RAWTOHEX(column, type_=sa.CLOB() if is_large(column) else sa.VARCHAR(4000))
    if isinstance(source_type, sa.JSON):
        return sa.func.JSON_SERIALIZE(sa.literal_column(f"{_quoted(column)} RETURNING CLOB"), type_=sa.CLOB())
    if isinstance(source_type, oracle.VECTOR):
        return sa.func.FROM_VECTOR(sa.literal_column(f"{_quoted(column)} RETURNING CLOB"), type_=sa.CLOB())
    if isinstance(source_type, XmlType):
        return sa.literal_column(f"XMLSERIALIZE(CONTENT {_quoted(column)} AS CLOB)", sa.CLOB())
    if isinstance(source_type, sa.types.NullType):  # an object, which SQLAlchemy cannot name
        return sa.literal_column(f"XMLSERIALIZE(CONTENT XMLTYPE({_quoted(column)}) AS CLOB)", sa.CLOB())
    if isinstance(source_type, (oracle.DATE, oracle.TIMESTAMP)):
        return time_text(column)
    return sa.func.TO_CHAR(column, type_=sa.VARCHAR(64))


def time_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A time as text, with the sign of a year before Christ; with its offset if its type has a zone."""
    source_type = column.type
    form = f"S{_TIME}"
    if isinstance(source_type, oracle.TIMESTAMP):
        form += ".FFTZH:TZM" if _has_zone(source_type) else ".FF"
        if source_type.local_timezone:
            column = column.op("AT TIME ZONE")(sa.literal_column("'+00:00'"))
    return sa.func.LTRIM(sa.func.TO_CHAR(column, sa.literal_column(f"'{form}'")), type_=sa.VARCHAR(64))


def number_text(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A number with all its digits, as text."""
    return sa.func.TO_CHAR(
        column, sa.literal_column("'TM9'"), sa.literal_column("'NLS_NUMERIC_CHARACTERS=''.,'''"), type_=sa.VARCHAR(64)
    )


def sampled(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A column as a sample reads it: the driver gives a time with a zone without it, and so in another order."""
    if not _has_zone(column.type):
        return column
    return sa.func.TO_CHAR(sa.func.SYS_EXTRACT_UTC(column), sa.literal_column(f"'{_TIME}.FF9'"))


def literal(value: Any, source_type: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
    """A value of a watermark or of a sample as it is written in a condition on a column of that type."""
    if isinstance(value, str) and _has_zone(source_type):
        return _function("TO_TIMESTAMP_TZ", f"{value}+00:00", f"{_TIME}.FF9TZH:TZM")
    if isinstance(value, bytes):
        return _function("HEXTORAW", value.hex())
    if isinstance(value, Decimal):
        return sa.literal_column(f"{value:f}")
    if isinstance(value, float) and isinstance(source_type, (oracle.BINARY_DOUBLE, oracle.BINARY_FLOAT)):
        # without d it is a NUMBER, which knows neither 1E-200 nor 1E200
        return sa.literal_column(f"{value!r}d")
    if not isinstance(value, datetime):
        return sa.literal(value, source_type)
    if isinstance(source_type, oracle.DATE):  # a TIMESTAMP here would keep Oracle from using the index
        return _function("TO_DATE", value.strftime("%Y-%m-%d %H:%M:%S"), _TIME)
    if value.tzinfo:
        return _function("TO_TIMESTAMP_TZ", value.isoformat(" ", "microseconds"), f"{_TIME}.FF6TZH:TZM")
    return _function("TO_TIMESTAMP", value.isoformat(" ", "microseconds"), f"{_TIME}.FF6")


def _has_zone(source_type: sa.types.TypeEngine[Any]) -> bool:
    return isinstance(source_type, oracle.TIMESTAMP) and bool(source_type.timezone or source_type.local_timezone)


def _function(name: str, *texts: str) -> sa.ColumnElement[Any]:
    call: sa.ColumnElement[Any] = getattr(sa.func, name)(*(sa.literal_column(f"'{text}'") for text in texts))
    return call


def _quoted(column: sa.Column[Any]) -> str:
    dialect: sa.Dialect = oracle.dialect()  # type: ignore[no-untyped-call]
    return str(column.compile(dialect=dialect))
