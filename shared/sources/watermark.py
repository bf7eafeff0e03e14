"""Watermarks as text and as values of their column's type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import SourceError
from shared.jobs.watermarks import as_moment


def typed_watermark(text: str | None, arrow_type: pa.DataType, column_name: str) -> Any:
    """The workbook's `last_watermark` as a value of the watermark column's type, None where it is blank.

    Times without a zone are UTC where the column has one.

    Raises:
        SourceError: the text is no value of that type, or the type cannot carry a watermark.
    """
    for is_type, parse, example in _PARSERS:
        if is_type(arrow_type):
            try:
                return _in_zone(parse(text.strip()), arrow_type) if text else None
            except (ValueError, InvalidOperation):
                raise SourceError(
                    f"last_watermark '{text}' is no value of column '{column_name}' ({arrow_type}); "
                    f"write it like {example}."
                ) from None
    raise SourceError(
        f"Column '{column_name}' ({arrow_type}) cannot be a watermark_column: "
        "it must hold numbers, dates, times or text."
    )


def watermark_text(value: Any) -> str | None:
    """A watermark for results, audit rows and the workbook: ISO 8601 for times, digits for numbers."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _in_zone(value: Any, arrow_type: pa.DataType) -> Any:
    if not isinstance(value, datetime):
        return value
    if getattr(arrow_type, "tz", None):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value


def _datetime(text: str) -> datetime:
    moment = as_moment(text)
    if moment is None:
        raise ValueError(text)
    return moment


_PARSERS: list[tuple[Callable[[pa.DataType], bool], Callable[[str], Any], str]] = [
    (pa.types.is_timestamp, _datetime, "2024-01-31T08:00:00"),
    (pa.types.is_date, lambda text: _datetime(text).date(), "2024-01-31"),
    (pa.types.is_integer, int, "1000"),
    (pa.types.is_decimal, Decimal, "1000.5"),
    (pa.types.is_floating, float, "1000.5"),
    (pa.types.is_string, str, "A1000"),
]
