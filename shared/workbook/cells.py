"""What a cell holds, in any column, and the words for it in messages."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_SHOWN = 60
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
"""How Open XML writes characters that XML cannot hold: `_x000D_` is a carriage return (ISO/IEC 29500-1, ST_Xstring)."""
# What people see as blank: Excel, web pages and PDF leave these when text is pasted.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True)
class BrokenCell:
    """A cell without a usable value, such as an error (`#REF!`) or a formula that no program has calculated."""

    shown: str
    reason: str


def clean(value: object) -> object:
    """The value with text trimmed of spaces of every kind; None for everything that a person would call blank."""
    if isinstance(value, str):
        if "_x" in value:
            value = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        if value.isascii():
            return value.strip() or None
        return value.translate(_INVISIBLE).replace("\u00a0", " ").strip() or None
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def as_text(value: object) -> str:
    """The text that a person sees or means: whole numbers without `.0`, dates in ISO 8601, booleans in capitals."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def quoted(value: object) -> str:
    """The value between quotes for a message, cut if it is long."""
    text = value.shown if isinstance(value, BrokenCell) else as_text(value)
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return "'" + "".join(character if character.isprintable() else "?" for character in shown) + "'"
