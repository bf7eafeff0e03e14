"""Whether an `api_endpoint` stays below the path of its source's `base_url`: the secret grants no more than that."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SEPARATORS = re.compile(r"[/\\]")
_UNWRAPPED_AT_MOST = 10  # how often a path may be percent-encoded


def stays_below(path: str) -> bool:
    """Whether no segment goes up, however often it is percent-encoded, and with or without `;parameters`.

    Args:
        path: A path, with or without a query.
    """
    text = path.partition("?")[0]
    for _ in range(_UNWRAPPED_AT_MOST):
        if any(segment.partition(";")[0].strip() == ".." for segment in _SEPARATORS.split(text)):
            return False
        inner = unquote(text)
        if inner == text:
            return True
        text = inner
    return False
