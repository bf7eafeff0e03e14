"""Foreign text in our sentences: what an API, a driver or a cell says is made printable and cut before it is quoted.

Escape sequences of a terminal, directional marks and line breaks could otherwise forge a line of a log.
"""

from __future__ import annotations

import re

SHOWN = 2000
"""Characters of a message that are kept, in the log, the audit table and the Durable history."""

# C0 and C1 controls, line and paragraph separators, marks and overrides of direction, and lone surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """`text` with a `?` for every character that would steer a terminal; tabs and line feeds stay."""
    return _UNPRINTABLE.sub("?", text)


def one_line(text: str, limit: int = SHOWN) -> str:
    """`text` printable, in one line, and cut to `limit` characters."""
    return cut(printable(" ".join(text.split())), limit)


def cut(text: str, limit: int = SHOWN) -> str:
    """`text`, or its beginning and an ellipsis: never more than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
