"""Watermarks as text and as values of their column's type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import types

from shared.errors import SourceError


def typed_watermark(text: str, column_type: types.TypeEngine[Any], column_name: str) -> Any:
    """The workbook's `last_watermark` as a value of the watermark column's type.

    Times without a zone are UTC where the column has one.

    Raises:
        SourceError: the text is no value of that type, or the column's type cannot carry a watermark.
    """
    for types_of_column, parse, example in _PARSERS:
        if isinstance(column_type, types_of_column):
            try:
                value = parse(text.strip())
            except (ValueError, InvalidOperation):
                raise SourceError(
                    f"last_watermark '{text}' is no value of column '{column_name}' ({column_type}); "
                    f"write it like {example}."
                ) from None
            return _in_zone(value, column_type)
    raise SourceError(
        f"Column '{column_name}' ({column_type}) cannot be a watermark_column: "
        "it must hold numbers, dates, times or text."
    )


def watermark_text(value: Any) -> str | None:
    """A watermark for results, audit rows and the workbook: ISO 8601 for times, digits for numbers."""
    if value is None:
        return None
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _in_zone(value: Any, column_type: types.TypeEngine[Any]) -> Any:
    if not isinstance(value, datetime):
        return value
    if getattr(column_type, "timezone", False):
        return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return value.astimezone(timezone.utc).replace(tzinfo=None) if value.tzinfo else value


def _datetime(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


_PARSERS: list[tuple[type | tuple[type, ...], Callable[[str], Any], str]] = [
    (types.DateTime, _datetime, "2024-01-31T08:00:00"),
    (types.Date, lambda text: _datetime(text).date(), "2024-01-31"),
    (types.Integer, int, "1000"),
    (types.Numeric, Decimal, "1000.5"),
    ((types.String, types.Uuid), str, "A1000"),
]
