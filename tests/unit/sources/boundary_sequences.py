"""Sequences of inserts, updates, type changes and loads against a model of a source and its lake, for any cursor type.

The model's lake appends, or upserts by key. What it must hold is said by `Model.check`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from shared.errors.hierarchy import SourceError
from shared.sources.boundary import Boundary
from shared.sources.watermark import typed_watermark, watermark_text

_START = datetime(2024, 1, 31, 23, 59, 59, 999_000)

CURSORS: dict[str, tuple[tuple[pa.DataType, Any], ...]] = {
    "numbers": (
        (pa.int64(), lambda n: n),
        (pa.decimal128(12, 2), lambda n: Decimal(n).quantize(Decimal("0.01"))),
        (pa.decimal128(38, 9), lambda n: Decimal(n).quantize(Decimal("0.000000001"))),
        (pa.float64(), float),
    ),
    "times": (
        (pa.timestamp("us"), lambda n: _START + timedelta(microseconds=n)),
        (pa.timestamp("us"), lambda n: _START + timedelta(microseconds=n)),
    ),
    "zoned times": ((pa.timestamp("us", "UTC"), lambda n: (_START + timedelta(hours=n)).replace(tzinfo=UTC)),),
    "days": (
        (pa.date32(), lambda n: date(2024, 2, 27) + timedelta(days=n)),
        (pa.timestamp("us"), lambda n: datetime(2024, 2, 27) + timedelta(days=n)),
    ),
    "texts": ((pa.string(), lambda n: f"{n:05d} "),),
}
"""Each family of cursor types has the types that a column may take in turn without changing its order."""

VALUES: tuple[tuple[pa.DataType, Any], ...] = (
    (pa.int64(), lambda n: n),
    (pa.decimal128(12, 2), Decimal),
    (pa.float64(), float),
    (pa.string(), str),
    (pa.timestamp("us"), lambda n: _START + timedelta(days=n)),
    (pa.int64(), lambda _n: None),
)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 3)),
        st.tuples(st.just("update"), st.integers(0, 50)),
        st.tuples(st.just("delete"), st.integers(0, 50)),
        st.tuples(st.just("cursor type"), st.integers(0, 3)),
        st.tuples(st.just("value type"), st.integers(0, len(VALUES) - 1)),
        st.tuples(st.just("column"), st.just(0)),
        st.tuples(st.just("load"), st.integers(1, 3)),
    ),
    max_size=25,
)


@dataclass
class Row:
    """A row of the source; `place` is its cursor's position, which all types of a family order alike."""

    id: int
    place: int
    value: int = 0


@dataclass
class Model:
    """A source with one table, and what the loads of it have left in the lake."""

    family: str
    keyed: bool
    upserts: bool
    rows: list[Row] = field(default_factory=list)
    lake: list[tuple[int, int]] = field(default_factory=list)
    inserted: Counter[int] = field(default_factory=Counter)
    cursor_type: int = 0
    value_type: int = 0
    has_extra: bool = False
    place: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    watermark: str | None = None
    warnings: list[str] = field(default_factory=list)
    refused: int = 0
    changed_at_boundary: bool = False
    reshaped: bool = False

    def step(self, action: str, number: int) -> None:
        """Do one thing at the source, or load it."""
        if action == "insert":
            self.place += number // 3  # most rows share their cursor's value with others
            self.rows.append(Row(len(self.inserted) + 1, self.place))
            self.inserted[len(self.inserted) + 1] += 1
        elif action == "update" and self.rows:
            row = self.rows[number % len(self.rows)]
            row.value += 1
            self.changed_at_boundary = True
        elif action == "delete" and self.rows:
            self.rows.pop(number % len(self.rows))
            self.changed_at_boundary = True
        elif action == "cursor type":
            self.cursor_type = number % len(CURSORS[self.family])
        elif action == "value type":
            self.value_type, self.reshaped = number, True
        elif action == "column":
            self.has_extra, self.reshaped = not self.has_extra, True
        elif action == "load":
            self.load(number)

    def load(self, batches: int) -> None:
        """Take what is new, as a load does: all or nothing."""
        kind, of = CURSORS[self.family][self.cursor_type]
        start = typed_watermark(self.watermark, kind, "c")
        state = dict(self.state)
        names = {"id": "int", "c": str(kind), "v": f"{self.value_type}"} | ({"extra": "text"} if self.has_extra else {})
        boundary = Boundary(
            *(state, "c", names, start),
            keys=("id",) if self.keyed else (),
            upserts=self.upserts,
            warn=self.warnings.append,
        )
        found = [row for row in self.rows if start is None or of(row.place) >= start]
        taken: list[tuple[int, int]] = []
        try:
            for n in range(batches):
                taken += self._ids(boundary.new_rows(self._table(found[n::batches])))
            held = boundary.finish()
        except SourceError:
            self.refused += 1
            return
        taken += self._ids(held) if held is not None else []
        boundary.save()
        self.state, self.watermark = state, watermark_text(boundary.highest)
        if self.upserts:
            now = {row.id: row.value for row in self.rows}
            self.lake = list({**dict(self.lake), **{id_: now[id_] for id_, _ in taken}}.items())
        else:
            self.lake += taken

    def check(self) -> None:
        """What the lake must hold after a last load: every row, and none of them twice without a word."""
        loaded = Counter(id_ for id_, _ in self.lake)
        missing = {row.id for row in self.rows} - set(loaded)
        twice = {id_ for id_, count in loaded.items() if count > 1}
        if not self.refused:
            assert not missing or self._warned_or_respelled(), missing
        if self.keyed or not (self.changed_at_boundary or self.reshaped):
            assert not twice, twice
            assert not self.refused
        elif twice:
            assert self.warnings

    def _warned_or_respelled(self) -> bool:
        """Rows that replaced as many others while a type changed cannot be distinguished from them without a key."""
        return not self.keyed and self.changed_at_boundary

    def _table(self, rows: list[Row]) -> pa.Table:
        kind, of = CURSORS[self.family][self.cursor_type]
        value_kind, value_of = VALUES[self.value_type]
        columns = {
            "id": pa.array([row.id for row in rows], pa.int64()),
            "c": pa.array([of(row.place) for row in rows], kind),
            "v": pa.array([value_of(row.value) for row in rows], value_kind),
        }
        if self.has_extra:
            columns["extra"] = pa.array(["x"] * len(rows))
        return pa.table(columns)

    def _ids(self, table: pa.Table) -> list[tuple[int, int]]:
        values = {row.id: row.value for row in self.rows}
        ids: list[Any] = table.column("id").to_pylist()
        return [(id_, values[id_]) for id_ in ids]


def run_sequence(family: str, keyed: bool, upserts: bool, steps: list[tuple[str, int]]) -> Model:
    """A model after these steps and two last loads."""
    model = Model(family, keyed, upserts and keyed)
    for action, number in steps:
        model.step(action, number)
    for _ in range(2):
        model.load(1)
    model.check()
    return model
