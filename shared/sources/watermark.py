"""Watermarks as text and as values of their column's type."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import SourceError
from shared.jobs.watermarks import as_moment

_DIGITS = 1000  # more than any source's number prints


def typed_watermark(text: str | None, arrow_type: pa.DataType, column_name: str) -> Any:
    """The workbook's `last_watermark` as a value of the watermark column's type, None if it is blank.

    Times without a zone are UTC where the column has one.

    Raises:
        SourceError: the text is not a value of that type, or the type cannot carry a watermark.
    """
    for is_type, parse, example in _PARSERS:
        if is_type(arrow_type):
            try:
                value = text if pa.types.is_string(arrow_type) else (text or "").strip()
                return _in_zone(parse(value), arrow_type) if value else None
            except (ValueError, InvalidOperation):
                raise SourceError(
                    f"last_watermark '{text}' is not a value of column '{column_name}' ({arrow_type}); "
                    f"write it like {example}. Where the column had another type in earlier loads, request a full "
                    "refresh."
                ) from None
    raise SourceError(
        f"Column '{column_name}' ({arrow_type}) cannot be a watermark_column: "
        "it must hold numbers, dates, times or text."
    )


def watermark_text(value: Any) -> str | None:
    """A watermark for results, audit rows and the workbook: ISO 8601 for times, digits for numbers."""
    if value is None:
        return None
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def same_watermark(text: str | None, value: Any) -> bool:
    """Whether a watermark kept as text is this value, however either is spelled: 100 is 100.00."""
    if text is None or value is None:
        return text is value
    if isinstance(value, (date, datetime)):
        moment = as_moment(text)
        return moment is not None and _instant(moment) == _instant(value)
    if isinstance(value, str):
        return text == value
    try:
        with localcontext(Context(prec=_DIGITS)):
            return Decimal(text) == Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return False


def _instant(value: date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _in_zone(value: Any, arrow_type: pa.DataType) -> Any:
    if not isinstance(value, datetime):
        return value
    if getattr(arrow_type, "tz", None):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _datetime(text: str) -> datetime:
    moment = as_moment(text)
    if moment is None:
        raise ValueError(text)
    return moment


def _integer(text: str) -> int:
    """A whole number; 5.00 is one, as a column that was a decimal has left it."""
    number = _finite(Decimal(text))
    if number != number.to_integral_value():
        raise ValueError(text)
    return int(number)


def _finite(number: Any) -> Any:
    if not math.isfinite(number):
        raise ValueError(number)
    return number


_PARSERS: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Any], str]] = [
    (pa.types.is_timestamp, _datetime, "2024-01-31T08:00:00"),
    (pa.types.is_date, lambda text: _datetime(text).date(), "2024-01-31"),
    (pa.types.is_integer, _integer, "1000"),
    (pa.types.is_decimal, lambda text: _finite(Decimal(text)), "1000.5"),
    (pa.types.is_floating, lambda text: _finite(float(text)), "1000.5"),
    (pa.types.is_string, str, "A1000"),
]
