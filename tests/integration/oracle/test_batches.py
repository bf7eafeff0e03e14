"""A batch is bounded by bytes, whatever the rows are like and whatever chunk_size says."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from shared.secrets import Secret
from shared.sources.oracle import batches
from shared.sources.oracle.source import OracleSource
from shared.sources.source import ReadOptions
from tests.builders import a_job
from tests.oracle_standin.service import OracleService

BUDGET = 1024 * 1024
SHORT, MIDDLE, LONG = 20, 100_000, 1_500_000
SHAPES: dict[str, dict[int, int]] = {  # lengths of texts, and how many rows have them
    "no rows": {},
    "short only": {SHORT: 3000},
    "every row of the same length": {MIDDLE: 40},
    "few long ones between many short": {SHORT: 2000, MIDDLE: 30, LONG: 2},
    "one that is larger than a batch": {LONG: 1},
    "NULLs only": {0: 500},
}


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", BUDGET)


def read_all(oracle: OracleService, table: str, readers: int = 1, **cells: Any) -> list[pa.Table]:
    """The batches of a table, as its reader makes them."""
    job = a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table, chunk_size=1_000_000, **cells)
    source = OracleSource(job, Secret(oracle.secret), ReadOptions())
    with source._explaining():
        read = source._table_read(source._reflect(source._engine))
        with source.snapshot(read.table, readers) as snapshot:
            query = snapshot.pinned(read.query(None, None))
            return [pa.table(batch) for batch in snapshot.read(query, read.columns)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["CLOB", "NCLOB", "BLOB"])
def test_batches_of_large_objects_are_small(oracle: OracleService, table: str, kind: str, shape: str) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), large {kind})")
    lengths = [length for length, count in SHAPES[shape].items() for _ in range(count)]
    lengths = sorted(lengths, key=lambda length: hash((length, "mixed")))
    values = [(n, (b"x" if kind == "BLOB" else "x") * length or None) for n, length in enumerate(lengths)]
    if values:
        oracle.insert(table, values)
    found = read_all(oracle, table)
    rows = [row for batch in found for row in batch.to_pylist()]
    assert sorted(int(row["id"]) for row in rows) == list(range(len(values)))
    assert all(row["large"] == values[int(row["id"])][1] for row in rows)
    assert [batch.nbytes for batch in found if batch.nbytes > 1.5 * BUDGET and batch.num_rows > 1] == []
    assert len(found) < 10 + 3 * sum(lengths) // BUDGET  # and there are not many more than it takes


@pytest.mark.parametrize("readers", [1, 3])
def test_batches_of_many_long_texts_are_small(oracle: OracleService, table: str, readers: int) -> None:
    columns = [f"t{n} VARCHAR2(4000)" for n in range(10)]
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), {', '.join(columns)})")
    oracle.insert(table, [(n, *[f"text {n}" * (400 if n % 50 == 0 else 1)] * 10) for n in range(1500)])
    found = read_all(oracle, table, readers)
    assert sum(batch.num_rows for batch in found) == 1500
    assert max(batch.nbytes for batch in found) <= BUDGET // readers
    assert len(found) < 10 * (readers + 1)


def test_a_narrow_table_is_read_without_measuring_it(oracle: OracleService, table: str) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), name VARCHAR2(20))")
    oracle.insert(table, [(n, "x") for n in range(5000)])
    asked: list[str] = []
    oracle.database.log = type("Log", (), {"write": lambda _, text: asked.append(text), "flush": lambda _: None})()
    found = read_all(oracle, table)
    oracle.database.log = None
    assert [batch.num_rows for batch in found if batch.num_rows] == [5000]
    assert not [text for text in asked if "LENGTHB" in text or "count(" in text.lower()]


def test_a_long_is_read_some_rows_at_a_time(oracle: OracleService, table: str) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), document LONG)")
    oracle.insert(table, [(n, "x" * 60_000) for n in range(40)])
    found = read_all(oracle, table)
    assert sum(batch.num_rows for batch in found) == 40
    assert max(batch.num_rows for batch in found) == 16
