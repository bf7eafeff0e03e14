"""The header Content-Range: which of how many rows an answer holds, as PostgREST says it (RFC 9110, section 14.4)."""

from __future__ import annotations

import re

from shared.sources.rest.answer import Answer

_RANGE = re.compile(r"\s*(?:[\w-]+\s+)?(?:(\d+)-(\d+)|\*)\s*/\s*(\d+|\*)")


def content_range(answer: Answer) -> tuple[int | None, int | None] | None:
    """What the header Content-Range says: the place behind the last row, and the number of all; None if not said."""
    found = _RANGE.match(answer.headers.get("Content-Range", ""))
    if not found:
        return None
    return (int(found[2]) + 1 if found[2] else None), (None if found[3] == "*" else int(found[3]))
