"""The one text of a value, by which it has the same hash in every job, database and type.

docs/protection.md says what it is for each type. Within one column it is never the same for two different values: keys
stay keys.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID

import pyarrow as pa

Spelling = Literal["as it is", "uuid", "padded", "number"]
"""What a text of a database really is: a UUID in either case, a text that blanks fill up, a number in digits."""

_PLAIN_DIGITS = 400  # a double has at most 309 before the point; more would be written out from a few characters


def texts_of(values: pa.Array[Any], spelling: Spelling = "as it is") -> list[str]:
    """The text of each value of an array without NULLs."""
    try:
        found = [text_of(value) for value in values.to_pylist()]
    except (OverflowError, ValueError):  # years that Python does not have
        found = [_text_beyond(value) for value in values]
    return found if spelling == "as it is" else [respelled(text, spelling) for text in found]


def text_of(value: Any) -> str:
    """The text of a value.

    Raises:
        TypeError: it is no single value, but an object or a list.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, (date, time)):
        return _short(value.isoformat())
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def respelled(text: str, spelling: Spelling) -> str:
    """A text of a database, as the value is spelled that it is the text of."""
    if spelling == "uuid":
        return text.lower()
    if spelling == "padded":
        return text.rstrip(" ")
    if spelling == "number":
        try:
            return _number(Decimal(text))
        except InvalidOperation:
            return text
    return text


def _number(value: float | Decimal) -> str:
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not number.is_finite():
        return "NaN" if number.is_nan() else "Infinity" if number > 0 else "-Infinity"
    if not number:
        return "0"
    if abs(number.adjusted()) > _PLAIN_DIGITS:
        digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
        return f"{'-' if number.is_signed() else ''}{digits}E{number.adjusted()}"
    return _short(f"{number:f}")


def _moment(value: datetime) -> str:
    zone = ""
    if value.tzinfo:
        value, zone = value.astimezone(UTC).replace(tzinfo=None), "Z"
    elif value.time() == time():
        return value.date().isoformat()
    return _short(value.isoformat()) + zone


def _short(text: str) -> str:
    """Digits without the zeros that end a fraction."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text_beyond(value: pa.Scalar[Any]) -> str:
    """The text of a date or moment, whatever its year."""
    try:
        return text_of(value.as_py())
    except (OverflowError, ValueError):
        text: str = value.cast(pa.string()).as_py()
        day, _, clock = text.partition(" ")
        zone = "Z" if clock.endswith("Z") else ""
        clock = _short(clock.removesuffix("Z"))
        return day if not clock or (clock == "00:00:00" and not zone) else f"{day}T{clock}{zone}"
