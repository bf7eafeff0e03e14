"""The types of a table's columns, decided when every page is known, so that no page's place among the others counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from shared.jobs.lake_layout import LIST_INDEX
from shared.sources.rest.moments import DOTNET, EPOCH, NAIVE, ZONED, readable
from shared.sources.rest.tables import LINKS

TEXT = pa.string()

Array: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"

_MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?"
_PATTERNS: dict[pa.DataType, str] = {
    ZONED: _MOMENT + r"(Z|[+-]\d\d:?\d\d)$|" + DOTNET,
    NAIVE: _MOMENT + "$",
    pa.bool_(): r"^(true|false|True|False|TRUE|FALSE)$",
    pa.int64(): r"^-?(0|[1-9]\d{0,17})$",
    pa.float64(): r"^-?(0|[1-9]\d{0,14})(\.\d{1,15})?([eE][+-]?\d{1,2})?$",
}
_SECONDS = r"\d:\d\d:\d\d"  # a time without them may be the beginning of a remark
_OF_JSON = (ZONED, NAIVE)  # a JSON text that looks like a number is none
_OF_CSV = (pa.int64(), pa.float64(), pa.bool_(), ZONED, NAIVE)


@dataclass
class _Seen:
    """What is known of one column: where it came up first, its types on the pages, and the types its texts fit."""

    place: tuple[int, int]
    types: set[pa.DataType] = field(default_factory=set)
    candidates: tuple[pa.DataType, ...] = ()
    has_seconds: bool = False
    is_epoch: bool = True


class ColumnTypes:
    """Takes in the pages of one table and decides its schema.

    Args:
        response_format: In CSV everything is text, so that numbers are looked for in it, too.
        may_widen: Whether whole numbers of earlier loads may be followed by doubles: in Parquet each file has its own
            types, but a Delta table has one for all.
    """

    def __init__(self, response_format: str, may_widen: bool = False) -> None:
        self._may_widen = may_widen
        self._candidates = _OF_CSV if response_format == "csv" else _OF_JSON
        self._seen: dict[str, _Seen] = {}

    def observe(self, table: pa.Table, pages: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Take in the columns of some pages.

        Args:
            table: The rows of all of them.
            pages: The number of each page, and the columns that it has itself.
        """
        for number, names in pages:
            for position, name in enumerate(names):
                seen = self._seen.get(name)
                if seen is None:
                    self._seen[name] = _Seen((number, position), candidates=self._candidates)
                elif (number, position) < seen.place:
                    seen.place = (number, position)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name in self._seen and column.null_count < len(column):  # else nothing is known of its type
                self._look_at(column, self._seen[name])

    @staticmethod
    def _look_at(column: Array, seen: _Seen) -> None:
        seen.types.add(column.type)
        if not pa.types.is_string(column.type):
            return
        if seen.candidates:
            seen.candidates = tuple(kind for kind in seen.candidates if _fits(column, kind))
            seen.has_seconds = seen.has_seconds or _any(column, _SECONDS)
        if seen.is_epoch:
            seen.is_epoch = _all(column, rf"{EPOCH}|^\s*$")

    def names(self) -> list[str]:
        """All columns, in the order of the pages."""
        return sorted(self._seen, key=lambda name: self._seen[name].place)

    def fits(self, name: str, kind: pa.DataType) -> bool:
        """Whether all texts of a column could be of that type."""
        return name in self._seen and kind in self._seen[name].candidates

    def is_epoch(self, name: str) -> bool:
        """Whether all texts of a column are numbers that may be moments since 1970."""
        return name in self._seen and self._seen[name].is_epoch

    def schema(self, declared: Mapping[str, pa.DataType], before: Mapping[str, pa.DataType], keep: bool) -> pa.Schema:
        """The table's schema.

        Args:
            declared: The types that `column_types` names; they win.
            before: The types of the table as earlier loads left it.
            keep: Whether those must stay, because earlier rows do; otherwise a type may become wider.
        """
        fields = []
        for name in self.names():
            now = LINK_TYPES.get(name) or declared.get(name) or self._type(name)
            earlier = before.get(name)
            if earlier is not None and name not in declared:
                now = (
                    earlier
                    if now is None or (keep and not (self._may_widen and _is_wider(earlier, now)))
                    else _wider(earlier, now)
                )
            if now is not None:
                fields.append(pa.field(name, now))
        if keep:  # an optional field that no row has now is null in all of them
            missing = [(name, kind) for name, kind in before.items() if name not in self._seen and name not in LINKS]
            fields += [pa.field(name, kind) for name, kind in missing if name not in declared]
        return pa.schema(fields)

    def _type(self, name: str) -> pa.DataType | None:
        """The type of a column's values; None where it has none."""
        seen = self._seen[name]
        if not seen.types:
            return None
        if seen.types == {pa.int64(), pa.float64()}:
            return pa.float64()
        if len(seen.types) > 1:
            return TEXT
        (only,) = seen.types
        candidates = [kind for kind in seen.candidates if kind != NAIVE or seen.has_seconds]
        return candidates[0] if only == TEXT and candidates else only


LINK_TYPES = {name: pa.int64() if name == LIST_INDEX else TEXT for name in LINKS}


def _fits(column: Array, kind: pa.DataType) -> bool:
    if not pc.all(pc.match_substring_regex(column, _PATTERNS[kind]), min_count=0).as_py():
        return False
    try:
        pc.cast(readable(column, kind), kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _any(column: Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(column, pattern), min_count=0).as_py())


def _all(column: Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py())


def _is_wider(before: pa.DataType, now: pa.DataType | None) -> bool:
    """Whether the lake's whole numbers may become doubles, because JSON has one kind of number: 10, and later 10.5."""
    return now is not None and pa.types.is_integer(before) and pa.types.is_floating(now)


def _wider(before: pa.DataType, now: pa.DataType) -> pa.DataType:
    if before.equals(now):
        return now
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if all(any(is_kind(one) for is_kind in numbers) for one in (before, now)):
        return pa.float64()
    return TEXT
