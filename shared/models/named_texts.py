"""The values of `{placeholders}` in a workbook, as one setting holds them."""

from __future__ import annotations

import json
import re

_PLACEHOLDERS_OF_CELLS = {"each", "start", "end", "last", "watermark", "export", "now"}


def named_texts(text: str) -> str:
    """The same text, if it is a JSON object of texts by the names that placeholders may have.

    Args:
        text: What WORKBOOK_VALUES is set to; it may be empty.

    Raises:
        ValueError: what is wrong with it, without its values.
    """
    try:
        named = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        named = None
    if not isinstance(named, dict) or not all(isinstance(value, str) for value in named.values()):
        raise ValueError('is not a JSON object of texts like {"env": "dev"}')
    for name, value in named.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name) or name in _PLACEHOLDERS_OF_CELLS:
            taken = ", ".join(sorted(_PLACEHOLDERS_OF_CELLS))
            raise ValueError(f"names are small letters, digits and _, beginning with a letter, and none of {taken}")
        if len(value) > 500 or not value.isprintable() or "{" in value or "}" in value:
            raise ValueError(f"the value of '{name}' is longer than 500 characters, or has a brace or a line break")
    return text
