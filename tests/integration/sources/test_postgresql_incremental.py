"""INCREMENTAL loads of PostgreSQL tables: what is new comes, once, whatever the watermark column holds."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from localhost.services import LocalServices
from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources import boundary
from tests.builders import a_job
from tests.integration.sources.conftest import Lake


def incremental(table: str, cursor: str = "at", **settings: Any) -> Job:
    return a_job(table_name=table, load_type="INCREMENTAL", watermark_column=cursor, **settings)


def ids(loaded: pa.Table) -> list[Any]:
    values: list[Any] = loaded.column("id").to_pylist()
    return sorted(values)


CURSORS = [
    ("bigint", ["1", "5", "5"], ["5", "6", "9223372036854775807"]),
    ("numeric(20, 3)", ["1.5", "2.125", "2.125"], ["2.125", "2.126", "99999999999999999.999"]),
    ("numeric", ["1.5", "2.25", "2.25"], ["2.25", "2.250000001", "3"]),
    ("double precision", ["1.5", "2.25", "2.25"], ["2.25", "2.2500000001", "3"]),
    ("date", ["2024-01-01", "2024-02-29", "2024-02-29"], ["2024-02-29", "2024-03-01", "9999-12-31"]),
    ("timestamp", ["2024-03-31 01:59:59.999999", "2024-03-31 02:30:00"], ["2024-03-31 02:30:00", "2024-03-31 03:00"]),
    ("timestamp", ["0044-03-15 BC", "0001-01-01"], ["0001-01-01", "9999-12-31 23:59:59.999999"]),
    (
        "timestamptz",  # the hour that New York has twice
        ["2024-11-03 01:30:00-04", "2024-11-03 01:30:00-04"],
        ["2024-11-03 01:30:00-04", "2024-11-03 01:30:00-05", "2024-11-03 02:00:00-05"],
    ),
    ("text", ["B", "a", "ä"], ["ä", "ö", "ü'\\%"]),
    ("text", ["Z", "a"], ["a", "b", "\U0001f600"]),
    (
        "uuid",
        ["00000000-0000-0000-0000-000000000001", "7fffffff-0000-0000-0000-000000000000"],
        ["7fffffff-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ),
]


@pytest.mark.parametrize(("cursor_type", "first", "later"), CURSORS)
def test_new_rows_come_once_for_any_cursor(
    lake: Lake, sql: psycopg.Connection[Any], table: str, cursor_type: str, first: list[str], later: list[str]
) -> None:
    sql.execute(f"CREATE TABLE {table} (id serial, at {cursor_type} NOT NULL)")
    job = incremental(table)
    for batch in (first, later, []):
        for value in batch:
            sql.execute(f"INSERT INTO {table} (at) VALUES (%s::{cursor_type})", [value])
        loaded = lake.load(job)
    assert ids(loaded) == list(range(1, len(first) + len(later) + 1))


@pytest.mark.parametrize(
    ("cursor_type", "initial", "expected"),
    [
        ("timestamp", "2024-01-02T00:00:00", [2, 3]),
        ("timestamp", "2024-01-02T01:00:00+01:00", [2, 3]),
        ("timestamptz", "2024-01-02", [2, 3]),
        ("timestamptz", "2024-01-02T00:00:01Z", [3]),
        ("date", "2024-01-02", [2, 3]),
    ],
)
def test_the_first_load_starts_at_last_watermark(
    lake: Lake, sql: psycopg.Connection[Any], table: str, cursor_type: str, initial: str, expected: list[int]
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at {cursor_type} NOT NULL)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-03')")
    assert lake.load(incremental(table, last_watermark=initial)).column("id").to_pylist() == expected


@pytest.mark.parametrize(
    ("cursor_type", "initial", "message"),
    [
        ("int", "yesterday", "last_watermark 'yesterday' is not a value of column 'at' (int64); write it like 1000."),
        ("timestamp", "31.01.2024", "last_watermark '31.01.2024' is not a value of column 'at'"),
        ("boolean", None, "Column 'at' (bool) cannot be a watermark_column"),
        ("bytea", None, "Column 'at' (binary) cannot be a watermark_column"),
    ],
)
def test_a_watermark_that_cannot_be_is_refused(
    lake: Lake, sql: psycopg.Connection[Any], table: str, cursor_type: str, initial: str | None, message: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at {cursor_type} NOT NULL)")
    with pytest.raises(SourceError) as caught:
        lake.load(incremental(table, last_watermark=initial))
    assert message in str(caught.value)


def test_a_null_watermark_is_refused_unless_filtered_out(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at timestamp)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01'), (2, NULL)")
    with pytest.raises(SourceError, match="is NULL in some rows"):
        lake.load(incremental(table))
    assert lake.load(incremental(table, query_filter="at IS NOT NULL")).column("id").to_pylist() == [1]


def test_a_row_that_changes_within_its_tick_comes_again(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at date NOT NULL, state text)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01', 'new'), (2, '2024-01-01', 'new')")
    lake.load(incremental(table))
    sql.execute(f"UPDATE {table} SET state = 'paid' WHERE id = 2")
    loaded = lake.load(incremental(table))
    assert sorted(zip(loaded["id"].to_pylist(), loaded["state"].to_pylist(), strict=True)) == [
        (1, "new"),
        (2, "new"),
        (2, "paid"),
    ]


def test_equal_rows_are_counted_and_not_merged(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at date NOT NULL)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01'), (1, '2024-01-01')")
    assert lake.load(incremental(table)).num_rows == 2
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01')")
    assert lake.load(incremental(table)).num_rows == 3
    assert lake.load(incremental(table)).num_rows == 3


def test_a_column_added_since_does_not_double_rows_at_the_watermark(
    lake: Lake, sql: psycopg.Connection[Any], table: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at date NOT NULL)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01'), (2, '2024-01-02')")
    lake.load(incremental(table))
    sql.execute(f"ALTER TABLE {table} ADD note text DEFAULT 'none'")
    sql.execute(f"INSERT INTO {table} VALUES (3, '2024-01-02', 'x')")
    assert ids(lake.load(incremental(table))) == [1, 2, 3]
    assert ids(lake.load(incremental(table))) == [1, 2, 3]


def test_a_column_dropped_since_does_not_double_rows_at_the_watermark(
    lake: Lake, sql: psycopg.Connection[Any], table: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, note text, at date NOT NULL)")
    sql.execute(f"INSERT INTO {table} VALUES (1, 'a', '2024-01-01'), (2, 'b', '2024-01-02')")
    lake.load(incremental(table))
    sql.execute(f"ALTER TABLE {table} DROP note")
    sql.execute(f"INSERT INTO {table} VALUES (3, '2024-01-03')")
    assert ids(lake.load(incremental(table))) == [1, 2, 3]


def test_a_full_refresh_starts_over(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at date NOT NULL)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01'), (2, '2024-01-02')")
    lake.load(incremental(table))
    sql.execute(f"INSERT INTO {table} VALUES (3, '2024-01-03')")
    assert ids(lake.load(incremental(table), full_refresh=True)) == [1, 2, 3]
    assert ids(lake.load(incremental(table))) == [1, 2, 3]


def test_many_rows_at_the_watermark_come_once_or_are_refused(
    lake: Lake, sql: psycopg.Connection[Any], table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "EXACT_ROWS", 100)
    sql.execute(f"CREATE TABLE {table} (id int, at timestamptz NOT NULL)")
    sql.execute(f"INSERT INTO {table} SELECT n, '2024-01-01' FROM generate_series(1, 1000) n")
    assert lake.load(incremental(table)).num_rows == 1000
    sql.execute(f"INSERT INTO {table} VALUES (1001, '2024-01-02')")
    assert lake.load(incremental(table)).num_rows == 1001
    sql.execute(f"INSERT INTO {table} SELECT n, '2024-01-02' FROM generate_series(1002, 2000) n")
    assert lake.load(incremental(table)).num_rows == 2000
    assert lake.load(incremental(table)).num_rows == 2000
    sql.execute(f"INSERT INTO {table} VALUES (2001, '2024-01-02')")
    with pytest.raises(SourceError, match="1000 rows had the value 2024-01-02"):
        lake.load(incremental(table))


def test_the_state_keeps_the_type_of_the_watermark(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, at timestamptz NOT NULL, day date)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '2024-01-01 00:00+02', '2024-01-01')")
    assert lake.load(incremental(table)).column("at").to_pylist() == [datetime(2023, 12, 31, 22, tzinfo=UTC)]
    assert lake.load(incremental(table)).column("day").to_pylist() == [date(2024, 1, 1)]


def test_rows_of_a_transaction_in_progress_come_with_a_later_load_where_xid8_is_the_watermark(
    services: LocalServices, database_name: str, sql: psycopg.Connection[Any], table: str, lake: Lake
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, tx xid8 NOT NULL DEFAULT pg_current_xact_id())")
    job = a_job(table_name=table, load_type="INCREMENTAL", watermark_column="tx", verify="SUMS")
    sql.execute(f"INSERT INTO {table} (id) VALUES (1)")
    with services.postgres.connect(database_name) as slow:
        slow.execute(f"INSERT INTO {table} (id) VALUES (2)")
        sql.execute(f"INSERT INTO {table} (id) VALUES (3)")  # a later transaction, committed first
        assert set(lake.load(job)["id"].to_pylist()) == {1}
    assert sorted(map(str, lake.load(job)["id"].to_pylist())) == ["1", "2", "3"]
    assert lake.load(job)["tx"].type == pa.int64()
    assert lake.load(job).num_rows == 3
