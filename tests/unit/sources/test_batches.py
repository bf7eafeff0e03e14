"""Batches that bytes bound, whatever rows hold and however they follow each other."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sources.batches import bounded

LIMIT = 10_000


def fetching(sizes: list[int]) -> tuple[Callable[[int], pa.RecordBatch], list[int]]:
    """A fetch over rows of these sizes, and the numbers of rows that it gave."""
    left, given = list(enumerate(sizes)), list[int]()

    def fetch(count: int) -> pa.RecordBatch:
        assert count > 0
        part = [left.pop(0) for _ in range(min(count, len(left)))]
        given.append(len(part))
        numbers, texts = [number for number, _ in part], ["x" * size for _, size in part]
        return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), pa.array(texts, pa.string())], ["n", "text"])

    return fetch, given


@given(st.lists(st.sampled_from([0, 10, 500, 9_000, 30_000]), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_every_row_comes_once_in_order_and_no_table_exceeds_rows_or_bytes_by_more_than_a_fetch(
    sizes: list[int], rows: int, step: int
) -> None:
    fetch, given = fetching(sizes)
    tables = list(bounded(fetch, rows, step, LIMIT))
    assert [number for table in tables for number in table["n"].to_pylist()] == list(range(len(sizes)))
    assert all(0 < table.num_rows <= rows for table in tables)
    assert max(given, default=0) <= step
    for table in tables:
        before_the_last_fetch = table.nbytes - max(step, 1) * (max(sizes) + 20)
        assert before_the_last_fetch < LIMIT


@pytest.mark.parametrize("size", [100, 5_000, 100_000])
def test_long_values_after_many_short_ones_cost_one_fetch(size: int) -> None:
    fetch, given = fetching([1] * 2_000 + [size] * 200)
    largest = max(table.nbytes for table in bounded(fetch, 100_000, 64, LIMIT))
    assert largest < LIMIT + 64 * (size + 20)
    assert max(given) == 64
