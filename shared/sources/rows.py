"""Rows of Python objects, as a driver gives them, in Arrow: every value unchanged, or an error that names it.

A driver may give another class than the column's type promises: SQLite keeps 1.5 in a column of integers, a float in
one of decimals, and times as texts. Arrow alone would cut such values, and SQLAlchemy's own conversions round them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from shared.sources.arrow import misfit
from shared.sources.columns import ReadColumn

_NONE = type(None)
_DAY = timedelta(days=1)
_EXACT_INTEGERS = 2**53  # of a double
_ERRORS = (TypeError, ValueError, OverflowError, InvalidOperation, pa.ArrowException)


def rows_to_arrow(rows: Sequence[Sequence[Any]], columns: Sequence[ReadColumn]) -> pa.Table:
    """A table of the columns, in the types in which the driver is to give them.

    Raises:
        SourceError: a value is none of its column's type.
    """
    arrays = [_array(values, column) for column, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return pa.table(arrays, schema=pa.schema([pa.field(column.name, column.wire_type) for column in columns]))


def _array(values: Sequence[Any], column: ReadColumn) -> pa.Array[Any]:
    kind = column.wire_type
    plain, convert = _conversion(kind)
    try:
        if not set(map(type, values)) <= plain:
            values = [None if value is None else convert(value) for value in values]
        return pa.array(values, kind)
    except _ERRORS:
        value = next(value for value in values if value is not None and not _is_one(value, convert, kind))
        raise misfit(column.name, value, kind) from None


def _is_one(value: Any, convert: Callable[[Any], Any], kind: pa.DataType) -> bool:
    try:
        pa.scalar(convert(value), kind)
    except _ERRORS:
        return False
    return True


def _conversion(kind: pa.DataType) -> tuple[set[type], Callable[[Any], Any]]:
    """The classes that Arrow takes as they are for a type, and what makes a value of it out of any other."""
    found = next(((plain, convert) for is_type, plain, convert in _CONVERSIONS if is_type(kind)), None)
    if found is None:
        raise TypeError(f"no driver is asked for {kind}")
    plain, convert = found
    if pa.types.is_timestamp(kind) and kind.tz:
        return {_NONE}, _instant
    return {_NONE, *plain}, convert


def _integer(value: Any) -> int:
    if isinstance(value, (bytes, bytearray)):
        raise TypeError(value)
    number = _decimal(value)
    if number != number.to_integral_value():
        raise ValueError(value)
    return int(number)


def _decimal(value: Any) -> Decimal:
    """The number as it prints: a double is the shortest number that it is the nearest double of."""
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError(value)
    return number


def _double(value: Any) -> float:
    if isinstance(value, int) and abs(value) > _EXACT_INTEGERS and int(float(value)) != value:
        raise ValueError(value)
    if isinstance(value, str):
        raise TypeError(value)
    return float(value)


def _bool(value: Any) -> bool:
    if isinstance(value, (bool, int, float, Decimal)) and value in (0, 1):
        return bool(value)
    raise ValueError(value)


def _text(value: Any) -> str:
    return bytes(value).decode() if isinstance(value, (bytes, bytearray, memoryview)) else str(value)


def _binary(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(value)


def _date(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    if isinstance(value, datetime):
        if value.time() != time():
            raise ValueError(value)
        return value.date()
    found: date = _of(date, value)
    return found


def _time(value: Any) -> time:
    if isinstance(value, timedelta):
        if not timedelta() <= value < _DAY:
            raise ValueError(value)
        return (datetime.min + value).time()
    found: time = time.fromisoformat(value) if isinstance(value, str) else _of(time, value)
    if found.tzinfo:
        raise ValueError(value)
    return found


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    found: datetime = _of(datetime, value)
    if found.tzinfo:  # an instant is no time of a column without a zone
        raise ValueError(value)
    return found


def _instant(value: Any) -> datetime:
    """A time with a zone; one without is in UTC, as its session is."""
    found: datetime = datetime.fromisoformat(value) if isinstance(value, str) else _of(datetime, value)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _of(wanted: type, value: Any) -> Any:
    if not isinstance(value, wanted):
        raise TypeError(value)
    return value


_CONVERSIONS: list[tuple[Callable[[pa.DataType], bool], set[type], Callable[[Any], Any]]] = [
    (pa.types.is_integer, {int}, _integer),
    (pa.types.is_decimal, {int, Decimal}, _decimal),
    (pa.types.is_floating, {float}, _double),
    (pa.types.is_boolean, {bool}, _bool),
    (pa.types.is_string, {str}, _text),
    (pa.types.is_binary, {bytes}, _binary),
    (pa.types.is_date, {date}, _date),
    (pa.types.is_time, set(), _time),
    (pa.types.is_timestamp, set(), _moment),
]
