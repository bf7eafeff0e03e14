"""Rows at the watermark that earlier loads took already, known again by a digest of the whole row.

A load takes rows from its last watermark on, that value included, because more rows with it may have come since. dlt
has a way for this, which makes Python objects of every such row and keeps a text for each in its state; a table whose
rows share one time (a bulk update does that) would blow up both. Here a digest is 16 bytes, and beyond `EXACT_ROWS`
only the rows' number and sum are kept: enough to see that none has come, and otherwise the load refuses.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError
from shared.sources.watermark import watermark_text

EXACT_ROWS = 100_000
_DIGEST_BYTES = 16


@dataclass
class _Rows:
    """Rows at one watermark: how many, the sum of their digests, and the digests themselves while they are few."""

    count: int = 0
    total: int = 0
    digests: list[bytes] | None = field(default_factory=list)

    def add(self, digests: Sequence[bytes]) -> None:
        self.count += len(digests)
        self.total = (self.total + sum(int.from_bytes(one, "big") for one in digests)) % (1 << 8 * _DIGEST_BYTES)
        if self.digests is not None:
            self.digests.extend(digests)
            if self.count > EXACT_ROWS:
                self.digests = None


class Boundary:
    """What the last load took at its watermark, and what this load takes at its own.

    Args:
        state: the part of the resource's state that is kept for it: read here, written by `save`.
        cursor: the watermark column.
        columns: the columns as they are read now. Rows are compared in the columns of the last load, because one
            that was added since would make every row look new.
        watermark: where this load starts.
    """

    def __init__(self, state: dict[str, Any], cursor: str, columns: Sequence[str], watermark: Any) -> None:
        self._state = state
        self._cursor = cursor
        self._columns = list(columns)
        self._watermark = watermark
        known = state if state.get("watermark") == watermark_text(watermark) else {}
        self._known_count = int(known.get("count", 0))
        self._known_total = int(known.get("total", "0"), 16)
        self._known_columns = list(known.get("columns", self._columns))
        digests = known.get("digests")
        self._columns_left = set(self._known_columns) <= set(self._columns)
        self.exact = not known or (digests is not None and self._columns_left)
        """Whether rows at the watermark can be told apart; otherwise `recount` them, `check`, and read beyond it."""
        self._unseen = Counter(_unpack(digests or "") if self.exact else ())
        self._highest: Any = watermark
        self._rows = _Rows()
        self._recounted = _Rows()

    def new_rows(self, table: pa.Table) -> pa.Table:
        """`table` without the rows that the last load took; remembers those at the highest value so far."""
        cursor = table.column(self._cursor)
        if table.num_rows == 0:
            return table
        self._remember(table, cursor)
        if not self._unseen:
            return table
        at_watermark = pc.equal(cursor, pa.scalar(self._watermark, cursor.type))
        positions = pc.indices_nonzero(at_watermark)
        digests = _row_digests(table.take(positions), self._known_columns)
        taken = [position for position, one in zip(positions.to_pylist(), digests, strict=True) if self._take(one)]
        if not taken:
            return table
        return table.filter(pc.invert(pc.is_in(pa.array(range(table.num_rows)), pa.array(taken))))

    def recount(self, table: pa.Table) -> None:
        """Take in rows that all stand at the watermark, where they are too many to be told apart."""
        columns = self._known_columns if self._columns_left else []
        self._recounted.add(_row_digests(table, columns))
        self._rows.add(_row_digests(table, self._columns))

    def check(self) -> None:
        """See that the rows at the watermark are those of the last load, after `recount` has had all of them.

        Raises:
            SourceError: they are others, and which ones are new cannot be told.
        """
        same = self._recounted.total == self._known_total or not self._columns_left
        if self._recounted.count == self._known_count and same:
            return
        raise SourceError(
            f"{self._known_count} rows had the value {watermark_text(self._watermark)} in watermark_column "
            f"'{self._cursor}' at the last load, and now they are {self._recounted.count} or other ones: too many to "
            "tell the new ones. Choose a column with finer steps, load with table_format delta and primary_key, or "
            "run the job once as a full refresh."
        )

    def save(self) -> None:
        """Write what the next load needs to know into the state; after the last batch."""
        digests = self._rows.digests
        self._state.clear()
        self._state.update(
            watermark=watermark_text(self._highest),
            columns=self._columns,
            count=self._rows.count,
            total=f"{self._rows.total:x}",
            digests=None if digests is None else b64encode(b"".join(digests)).decode(),
        )

    def _remember(self, table: pa.Table, cursor: pa.ChunkedArray[Any]) -> None:
        highest = pc.max(cursor)
        if self._highest is not None:
            before = pa.scalar(self._highest, cursor.type)
            if pc.less(highest, before).as_py():
                return
            if pc.greater(highest, before).as_py():
                self._rows = _Rows()
        try:
            self._highest = highest.as_py()
        except (ValueError, OverflowError):  # a year before 1 or after 9999
            raise SourceError(
                f"watermark_column '{self._cursor}' holds {highest.cast(pa.int64()).as_py()} since 1970, which is not "
                "in the years 1 to 9999; leave such rows out with query_filter."
            ) from None
        self._rows.add(_row_digests(table.filter(pc.equal(cursor, highest)), self._columns))

    def _take(self, digest: bytes) -> bool:
        """Whether the last load took a row like this one, that has not turned up yet."""
        if not self._unseen[digest]:
            return False
        self._unseen[digest] -= 1
        return True


def _row_digests(table: pa.Table, columns: Iterable[str]) -> list[bytes]:
    """A digest of each row's values in `columns`, equal for equal values whatever their place in a batch."""
    values = [_as_bytes(table.column(name)) for name in columns]
    if not values or table.num_rows == 0:
        return [bytes(_DIGEST_BYTES)] * table.num_rows
    lengths = [pc.cast(pc.binary_length(value), pa.string()).cast(pa.large_binary()) for value in values]
    separator = pa.scalar(b",", pa.large_binary())
    # the lengths first, so that no value can look like the end of another; NULL has none
    rows = pc.binary_join_element_wise(*lengths, *values, separator, null_handling="replace", null_replacement="")
    return [blake2b(row.as_buffer(), digest_size=_DIGEST_BYTES).digest() for row in rows]


def _as_bytes(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    if not pa.types.is_binary(column.type):
        is_decimal = pa.types.is_decimal(column.type)
        column = column.cast(pa.string())
        if is_decimal:  # the same number when its scale has grown since
            column = pc.replace_substring_regex(column, r"(\.\d*?)0+$", r"\1")
            column = pc.replace_substring_regex(column, r"\.$", "")
    return column.cast(pa.large_binary())


def _unpack(digests: str) -> list[bytes]:
    joined = b64decode(digests)
    return [joined[start : start + _DIGEST_BYTES] for start in range(0, len(joined), _DIGEST_BYTES)]
