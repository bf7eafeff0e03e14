"""Casts into the type that the lake has already: exact, or an error that names column, value and the way out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError
from shared.sources.arrow import CAST_ERRORS, cast_decimal_texts, first_failing, in_python, is_text, shown

Column: TypeAlias = Any

_NUMBERS = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating, pa.types.is_boolean)
_DAYS = (pa.types.is_date, pa.types.is_timestamp)
_EXACT_DIGITS = 76  # of decimal256, in which a number is compared with what it became
_SHOWN = 5  # columns of one error with their values


class MisfitError(SourceError):
    """A value of a column would be another one in the type that the lake has.

    Args:
        name: The column.
        value: The value.
        source: The type that the source gives now.
        lake: The type in the lake.
    """

    def __init__(self, name: str, value: object, source: pa.DataType, lake: pa.DataType) -> None:
        self.name = name
        self.finding = (
            f"Column '{name}' holds {shown(value)}, which does not fit {lake}, its type in the lake, without a change: "
            f"the source gives {source} now."
        )
        super().__init__(f"{self.finding} {_way_out(name)}")


def misfit_of(misfits: Sequence[MisfitError]) -> SourceError:
    """One error for all columns that do not fit: a change of the source is seldom of one column alone."""
    if len(misfits) == 1:
        return misfits[0]
    findings = [one.finding for one in misfits[:_SHOWN]]
    if others := [f"'{one.name}'" for one in misfits[_SHOWN : 2 * _SHOWN]]:
        more = " and others" if len(misfits) > 2 * _SHOWN else ""
        findings.append(f"Nor do values of {', '.join(others)}{more} fit.")
    return SourceError(f"{' '.join(findings)} {_way_out(misfits[0].name)}")


def castable(source: pa.DataType, lake: pa.DataType) -> bool:
    """Whether values of one type can be values of the other at all: then each is cast if it stays the same.

    Numbers among each other, dates and times of one kind (a time with a zone is another kind than one without), and
    texts that print what they are cast to.
    """
    if source == lake:
        return True
    if is_text(source):
        return any(is_type(lake) for is_type in (*_NUMBERS, *_DAYS)) or is_text(lake)
    if _any(source, _NUMBERS):
        return _any(lake, _NUMBERS)
    if _any(source, _DAYS):
        return _any(lake, _DAYS) and not _zoned(source) and not _zoned(lake)
    return pa.types.is_time(source) and pa.types.is_time(lake)


def cast_exactly(column: Column, lake: pa.DataType, name: str) -> Column:
    """A column's values in the type of the lake.

    Args:
        column: The values.
        lake: The type that the column has in the lake's files.
        name: The column.

    Raises:
        MisfitError: a value would be another one there, or the types have nothing in common.
    """
    if column.null_count == len(column):
        return pa.chunked_array([_nulls(len(column), lake)])
    if not castable(column.type, lake):
        raise MisfitError(name, in_python(next(one for one in column if one.is_valid)), column.type, lake)
    if converted := _exact(column, lake):
        return converted
    value = first_failing(column, lambda part: _exact(part, lake) is not None)
    raise MisfitError(name, value, column.type, lake)


def _exact(column: Column, lake: pa.DataType) -> Column | None:
    """The column in another type, None if casting back does not give the same values, or the same text for texts."""
    try:
        converted = _cast(column, lake)
        same = _same_text(column, converted) if is_text(column.type) else _same_value(column, converted)
    except CAST_ERRORS:
        return None
    return converted if pc.all(same, min_count=0).as_py() else None


def _cast(column: Column, lake: pa.DataType) -> Column:
    if pa.types.is_decimal(lake) and is_text(column.type):
        return cast_decimal_texts(column, lake)
    if pa.types.is_boolean(column.type) and not pa.types.is_integer(lake):
        column = column.cast(pa.int64())
    if pa.types.is_floating(column.type) and pa.types.is_boolean(lake):
        column = column.cast(pa.int64())
    if pa.types.is_decimal(column.type) and pa.types.is_boolean(lake):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type) and pa.types.is_decimal(lake):
        column = column.cast(pa.decimal128(19, 0))
    options = pc.CastOptions(target_type=lake, allow_decimal_truncate=False)
    return column.cast(None, options=options)


def _same_text(texts: Column, converted: Column) -> Any:
    return pc.equal(converted.cast(texts.type), texts)


def _same_value(values: Column, converted: Column) -> Any:
    """Compared where neither loses anything: in the type it came from, whole numbers and decimals as wide decimals."""
    if pa.types.is_floating(values.type):
        back = converted.cast(pa.int64()) if pa.types.is_boolean(converted.type) else converted
        equal = pc.equal(_as_double(back), values)
        return pc.and_(equal, pc.equal(_as_double(back).cast(pa.string()), values.cast(pa.string())))
    if pa.types.is_temporal(values.type):
        return pc.equal(converted.cast(values.type), values)
    scale = max(_scale(values.type), 0 if pa.types.is_floating(converted.type) else _scale(converted.type))
    return pc.equal(_as_decimal(converted, scale), _as_decimal(values, scale))


def _as_double(column: Column) -> Column:
    text = column.cast(pa.string()) if pa.types.is_decimal(column.type) else column
    return text.cast(pa.float64())


def _scale(kind: Any) -> int:
    return int(kind.scale) if pa.types.is_decimal(kind) else 0


def _as_decimal(column: Column, scale: int) -> Column:
    """Numbers of any type with so many decimals; a double is rounded to them."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_integer(column.type):
        column = column.cast(pa.decimal128(19, 0))
    return column.cast(pa.decimal256(_EXACT_DIGITS, scale))


def _way_out(name: str) -> str:
    return (
        "To take the new type, request a full refresh of the job; to take another one, name it in column_types, for "
        f"example {name}:text, and request a full refresh then."
    )


def _nulls(count: int, kind: Any) -> Column:
    return pa.nulls(count, kind)


def _zoned(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _any(kind: pa.DataType, tests: tuple[Callable[[pa.DataType], bool], ...]) -> bool:
    return any(is_type(kind) for is_type in tests)
