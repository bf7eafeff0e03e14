"""Joined files hold the rows of all, in order, in the types that the files had."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lake import joining
from shared.lake.joining import join_files

UTC = dt.UTC
VALUES: dict[pa.DataType, list[Any]] = {
    pa.bool_(): [True, False],
    pa.int32(): [-(2**31), 0, 2**31 - 1],
    pa.int64(): [-(2**63), 2**63 - 1],
    pa.float64(): [0.1, -0.0, float("inf")],
    pa.decimal128(38, 9): [Decimal("-0.000000001"), Decimal("12345678901234567890123456789.123456789")],
    pa.decimal128(10, 2): [Decimal("1.25")],
    pa.string(): ["", "ä\0€", "x" * 3_000],
    pa.large_string(): ["long"],
    pa.binary(): [b"", b"\x00\xff"],
    pa.date32(): [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
    pa.time64("us"): [dt.time(23, 59, 59, 999_999)],
    pa.timestamp("us"): [dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999)],
    pa.timestamp("us", "UTC"): [dt.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)],
    pa.list_(pa.int64()): [[], [1, None], [2]],
    pa.dictionary(pa.int32(), pa.string()): ["again"],
}
TYPES = list(VALUES)


@st.composite
def tables(draw: st.DrawFn) -> list[pa.Table]:
    """Files of one table whose columns come, go, move and now and then change their type."""
    usual = {name: draw(st.sampled_from(TYPES)) for name in "abcde"}
    return [draw(a_table(usual)) for _ in range(draw(st.integers(1, 7)))]


@st.composite
def a_table(draw: st.DrawFn, usual: dict[str, pa.DataType]) -> pa.Table:
    names = draw(st.lists(st.sampled_from(sorted(usual)), min_size=1, unique=True))
    count = draw(st.sampled_from([0, 1, 2, 5]))
    fields, columns = [], []
    for name in names:
        kind = draw(st.sampled_from(TYPES)) if draw(st.integers(0, 15)) == 0 else usual[name]
        nullable = draw(st.booleans())
        value = st.sampled_from(VALUES[kind])
        values = draw(st.lists(st.none() | value if nullable else value, min_size=count, max_size=count))
        fields.append(pa.field(name, kind, nullable))
        columns.append(pa.array(values, kind))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def stored(path: Path) -> dict[str, str]:
    """How a file's columns are stored, as a reader that knows nothing of Arrow sees it."""
    schema = pq.read_metadata(path).schema
    return {
        column.path: f"{column.physical_type} {column.logical_type} {column.precision} {column.scale}"
        for column in map(schema.column, range(len(schema)))
    }


@settings(max_examples=150, deadline=None)
@given(tables(), st.sampled_from([1, 200, 10**9]))
def test_rows_and_types_are_those_of_the_files(files: list[pa.Table], group_bytes: int) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patches:
        folder = Path(name)
        patches.setattr(joining, "_GROUP_BYTES", group_bytes)
        patches.setattr(joining, "_BATCH_BYTES", group_bytes)
        sources = [folder / f"{number}.parquet" for number in range(len(files))]
        for source, table in zip(sources, files, strict=True):
            pq.write_table(table, source, use_dictionary=False)
        taken: list[int] = []
        for target, numbers in join_files(sources, folder):
            taken += numbers
            assert len(numbers) > 1
            joined = pq.read_table(target)
            expected = [row for number in numbers for row in files[number].to_pylist()]
            names = {column for number in numbers for column in files[number].column_names}
            assert set(joined.column_names) == names
            assert joined.to_pylist() == [
                {column: row.get(column) for column in joined.column_names} for row in expected
            ]
            types = [stored(sources[number]) for number in numbers]
            assert all(stored(target)[column] == kind for one in types for column, kind in one.items())
        assert len(taken) == len(set(taken))
        if len({str(stored(source)) for source in sources}) == 1 < len(sources):
            assert sorted(taken) == list(range(len(sources)))


def test_files_in_which_a_column_has_another_type_stay_apart(tmp_path: Path) -> None:
    kinds: list[pa.DataType] = [pa.int32(), pa.int64(), pa.int32(), pa.string()]
    for number, kind in enumerate(kinds):
        pq.write_table(pa.table({"a": pa.array([number]).cast(kind)}), tmp_path / f"{number}.parquet")
    sources = [tmp_path / f"{number}.parquet" for number in range(len(kinds))]
    ((target, numbers),) = join_files(sources, tmp_path)
    assert (numbers, pq.read_table(target).to_pylist()) == ([0, 2], [{"a": 0}, {"a": 2}])


def test_large_files_are_joined_a_part_at_a_time(tmp_path: Path) -> None:
    rows = pa.table({"text": ["x" * 1_000 + str(number) for number in range(20_000)]})
    sources = [tmp_path / f"{number}.parquet" for number in range(8)]
    for source in sources:
        pq.write_table(rows, source, row_group_size=5_000)
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    peaks = []
    write = pq.ParquetWriter.write_table

    def written(self: Any, *arguments: Any, **options: Any) -> None:
        peaks.append(pool.bytes_allocated() - before)
        write(self, *arguments, **options)

    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(pq.ParquetWriter, "write_table", written)
        ((target, _),) = join_files(sources, tmp_path)
    assert pq.read_metadata(target).num_rows == 160_000
    assert len(peaks) > 3
    assert max(peaks) < 80_000_000  # of 160 MB
