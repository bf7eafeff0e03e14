"""Which rows of a load are one: what comes twice proves that pages moved while they were counted, or is an update."""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError, TransientError
from shared.models.job import Job

_IDS = ("id", "_id", "Id", "ID", "uuid", "guid")
_SHOWN = 60
_MOST_ALIKE = 1000
"""Pages in a row that are the same, of rows that are all the same: more, and the API does not turn the page."""


def rows_digest(rows: Sequence[Any]) -> bytes:
    """A digest of rows as they came, equal for equal rows."""
    try:
        text = orjson.dumps(rows)
    except TypeError:  # a Decimal, a long number, half a character
        text = json.dumps(rows, default=str).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()


class Identity:
    """The rows of a load, known by `primary_key`, or by an id that no two rows of a page share.

    Args:
        job: Its key.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._digests: dict[bytes, str] = {}
        self._alike = 0
        self._keys: dict[int, array[int]] = {}
        self._columns: tuple[str, ...] | None = job.primary_key or None
        self._shown: dict[int, str] = {}
        self._edges: dict[int, tuple[bytes, bytes]] = {}

    def is_known(self, digest: bytes) -> bool:
        """Whether a page with these rows came already."""
        return digest in self._digests

    def add_page(self, digest: bytes, rows: Sequence[Any], number: int, label: str, place: str) -> None:
        """Take in a page as it came.

        Raises:
            SourceError: its rows, which differ from each other, came already: the API does not turn the page.
        """
        known = self._digests.get(digest)
        if known is not None:
            self._alike += 1
            if len(rows) == 1 or any(row != rows[0] for row in rows) or self._alike > _MOST_ALIKE:
                raise SourceError(
                    f"{place} is the same as {known}: the API does not turn the page. "
                    "Check pagination_type and the names of its parameters."
                )
        self._digests.setdefault(digest, label)
        self._edges[number] = _edges(rows)

    def add_rows(self, table: pa.Table, number: int) -> None:
        """Take in the keys of a page's rows."""
        if self._columns is None:
            self._columns = next(((name,) for name in _IDS if name in table.column_names and self._is_whole(name)), ())
        if not self._columns or not set(self._columns) <= set(table.column_names):
            self._columns = self._job.primary_key or ()
            return
        columns = [table.column(name).to_pylist() for name in self._columns]
        values = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        keys = array("q", [hash(str(value)) for value in values])
        if not self._job.primary_key and len(set(keys)) < len(keys):
            self._columns = ()  # no id of rows
        self._keys[number] = keys

    def _is_whole(self, name: str) -> bool:
        """Whether a column has its own values, or hashes of them, which differ as they do."""
        return self._job.masked_columns.get(name, "hash").startswith("hash")

    def refuse_overlap(self, place: str) -> None:
        """After the last of pages that follow each other: see that none begins with the row that ended another one.

        Raises:
            SourceError: one does, so that rows with an id of their own would come twice.
        """
        if self._job.primary_key or not self._columns:
            return  # by a key the later row counts; without an id rows may be the same
        numbers = sorted(self._edges)
        if any(self._edges[one][1] and self._edges[one][1] == self._edges[two][0] for one, two in pairwise(numbers)):
            raise SourceError(
                f"{place} begins with the row that ended another page: its cursor includes that row, which would come "
                f"twice. Set primary_key to {self._columns[0]}, so that it counts once."
            )

    def refuse_moved_pages(self, place: str) -> None:
        """After the last of pages that were counted: see that no row came on two of them.

        Raises:
            TransientError: one did, so that another may be missing.
        """
        numbers = sorted(self._edges)
        for before, after in pairwise(numbers):
            if self._edges[before][1] and self._edges[before][1] == self._edges[after][0]:
                raise _moved(place, f"The last row of {before} is the first of the next page", self._columns)
        if not self._columns:
            return
        doubled = self._doubled()
        if len(doubled):
            raise _moved(
                place, f"{len(doubled)} rows with the same {', '.join(self._columns)} came twice", self._columns
            )

    def take_keys(self, other: Identity) -> None:
        """Take in the keys of another part of the same load."""
        self._keys |= other._keys

    def superseded(self) -> dict[int, list[int]]:
        """The places, by page, of rows whose key comes again later in the load: the later row counts."""
        if not self._job.primary_key or not len(self._doubled()):
            return {}
        last: set[int] = set()
        found: dict[int, list[int]] = {}
        for number in sorted(self._keys, reverse=True):
            keys = self._keys[number]
            dropped = []
            for position in range(len(keys) - 1, -1, -1):
                if keys[position] in last:
                    dropped.append(position)
                last.add(keys[position])
            if dropped:
                found[number] = dropped
        return found

    def _doubled(self) -> pa.Array[Any]:
        """The keys that came more than once."""
        arrays = [
            pa.Array.from_buffers(pa.int64(), len(keys), [None, pa.py_buffer(keys)]) for keys in self._keys.values()
        ]
        if not arrays:
            return pa.array([], pa.int64())
        chunked = pa.chunked_array(arrays)
        if pc.count_distinct(chunked).as_py() == len(chunked):
            return pa.array([], pa.int64())
        counted = pc.value_counts(chunked.combine_chunks())
        return counted.field("values").filter(pc.greater(counted.field("counts"), pa.scalar(1)))


def _edges(rows: Sequence[Any]) -> tuple[bytes, bytes]:
    """Digests of a page's first and last row; none for one that is not the only of its kind on the page."""
    if not rows or not isinstance(rows[0], dict):
        return b"", b""
    return tuple(rows_digest([row]) if rows.count(row) == 1 else b"" for row in (rows[0], rows[-1]))  # type: ignore[return-value]


def _moved(place: str, what: str, columns: tuple[str, ...] | None) -> TransientError:
    by = "" if columns else "; if rows may be the same, give a primary_key"
    return TransientError(
        f"{place} {what[0].lower()}{what[1:]}: rows were added or removed while its pages were counted, and others "
        f"may be missing. It is read again; sort the rows by api_params so that new ones come last{by}."
    )
