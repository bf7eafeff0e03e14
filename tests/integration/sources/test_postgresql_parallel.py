"""Several readers of one table: nothing lost, nothing twice, one picture, whatever the keys are like."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa

from localhost.services import LocalServices
from shared.secrets import Secret
from shared.sources.partitions import RANGES_PER_READER, ranges_of
from shared.sources.postgresql import source as postgresql
from shared.sources.postgresql.source import PostgresSource
from shared.sources.source import ReadOptions
from shared.sources.table_read import TableRead
from tests.builders import a_job
from tests.integration.sources.conftest import Lake

READERS = 3
KEYS = {
    "even": ("bigint", "n"),
    "gaps and one huge value": (
        "bigint",
        "CASE WHEN n = 1 THEN 9223372036854775807 ELSE n * n * n END",
    ),
    "negative": ("bigint", "-n * 7"),
    "one value has nearly all rows": ("int", "CASE WHEN n < 9000 THEN 5 ELSE n END"),
    "every row the same": ("int", "1"),
    "NULLs": ("int", "CASE WHEN n % 2 = 0 THEN n END"),
    "only NULLs": ("int", "NULL"),
    "text": ("text", "md5(n::text) || '%'"),
    "text in mixed case": (
        "text",
        "CASE WHEN n % 2 = 0 THEN 'A''\\' ELSE 'b' END || n",
    ),
    "uuid": ("uuid", "md5(n::text)::uuid"),
    "date": ("date", "date '2024-01-01' + n::int % 700"),
    "dates before Christ": ("date", "date '0100-01-01 BC' + n::int"),
    "bytes": ("bytea", "sha256(n::text::bytea)"),
    "interval": ("interval", "n * interval '1 h'"),
    "enum": ("half", "CASE WHEN n % 2 = 0 THEN 'low' ELSE 'high' END::half"),
    "timestamptz": ("timestamptz", "timestamptz '2024-01-01' + n * interval '1 s'"),
    "numeric": ("numeric", "n / 7.0"),
    "floats with NaN": (
        "double precision",
        "CASE WHEN n % 3 = 0 THEN 'NaN' ELSE n / 7.0 END",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def half(sql: psycopg.Connection[Any]) -> None:
    """A type whose order is not that of its text."""
    sql.execute("CREATE TYPE half AS ENUM ('low', 'high')")


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sample a few pages only, as of a large table."""
    monkeypatch.setattr(postgresql, "_SAMPLED_PAGES", 30)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("kind", KEYS)
def test_nothing_is_lost_or_doubled_whatever_the_keys(
    sql: psycopg.Connection[Any], secret: Secret, table: str, kind: str
) -> None:
    key_type, key = KEYS[kind]
    sql.execute(f"CREATE TABLE {table} (id int, key {key_type})")
    sql.execute(f"INSERT INTO {table} SELECT n, {key} FROM generate_series(1::bigint, 10000) n")
    counts = _rows_by_range(secret, table, partition_column="key")
    assert sum(counts) == 10_000
    if "NULLs" not in kind and kind != "enum":  # each of its two values has half of the rows
        assert max(counts) <= 4_000


def test_pages_divide_a_table_without_a_key(sql: psycopg.Connection[Any], secret: Secret, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, filler text)")
    sql.execute(f"INSERT INTO {table} SELECT n, repeat('x', 100) FROM generate_series(1, 10000) n")
    counts = _rows_by_range(secret, table)
    assert sum(counts) == 10_000
    assert len(counts) == READERS * RANGES_PER_READER
    assert max(counts) < 2 * 10_000 / len(counts)


def test_an_empty_table_is_divided_too(sql: psycopg.Connection[Any], secret: Secret, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY)")
    assert sum(_rows_by_range(secret, table)) == 0


def test_partitions_of_a_table_are_all_read(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int) PARTITION BY RANGE (id)")
    sql.execute(f"CREATE TABLE {table}_1 PARTITION OF {table} FOR VALUES FROM (0) TO (10)")
    sql.execute(f"CREATE TABLE {table}_2 PARTITION OF {table} DEFAULT")
    sql.execute(f"INSERT INTO {table} SELECT n FROM generate_series(1, 5000) n")
    loaded = lake.load(a_job(table_name=table, parallelism=READERS))
    assert set(loaded.column("id").to_pylist()) == set(range(1, 5001))
    assert loaded.num_rows == 5000


def test_a_view_is_divided_by_a_named_column(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE VIEW {table} AS SELECT n AS id FROM generate_series(1, 1000) n")
    loaded = lake.load(a_job(table_name=table, parallelism=READERS, partition_column="ID"))
    assert set(loaded.column("id").to_pylist()) == set(range(1, 1001))
    assert loaded.num_rows == 1000


def test_readers_see_one_picture_while_others_write(
    lake: Lake,
    services: LocalServices,
    sql: psycopg.Connection[Any],
    database_name: str,
    table: str,
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, account int, amount bigint)")
    sql.execute(f"INSERT INTO {table} SELECT n, n % 10, 100 FROM generate_series(1, 20000) n")
    begun, done = threading.Event(), threading.Event()
    oldest = f"SELECT min(id) FROM {table} WHERE id NOT IN (1, 20000)"

    def move_money() -> None:
        with services.postgres.connect(database_name) as writer:
            while not done.is_set():
                writer.execute(f"UPDATE {table} SET amount = amount - 1 WHERE id = 1")
                writer.execute(f"UPDATE {table} SET amount = amount + 1 WHERE id = 20000")
                writer.execute(f"DELETE FROM {table} WHERE id = ({oldest})")
                writer.execute(f"INSERT INTO {table} SELECT max(id) + 1, 1, 100 FROM {table}")
                writer.commit()
                begun.set()

    mover = threading.Thread(target=move_money)
    mover.start()
    try:
        assert begun.wait(60)
        loaded = lake.load(a_job(table_name=table, parallelism=READERS))
    finally:
        done.set()
        mover.join()
    assert loaded.num_rows == 20_000
    assert pc.sum(loaded.column("amount")).as_py() == 2_000_000


def test_a_first_incremental_load_is_divided_and_the_next_goes_on(
    lake: Lake, sql: psycopg.Connection[Any], table: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, at timestamptz NOT NULL)")
    sql.execute(
        f"INSERT INTO {table} SELECT n, '2024-01-01'::timestamptz + n % 97 * interval '1 h' "
        "FROM generate_series(1, 5000) n"
    )
    job = a_job(
        table_name=table,
        load_type="INCREMENTAL",
        watermark_column="at",
        parallelism=READERS,
    )
    assert lake.load(job).num_rows == 5000
    sql.execute(f"INSERT INTO {table} VALUES (5001, '2024-01-05 00:00'), (5002, '2025-01-01')")
    assert set(lake.load(job).column("id").to_pylist()) == set(range(1, 5003))


def _rows_by_range(secret: Secret, table: str, **settings: Any) -> list[int]:
    job = a_job(table_name=table, parallelism=READERS, **settings)
    source = PostgresSource(job, secret, ReadOptions())
    source._engine = source.engine()
    reflected = source._reflect(source._engine)
    columns = source._read_columns(reflected)
    read = TableRead(job, source, ReadOptions(), reflected, columns, pa.schema([]))
    with source.snapshot(reflected, READERS) as snapshot:
        ranges = ranges_of(job, reflected, snapshot, READERS)
        return [_count(snapshot.read(read.select(sa.select(reflected).where(one)), columns)) for one in ranges]


def _count(batches: Iterator[Any]) -> int:
    return sum(batch.num_rows for batch in batches)
