"""Loads from a server that answers: the first SELECT, several readers, a writer beside them, views."""

from __future__ import annotations

import threading

import oracledb
import pyarrow.compute as pc
import pytest

from shared.models.job import Job
from shared.sources.oracle import snapshot
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService


def job(oracle: OracleService, table: str, **cells: object) -> Job:
    """A FULL job of a table."""
    return a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table, **cells)


def test_a_table_is_loaded(oracle: OracleService, lake: Lake, table: str) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20), d DATE)")
    oracle.insert(f"{table} (id, name)", [(n, f"row {n}") for n in range(2500)])
    loaded = lake.load(job(oracle, table, chunk_size=1000))
    assert loaded["id"].sort().to_pylist() == list(range(2500))
    assert set(loaded.column_names) >= {"id", "name", "d"}


@pytest.mark.parametrize("verify", ["SUMS", False])
def test_parallel_readers_see_one_moment_beside_a_writer(
    oracle: OracleService, lake: Lake, table: str, verify: str | bool
) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(9) PRIMARY KEY, total NUMBER(9) NOT NULL)")
    oracle.insert(table, [(n, 0) for n in range(10_000)])
    begun, done = threading.Event(), threading.Event()

    def change() -> None:  # every transaction keeps the sum 0 and the number of rows
        with oracle.connect() as connection, connection.cursor() as cursor:
            number = 0
            while not done.is_set():
                low, high = number % 4000, 8000 - number % 4000
                cursor.execute(f"UPDATE {table} SET total = total + 1 WHERE id = {low}")
                cursor.execute(f"UPDATE {table} SET total = total - 1 WHERE id = {high}")
                cursor.execute(f"DELETE FROM {table} WHERE id = {9_999 + number}")
                cursor.execute(f"INSERT INTO {table} VALUES ({10_000 + number}, 0)")
                connection.commit()
                number += 1
                begun.set()

    writer = threading.Thread(target=change)
    writer.start()
    try:
        assert begun.wait(60)
        loaded = lake.load(job(oracle, table, parallelism=4, chunk_size=500, verify=verify))
    finally:
        done.set()
        writer.join()
    assert pc.sum(loaded["total"]).as_py() == 0
    assert (loaded.num_rows, len(set(loaded["id"].to_pylist()))) == (10_000, 10_000)


def test_a_view_that_cannot_be_sampled_is_divided(
    oracle23: OracleService, lake23: Lake, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "_SAMPLED_ROWS", 100)
    oracle23.execute(
        f"CREATE TABLE {table}_T (id NUMBER(9), n NUMBER(9))",
        f"CREATE VIEW {table} AS SELECT id, SUM(n) AS n FROM {table}_T GROUP BY id",
    )
    oracle23.insert(f"{table}_T", [(n, 1) for n in range(1500)])
    loaded = lake23.load(job(oracle23, table, parallelism=3, partition_column="ID"))
    assert loaded["id"].sort().to_pylist() == list(range(1500))


def test_a_double_beyond_what_a_number_holds_can_be_the_watermark(
    oracle23: OracleService, lake23: Lake, table: str
) -> None:
    oracle23.execute(f"CREATE TABLE {table} (id NUMBER(9), at BINARY_DOUBLE NOT NULL)")
    increment = job(oracle23, table, load_type="INCREMENTAL", watermark_column="AT")
    for number, (low, high) in enumerate(((0.0, 5e-324), (5e-324, 1e-200), (1e-200, 1e200), (1e200, 1.5e300))):
        oracle23.insert(table, [(2 * number, low), (2 * number + 1, high)], [None, oracledb.DB_TYPE_BINARY_DOUBLE])
        assert lake23.load(increment)["id"].sort().to_pylist() == list(range(2 * number + 2))
