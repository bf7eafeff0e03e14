"""Whatever happens at the source between loads, each of its rows is in the lake once, or the load says why not."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sources import boundary
from shared.sources.boundary import Boundary
from tests.unit.sources.boundary_sequences import CURSORS, STEPS, run_sequence


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CURSORS)), st.booleans(), st.booleans(), STEPS)
def test_any_sequence_gives_each_row_once(
    family: str, keyed: bool, upserts: bool, steps: list[tuple[str, int]]
) -> None:
    run_sequence(family, keyed, upserts, steps)


def loaded(
    state: dict[str, Any], rows: list[tuple[int, int, str | None]], start: int | None = 5, **options: Any
) -> Any:
    """The ids that a load takes, in columns id, c and v."""
    made = Boundary(state, "c", ["id", "c", "v"], start, **options)
    ids, cursors, texts = zip(*rows, strict=True)
    table = pa.table(
        {"id": pa.array(ids, pa.int64()), "c": pa.array(cursors, pa.int64()), "v": pa.array(texts, pa.string())}
    )
    new = made.new_rows(table).column("id").to_pylist()
    held = made.finish()
    made.save()
    return sorted(new + (held.column("id").to_pylist() if held is not None else []))


def test_a_field_that_a_row_no_longer_has_is_as_null() -> None:
    state: dict[str, Any] = {}
    made = Boundary(state, "c", ["id", "c", "optional"], None)
    made.new_rows(pa.table({"id": [1], "c": [5], "optional": pa.nulls(1, pa.string())}))
    made.finish()
    made.save()
    assert loaded(state, [(1, 5, None), (2, 5, None)]) == [2]


def test_a_state_of_another_version_is_compared_by_count() -> None:
    old = {"watermark": "5", "columns": ["id", "c", "v"], "count": 2, "total": "0", "digests": "A" * 44}
    assert loaded(dict(old), [(1, 5, "a"), (2, 5, "b")]) == []
    assert loaded(dict(old), [(1, 5, "a"), (2, 5, "b"), (3, 5, "c")]) == [1, 2, 3]


def test_beyond_so_many_rows_only_number_and_sum_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "EXACT_ROWS", 1)
    state: dict[str, Any] = {}
    loaded(state, [(1, 5, "a"), (2, 5, "b")], None)
    assert state["digests"] is None
    assert not Boundary(state, "c", ["id", "c", "v"], 5).exact
    assert Boundary(state, "c", ["id", "c", "v"], 5, keys=["id"], upserts=True).exact
