"""Masks of an API's rows, as they come: before they are Arrow, pages are kept on disk, and in the lake for retries.

A mask names a column as the lake has it: `email`, `customer__email` of an object, and with api_nested tables also a
column of the tables of lists, by its own name or after the path of its list: `items__email`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from shared.errors.hierarchy import ConfigurationError
from shared.jobs.masks import Mask, folded, masks_of, spelled_otherwise
from shared.mask_key import MaskKey
from shared.models.job import Job
from shared.sources.masking import TEXT, absent, hasher_for, masked_value
from shared.sources.rest.tables import ROOT, SEPARATOR, VALUE, Path

_REMEMBERED = 50_000  # values of which the masked one is known, so that one that repeats is hashed once


class RowMasks:
    """The masks of one load.

    Args:
        job: `masked_columns`.
        key: That of its hashes; None if there are none.

    Raises:
        ConfigurationError: there are hashes and no key, or a mask names what the addresses of the requests hold.
    """

    def __init__(self, job: Job, key: MaskKey | None) -> None:
        self._job = job
        self._masks = masks_of(job)
        self._hasher = hasher_for(job, key)
        self._descends = job.api_nested == "tables"
        self._wanted = {folded(name) for name in self._masks}
        self._known: dict[tuple[Path, str], Mask | None] = {}
        self._found: dict[tuple[Path, str], Mask] = {}
        self._on_page: set[tuple[Path, str]] = set()
        self.is_whole = True
        """Whether the last page had every masked column."""
        self._values: dict[tuple[Any, ...], Any] = {}
        _refuse_masked_addresses(job)

    def __bool__(self) -> bool:
        return bool(self._masks)

    @property
    def found(self) -> dict[tuple[Path, str], Mask]:
        """The masked columns that rows have had, by their table and name."""
        return self._found

    def types(self, path: Path = ROOT) -> dict[str, pa.DataType]:
        """The types of the masked columns of one table, by name."""
        kinds = {"year": pa.int64()}
        return {name: kinds.get(mask.kind, TEXT) for (at, name), mask in self.found.items() if at == path}

    def masked(self, rows: list[Any]) -> list[Any]:
        """The rows of a page after the masks.

        Raises:
            SourceError: a mask does not fit a value, or none of the rows has a column: what it holds may be in another.
        """
        if not self._masks or not rows:
            return rows
        self._on_page.clear()
        masked = [self._row(row, ROOT, hides=True) for row in rows]
        self._refuse_absent()
        return masked

    def look_at(self, rows: list[Any]) -> None:
        """Take in which masked columns are in rows that were masked by an earlier attempt."""
        self._on_page.clear()
        for row in rows if self._masks else ():
            self._row(row, ROOT, hides=False)
        self._take_in()

    def _take_in(self) -> None:
        self._found.update((place, mask) for place in self._on_page if (mask := self._known[place]))

    def _refuse_absent(self) -> None:
        """After a page: see that it has each masked column that must be there."""
        self._take_in()
        named = {name for path, column in self._on_page for name in _names(path, column)}
        missing = [name for name in self._masks if name not in named]
        self.is_whole = not missing
        for name in missing:
            if not self._masks[name].is_optional:
                raise absent(name, self._masks[name], "the rows of a page", (), False)

    def finish(self, before: frozenset[str], columns_before: frozenset[str], columns: frozenset[str]) -> list[str]:
        """After the last page: see that no masked column has another name now; gives those that did not come.

        Args:
            before: The columns that the last load has masked.
            columns_before: All columns that earlier loads have left.
            columns: All columns of this one.

        Raises:
            SourceError: one did not come, and a column did that the table does not have yet.
        """
        if not columns:
            return []
        found = {name for path, column in self._found for name in _names(path, column)}
        missing = [name for name in self._masks if name not in found]
        for name in missing:
            if name in before and not columns <= columns_before:
                raise absent(name, self._masks[name], "the rows of this load", (), True)
        return missing

    def labels(self) -> dict[str, str]:
        """The masked columns with their masks; those of lists after the names of the lists."""
        return {SEPARATOR.join((*path, name)): str(mask) for (path, name), mask in self.found.items()}

    def _row(self, row: Any, path: Path, hides: bool) -> Any:
        if isinstance(row, dict):
            return self._object(row, "", path, hides)
        return self._object({VALUE: row}, "", path, hides)[VALUE]

    def _object(self, fields: Mapping[str, Any], before: str, path: Path, hides: bool) -> dict[str, Any]:
        return {name: self._value(value, f"{before}{name}", path, hides) for name, value in fields.items()}

    def _value(self, value: Any, column: str, path: Path, hides: bool) -> Any:
        place = path, column
        if place in self._known:
            mask = self._known[place]
        else:
            mask = self._known[place] = self._mask_at(path, column)
        if mask:
            self._on_page.add(place)
            return self._hidden(value, mask, column) if hides else value
        if self._descends and isinstance(value, dict):
            return self._object(value, f"{column}{SEPARATOR}", path, hides)
        if self._descends and isinstance(value, list):
            return [None if item is None else self._row(item, (*path, column), hides) for item in value]
        return value

    def _mask_at(self, path: Path, column: str) -> Mask | None:
        names = _names(path, column)
        for name in names:
            if name in self._masks:
                return self._masks[name]
        for name in names:
            if folded(name) in self._wanted:
                wanted = spelled_otherwise(name, self._masks) or name
                raise absent(wanted, self._masks[wanted], "a row", [name], False)
        return None

    def _hidden(self, value: Any, mask: Mask, column: str) -> Any:
        if value is None or isinstance(value, (dict, list)):
            return masked_value(mask, value, column, self._hasher)
        seen = mask, type(value), value
        if seen not in self._values:
            if len(self._values) >= _REMEMBERED:
                self._values.clear()
            self._values[seen] = masked_value(mask, value, column, self._hasher)
        return self._values[seen]


def _names(path: Path, column: str) -> tuple[str, ...]:
    """How a mask may name a column."""
    return (column, SEPARATOR.join((*path, column))) if path else (column,)


def _refuse_masked_addresses(job: Job) -> None:
    """Raises ConfigurationError if a masked column is written into the addresses of requests, which messages show."""
    named = job.api_for_each or ""
    if job.api_parent is not None:
        path = named.partition(".")[2]
        if path.replace(".", SEPARATOR) in job.api_parent.masked_columns:
            raise ConfigurationError(
                f"Job '{job.job_id}': api_for_each '{named}' writes a column into addresses that job "
                f"'{job.api_parent.job_id}' masks: name another field there."
            )
    if own := next((name for name in job.masked_columns if named and name in _filled(named)), None):
        raise ConfigurationError(
            f"Job '{job.job_id}': masked_columns names '{own}', which api_for_each fills with what is written into the "
            "addresses of the requests, and so into messages and logs: it cannot be masked."
        )


def _filled(named: str) -> tuple[str, ...]:
    return ("each",) if named.startswith("list:") else (f"parent_{named.partition('.')[2].replace('.', '_')}",)
