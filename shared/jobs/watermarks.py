"""Watermark values as text: what they look like before the source's column type is known."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.IGNORECASE
)


_SOME_DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}(\D.*)?", re.DOTALL)


_NUMERIC = ("bigint", "double", "decimal")


_ADVICE = "write a date as 2024-01-31 or 2024-01-31T00:00:00"


def as_number(text: str) -> Decimal | None:
    """The number that a text is, None if it is none."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def as_moment(text: str) -> datetime | None:
    """The time that an ISO 8601 text names (to the microsecond, with its zone if it has one), None if it is none."""
    found = _ISO.fullmatch(text)
    if not found:
        return None
    day, minute, second, fraction, zone = found.groups()
    offset = "+00:00" if (zone or "").upper() == "Z" else _padded_offset(zone)
    try:
        return datetime.fromisoformat(f"{day}T{minute or '00:00'}:{second or '00'}.{(fraction or '')[:6]:0<6}{offset}")
    except ValueError:  # a 13th month, a 25th hour
        return None


def misfit(text: str, declared_type: str | None = None) -> str | None:
    """What is wrong with a watermark value, None if it may be right.

    Args:
        text: The value as text.
        declared_type: The type that `column_types` gives to the watermark column.
    """
    kind = (declared_type or "").partition("(")[0]
    if kind in _NUMERIC and as_number(text) is None:
        return f"is not a number, but column_types makes the watermark column {declared_type}"
    if kind in ("date", "timestamp") and as_moment(text) is None:
        return f"is not a date, but column_types makes the watermark column {declared_type}; {_ADVICE}"
    if kind != "text" and _SOME_DATE.fullmatch(text) and as_moment(text) is None:
        return f"is not a date in ISO 8601; {_ADVICE}"
    return None


def comes_before(first: str, second: str) -> bool | None:
    """Whether one value comes before another, None if they cannot be compared without the column's type."""
    numbers = as_number(first), as_number(second)
    if numbers[0] is not None and numbers[1] is not None:
        return numbers[0] < numbers[1]
    moments = as_moment(first), as_moment(second)
    if moments[0] and moments[1] and (moments[0].tzinfo is None) == (moments[1].tzinfo is None):
        return moments[0] < moments[1]
    return None


def _padded_offset(zone: str | None) -> str:
    if not zone:
        return ""
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return f"{zone[0]}{digits[:2]}:{digits[2:]}"
