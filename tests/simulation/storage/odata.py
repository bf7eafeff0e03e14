"""The part of OData filters that the app's queries use, compiled once for each text.

A property that a row lacks makes any comparison with it false, as in Table Storage.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<sign>[()])|@(?P<parameter>\S+)|'(?P<text>(?:[^']|'')*)'|(?P<word>\w+))")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}

Row = Mapping[str, Any]
Parameters = Mapping[str, Any]
Predicate = Callable[[Row, Parameters], bool]


@cache
def compiled(text: str) -> Predicate:
    """A filter as a function of a row and the query's parameters.

    Raises:
        ValueError: it is not of this part of OData.
    """
    parser = _Parser(text)
    predicate = parser.alternatives()
    parser.end()
    return predicate


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            found = _TOKEN.match(text, position)
            if not found or not found.lastgroup:
                raise ValueError(f"not understood from {position}: {text}")
            self._tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def alternatives(self) -> Predicate:
        parts = [self._conjunction()]
        while self._took("word", "or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda row, given: any(part(row, given) for part in parts)

    def _conjunction(self) -> Predicate:
        parts = [self._comparison()]
        while self._took("word", "and"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else lambda row, given: all(part(row, given) for part in parts)

    def _comparison(self) -> Predicate:
        if self._took("sign", "("):
            inner = self.alternatives()
            self._expect("sign", ")")
            return inner
        name = self._expect("word")
        compare = _COMPARISONS[self._expect("word")]
        kind, value = self._tokens.pop(0) if self._tokens else ("", "")
        if kind == "text":
            literal = value.replace("''", "'")
            return lambda row, _given: name in row and compare(row[name], literal)
        if kind == "parameter":
            return lambda row, given: name in row and compare(row[name], given[value])
        if (kind, value) == ("word", "true"):
            return lambda row, _given: name in row and compare(row[name], True)
        raise ValueError(f"a value is missing: {self._text}")

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"left over: {self._tokens} in {self._text}")

    def _took(self, kind: str, value: str) -> bool:
        if self._tokens and self._tokens[0] == (kind, value):
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, kind: str, value: str | None = None) -> str:
        found, text = self._tokens.pop(0) if self._tokens else ("", "")
        if found != kind or value not in (None, text):
            raise ValueError(f"{value or kind} expected: {self._text}")
        return text
