"""The shape of nested values, decided over all pages: where an object, a list or plain values come up in one field.

How an API cuts its rows into pages must not decide what becomes a column and what a table. So a page's values are taken
apart by what is known so far, and pages are taken apart again if a field turned out to have another shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLAIN, EMPTY, OBJECT, LIST, TEXT = "plain", "empty", "object", "list", "text"
_NESTED = (OBJECT, LIST, TEXT)


class Shapes:
    """The shape of each field, by the path of its table and its name.

    An empty list among objects is an empty object, as PHP writes one. An object among lists is a list of one, as XML
    that was turned into JSON gives it. Objects or lists among plain values stay JSON text, all of them.

    Args:
        known: What earlier loads have left.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = dict(known)
        self.is_outdated = False
        """Whether a page was taken apart by a shape that did not hold."""

    @property
    def nested(self) -> dict[str, str]:
        """The shapes of the fields that hold objects or lists."""
        return {field: shape for field, shape in self._known.items() if shape in _NESTED}

    def of(self, field: str, values: list[Any], kinds: set[type]) -> str:
        """The shape of a field, after `values` of these `kinds` (without that of null) have come."""
        before = self._known.get(field)
        if not kinds:
            return before or PLAIN
        now = _shape(values, kinds)
        if now == before or (now == EMPTY and before in _NESTED):
            return before
        if before is not None:
            now = _joined(before, now)
            outdated = now != before and (before, now) not in ((EMPTY, OBJECT), (EMPTY, LIST), (PLAIN, TEXT))
            self.is_outdated = self.is_outdated or outdated
        self._known[field] = now
        return now

    def settled(self) -> None:
        """All pages were taken apart by the shapes that are known now."""
        self.is_outdated = False


def _shape(values: list[Any], kinds: set[type]) -> str:
    if not kinds & {dict, list}:
        return PLAIN
    if kinds - {dict, list}:
        return TEXT
    if list in kinds and any(isinstance(value, list) and value for value in values):
        return LIST
    return OBJECT if dict in kinds else EMPTY


def _joined(before: str, now: str) -> str:
    both = {before, now}
    if both <= {EMPTY, OBJECT, LIST}:
        return LIST if LIST in both else OBJECT
    return TEXT
