"""Rows as they came, as Arrow tables: one for the rows and, with api_nested tables, one for each list in them.

As in dlt, an object's fields become columns `object__field`, a list becomes a table `rows__list` whose rows know
their parent by `_dlt_parent_id` and their place by `_dlt_list_idx`, and values that are not objects are in `value`.
Columns have the type that the page's values have; what they are in the lake is decided when all pages are known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain
from typing import Any, TypeAlias

import pyarrow as pa

from shared.errors.hierarchy import SourceError
from shared.jobs.lake_layout import LIST_INDEX, ROOT_ID
from shared.jobs.patterns import names_column
from shared.models.job import Job
from shared.sources.rest.shapes import EMPTY, LIST, OBJECT, TEXT, Shapes

ROW_ID, PARENT_ID, VALUE = "_dlt_id", "_dlt_parent_id", "value"
LINKS = (ROW_ID, PARENT_ID, LIST_INDEX, ROOT_ID)
SEPARATOR = "__"

Path = tuple[str, ...]
ROOT: Path = ()
Columns: TypeAlias = "dict[str, list[Any]]"

_TYPED: Mapping[type, pa.DataType] = {
    datetime: pa.timestamp("us"),
    date: pa.date32(),
    time: pa.time64("us"),
    bytes: pa.binary(),
}
"""What Excel workbooks and Parquet files have and JSON does not."""


class Unnesting:
    """Makes tables of the rows of one job.

    Args:
        job: Which columns are read, which are declared to have a type, and what becomes of nested values.
        shapes: The shapes of nested values, decided over all pages.
        load: Begins the ids of rows, so that they are no other load's.
    """

    def __init__(self, job: Job, shapes: Shapes, load: str = "") -> None:
        self._job = job
        self._shapes = shapes
        self._load = load
        self._keeps_json = job.api_nested != "tables"
        self._as_text = set(job.column_types)  # spooled as text, and cast from it digit by digit
        self.has_nested = False
        """Whether rows of the last page hold objects or lists whose shape decides what becomes of them."""

    def tables(self, rows: list[Any], page: str) -> dict[Path, pa.Table]:
        """The tables of a page by their path, `()` for the rows; `page` makes row ids unique in the load."""
        found: dict[Path, pa.Table] = {}
        self.has_nested = False
        self._add(found, (), rows, {}, f"{self._load}.{page}" if self._load else page)
        return found

    def read_of(self, row: Any, before: str = "") -> Any:
        """A row without the fields that are not read, also those of its objects."""
        if not isinstance(row, dict) or not (self._job.included_columns or self._job.excluded_columns):
            return row
        fields_beside = [f"{before}{name}" for name in row]
        kept = {name: value for name, value in row.items() if self._is_read(f"{before}{name}", fields_beside)}
        if self._keeps_json:
            return kept
        return {
            name: self.read_of(value, f"{before}{name}{SEPARATOR}") if isinstance(value, dict) else value
            for name, value in kept.items()
        }

    def _add(self, found: dict[Path, pa.Table], path: Path, rows: list[Any], links: Columns, page: str) -> None:
        columns: Columns = {}
        lists: Columns = {}
        self._flatten(_columns(rows), "", path, columns, lists)
        arrays = {name: _array(values, name in self._as_text and not path) for name, values in columns.items()}
        start = f"{page}.{len(found)}."
        ids = [start + str(n) for n in range(len(rows))] if self._job.api_nested == "tables" else []
        linked = {name: pa.array(values) for name, values in links.items()}
        own = {ROW_ID: pa.array(ids, pa.string())} if ids else {}
        found[path] = pa.table({**arrays, **linked, **own}) if arrays or linked or own else _rows_of_nothing(len(rows))
        for name, values in lists.items():
            items = [(ids[n], index, item) for n, value in enumerate(values) for index, item in enumerate(value or ())]
            if items:
                parents, places, children = (list(part) for part in zip(*items, strict=True))
                self._add(found, (*path, name), children, {PARENT_ID: parents, LIST_INDEX: places}, page)

    def _flatten(self, values: Columns, before: str, path: Path, columns: Columns, lists: Columns) -> None:
        fields_beside = [f"{before}{key}" for key in values]
        for name, column in zip(fields_beside, values.values(), strict=True):
            if not path and not self._is_read(name, fields_beside):
                continue
            self._refuse_second(name, columns, lists)
            if self._keeps_json or (name in self._as_text and not path):
                columns[name] = column
                continue
            kinds = set(map(type, column)) - {type(None)}
            self.has_nested = self.has_nested or not kinds.isdisjoint((dict, list))
            shape = self._shapes.of("/".join((*path, name)), column, kinds)
            if shape == OBJECT:
                fields = _columns([value or {} for value in column])
                self._flatten(fields, f"{name}{SEPARATOR}", path, columns, lists)
            elif shape in (LIST, EMPTY):
                lists[name] = [[value] if isinstance(value, dict) else value for value in column]
            elif shape == TEXT:
                columns[name] = [value if isinstance(value, str) else _text(value) for value in column]
            else:
                columns[name] = column

    def _refuse_second(self, name: str, columns: Columns, lists: Columns) -> None:
        """Raises SourceError where two fields would be one column: `a__b` and the `b` of an object `a`."""
        if name in columns or name in lists or (name in LINKS and self._job.api_nested == "tables"):
            raise SourceError(
                f"Job '{self._job.job_id}': two values of a row would go into the column '{name}', because objects "
                "become columns and lists tables: set api_nested to json."
            )

    def _is_read(self, name: str, fields_beside: list[str]) -> bool:
        """Whether a column is chosen; a pattern that chooses an object chooses its fields."""
        included, excluded = self._job.included_columns, self._job.excluded_columns
        if not included and not excluded:
            return True
        parts = name.split(SEPARATOR)
        names = [SEPARATOR.join(parts[: n + 1]) for n in range(len(parts))]
        holds_chosen = any(pattern.startswith(f"{name}{SEPARATOR}") for pattern in included)
        if included and not holds_chosen and not any(names_column(included, one, fields_beside) for one in names):
            return False
        return not any(names_column(excluded, one, fields_beside) for one in names)


def _columns(rows: Iterable[Any]) -> Columns:
    """The rows' fields as columns, in the order in which they come up; what is not an object is a `value`."""
    objects: list[Mapping[str, Any]] = [row if isinstance(row, dict) else {VALUE: row} for row in rows]
    names = dict.fromkeys(chain.from_iterable(objects))
    return {name: [row.get(name) for row in objects] for name in names}


def _array(values: list[Any], as_text: bool) -> pa.Array[Any]:
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    if as_text:
        return pa.array([_text(value) for value in values], pa.string())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowInvalid):  # too large
            pass
    if kinds == {float}:
        return pa.array(values, pa.float64())
    if kinds == {str}:
        return pa.array(values, pa.string())
    if kinds <= _TYPED.keys() and len(kinds) == 1:
        return _typed(values, *kinds)
    if kinds <= {float, Decimal, int} and kinds != {int} and all(map(_is_double, values)):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _typed(values: list[Any], kind: type) -> pa.Array[Any]:
    """Values of a file that has types: days, times, bytes; moments without and with a zone are no one type."""
    has_zone = {value.tzinfo is not None for value in values if value is not None} if kind is datetime else set()
    if len(has_zone) > 1:
        return pa.array([_text(value) for value in values], pa.string())
    return pa.array(values, pa.timestamp("us", "UTC") if has_zone == {True} else _TYPED[kind])


def _text(value: Any) -> str | None:
    """A text as it is, any other value as the JSON that it was."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if type(value) in _TYPED:
        return str(_json_value(value))
    return json.dumps(value, ensure_ascii=False, default=_json_value)


def _is_double(value: Any) -> bool:
    """Whether a double holds a number as it is written: one with too many digits, or too large, stays text."""
    if not isinstance(value, Decimal):
        return value is None or isinstance(value, float) or abs(value) <= 2**53
    return Decimal(repr(float(value))) == value


def _json_value(value: Any) -> Any:
    """A number, a moment or bytes as JSON has them."""
    if isinstance(value, Decimal):
        return float(value)
    return value.hex() if isinstance(value, bytes) else value.isoformat()


def _rows_of_nothing(count: int) -> pa.Table:
    """Rows whose every column was left out or empty still count."""
    return pa.table({ROW_ID: pa.nulls(count, pa.string())})
