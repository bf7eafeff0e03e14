"""Rows at the watermark that earlier loads have taken already, known again by their key or by a digest of their values.

A load takes rows from its last watermark on, that value included, because more rows with it may have come since. A
digest is 16 bytes, and beyond `EXACT_ROWS` only the rows' number and sum are kept: enough to see that no row has come,
and otherwise the load refuses.

Where a job has a `primary_key`, a row is known by it, and a digest of its values says whether it has changed. Without
one, a row that has changed looks like a new one: it is loaded once more, with a warning, and the load refuses when it
meets that a second time at the same watermark. Where a column has changed its type or is gone, rows are counted: as
many as before are the same rows.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from shared.errors.hierarchy import SourceError
from shared.sources.columns import is_respelled
from shared.sources.digests import DIGEST_BYTES, row_digests
from shared.sources.watermark import same_watermark, watermark_text

EXACT_ROWS = 100_000
_VERSION = 2  # of the state: earlier digests were made of values as a load spelled them


@dataclass
class _Rows:
    """Rows at one watermark: how many, the sum of their digests, and the digests themselves while they are few."""

    count: int = 0
    total: int = 0
    digests: list[bytes] | None = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    def add(self, digests: Sequence[bytes], contents: Sequence[bytes] = ()) -> None:
        self.count += len(digests)
        self.total = (self.total + sum(int.from_bytes(one, "big") for one in digests)) % (1 << 8 * DIGEST_BYTES)
        if self.digests is not None:
            self.digests.extend(digests)
            self.contents.extend(contents)
            if self.count > EXACT_ROWS:
                self.digests, self.contents = None, []


class Boundary:
    """What the last load took at its watermark, and what this load takes at its own.

    Args:
        state: The part of the resource's state that is kept for it: read here, written by `save`.
        cursor: The watermark column.
        columns: The columns as they are read now, by name with their types in the source's words. Rows are compared in
            the columns of the last load, because one that was added since would make every row look new.
        watermark: Where this load starts.
        keys: The columns that name a row; empty if nothing does.
        upserts: Whether the lake updates rows by these keys, so that a row may come twice.
        holds: Whether rows that may turn out to be known ones can be kept back until `finish`.
        warn: Called with a sentence for the load's result.
    """

    def __init__(
        self,
        state: dict[str, Any],
        cursor: str,
        columns: Mapping[str, str] | Iterable[str],
        watermark: Any,
        *,
        keys: Sequence[str] = (),
        upserts: bool = False,
        holds: bool = True,
        warn: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self._state = state
        self._cursor = cursor
        self._columns = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, "")
        self._keys = list(keys)
        self._upserts = upserts and bool(keys)
        self._holds = holds
        self._warn = warn
        self._watermark = self.highest = watermark
        known = state if watermark is not None and same_watermark(state.get("watermark"), watermark) else {}
        self._known_count = int(known.get("count", 0))
        self._known_total = int(known.get("total", "0"), 16)
        columns_before = known.get("columns", self._columns)
        before = columns_before if isinstance(columns_before, dict) else dict.fromkeys(columns_before, "")
        self._known_columns = list(before)
        self._repeated = int(known.get("repeated", 0))
        self._comparable = not known or self._is_comparable(known, before)
        digests = known.get("digests")
        self.exact = self._upserts or not known or (digests is not None and (self._comparable or holds))
        """Whether rows at the watermark are distinguishable; otherwise `recount` them, `check`, and read beyond it."""
        self._unseen: dict[bytes, list[bytes]] = defaultdict(list)
        if self._comparable and digests:
            ids = _unpack(digests)
            for one, content in zip(ids, _unpack(known.get("contents", "")) or ids, strict=True):
                self._unseen[one].append(content)
        self._left = self._known_count if digests is not None else 0
        self._held: list[pa.Table] = []
        self._held_rows = 0
        self._changed = 0
        self._rows = _Rows()
        self._recounted = _Rows()

    def _is_comparable(self, known: Mapping[str, Any], before: Mapping[str, str]) -> bool:
        if known.get("version") != _VERSION or known.get("keys", []) != self._keys:
            return False
        if self._keys:
            return not any(is_respelled(before.get(key, ""), self._columns.get(key, "")) for key in self._keys)
        return all(self._columns.get(name, "") == kind for name, kind in before.items())

    def new_rows(self, table: pa.Table, at_start: Any = None, at_end: Any = None) -> pa.Table:
        """`table` without the rows that the last load took; remembers those at the highest value so far.

        Args:
            table: A part of what was read.
            at_start: Which rows are at the watermark, as a mask; None compares the values.
            at_end: Which rows are at the value that `ends_at` has named; None compares the values.
        """
        if table.num_rows == 0:
            return table
        cursor = table.column(self._cursor)
        if at_end is None:
            self._remember(table, cursor)
        else:
            self._add(table.filter(at_end))
        if not self._left:
            return table
        if at_start is None:
            at_start = pc.equal(cursor, pa.scalar(self._watermark, cursor.type))
        candidates = table.filter(at_start)
        if not candidates.num_rows:
            return table
        others = table.filter(pc.invert(at_start))
        fresh = self._fresh(candidates)
        return pa.concat_tables([others, fresh]) if fresh.num_rows else others

    def ends_at(self, highest: Any) -> None:
        """Name the highest value of this load, where the source has found it."""
        self.highest = highest

    def finish(self) -> pa.Table | None:
        """The rows at the watermark that turn out to be new when all have been seen; None if there are none.

        Raises:
            SourceError: the rows at the watermark were other ones in the last load already.
        """
        if self._changed and not self._upserts:
            self._warn(
                f"{self._changed} rows at {self._place} have changed since the last load without a new watermark: the "
                "lake keeps them as they were. Choose a watermark_column that grows with every change, or "
                "table_format delta, which updates them."
            )
        if not self._held_rows:
            self._repeated = 0
            return None
        new = pa.concat_tables(self._held) if self._held else None
        if not self._comparable and self._held_rows <= self._left:
            self._repeated = 0
            return None  # the same rows, in other columns or types
        if self._left:
            self._say_that_rows_may_come_twice()
        return new

    def recount(self, table: pa.Table) -> None:
        """Take in rows that are all at the watermark, if there are too many to distinguish them."""
        self._recounted.add(row_digests(table, self._keys or self._known_columns))
        self._add(table)

    def check(self) -> None:
        """See that the rows at the watermark are those of the last load, after `recount` has had all of them.

        Raises:
            SourceError: they are others, and it is unclear which ones are new.
        """
        same = self._recounted.total == self._known_total or not self._comparable
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
        rows = self._rows
        moved = not same_watermark(watermark_text(self._watermark), self.highest)
        self._state.clear()
        self._state.update(
            version=_VERSION,
            watermark=watermark_text(self.highest),
            columns=self._columns,
            keys=self._keys,
            count=rows.count,
            total=f"{rows.total:x}",
            digests=None if rows.digests is None else _packed(rows.digests),
            contents=_packed(rows.contents),
            repeated=0 if moved else self._repeated,
        )

    @property
    def _place(self) -> str:
        return f"{watermark_text(self._watermark)} in watermark_column '{self._cursor}'"

    def _remember(self, table: pa.Table, cursor: pa.ChunkedArray[Any]) -> None:
        highest = pc.max(cursor)
        if self.highest is not None:
            before = pa.scalar(self.highest, cursor.type)
            if pc.less(highest, before).as_py():
                return
            if pc.greater(highest, before).as_py():
                self._rows = _Rows()
        try:
            self.highest = highest.as_py()
        except (ValueError, OverflowError):  # a year before 1 or after 9999
            raise SourceError(
                f"watermark_column '{self._cursor}' holds {highest.cast(pa.int64()).as_py()} since 1970, which is not "
                "in the years 1 to 9999; leave such rows out with query_filter."
            ) from None
        self._add(table.filter(pc.equal(cursor, highest)))

    def _add(self, table: pa.Table) -> None:
        contents = row_digests(table, self._columns)
        if self._keys:
            self._rows.add(row_digests(table, self._keys), contents)
        else:
            self._rows.add(contents)

    def _fresh(self, rows: pa.Table) -> pa.Table:
        """The rows at the watermark that come now: those that are surely new, or may be and are updated by key."""
        if not self._comparable:
            return self._hold(rows)
        contents = row_digests(rows, self._known_columns)
        ids = row_digests(rows, self._keys) if self._keys else contents
        pairs = zip(ids, contents, strict=True)
        fresh = rows.filter(pa.array([self._is_fresh(*pair) for pair in pairs], pa.bool_()))
        return fresh if self._keys else self._hold(fresh)

    def _is_fresh(self, identity: bytes, content: bytes) -> bool:
        waiting = self._unseen.get(identity)
        if not waiting:
            return True
        self._left -= 1
        if content in waiting:
            waiting.remove(content)
            return False
        waiting.pop()
        self._changed += 1
        return self._upserts

    def _hold(self, rows: pa.Table) -> pa.Table:
        """Keep rows back until all are seen, but no more than may turn out to be the known ones."""
        released = self._upserts or not self._holds or self._held_rows > self._known_count
        self._held_rows += 0 if self._upserts else rows.num_rows
        if released:
            return rows
        self._held.append(rows)
        return rows.slice(0, 0)

    def _say_that_rows_may_come_twice(self) -> None:
        moved = not same_watermark(watermark_text(self._watermark), self.highest)
        advice = (
            "Name the primary_key, leave out columns that are other in every query with excluded_columns, or choose a "
            "watermark_column that grows with every change."
        )
        if self._repeated and not moved:
            raise SourceError(
                f"{self._held_rows} rows at {self._place} are not as the last load found them, for the second time: "
                f"without primary_key each load would add them once more. {advice}"
            )
        self._repeated = 1
        self._warn(
            f"{self._held_rows} rows at {self._place} are not as the last load found them and were loaded once more: "
            f"without primary_key a row that has changed cannot be distinguished from a new one. {advice}"
        )


def _packed(digests: Sequence[bytes]) -> str:
    return b64encode(b"".join(digests)).decode()


def _unpack(digests: str) -> list[bytes]:
    joined = b64decode(digests)
    return [joined[start : start + DIGEST_BYTES] for start in range(0, len(joined), DIGEST_BYTES)]
