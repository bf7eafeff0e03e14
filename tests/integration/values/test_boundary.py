"""Rows at the watermark come once, however a load spells them; if that cannot be known, the result says so."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]

SPELLINGS = [
    ("numeric(10,2)", "100", "100"),
    ("numeric(10,2)", "100", "1E2"),
    ("numeric", "100.5", "100.50"),
    ("numeric(40,3)", "100.5", "100.5"),
    ("double precision", "100", "100"),
    ("double precision", "100", "1e2"),
    ("int", "100", "100.00"),
    ("int", "100", "+100"),
    ("timestamp", "2024-01-31", "2024-01-31T00:00"),
    ("timestamp", "2024-01-31", "2024-01-31T01:00:00+01:00"),
    ("timestamptz", "2024-01-31", "2024-01-31"),
    ("date", "2024-01-31", "2024-01-31T00:00:00"),
    ("text", "A1", "A1"),
]


@pytest.mark.parametrize(("kind", "value", "spelling"), SPELLINGS)
def test_a_watermark_may_be_spelled_in_another_way_than_the_column_prints(
    job_of: MakeTable, sql: Sql, table: str, kind: str, value: str, spelling: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, c {kind}); INSERT INTO {table} VALUES (1, '{value}'), (2, '{value}')")
    job = job_of(table, watermark_column="c", last_watermark=spelling)
    for _ in range(3):
        job.load()
        assert job.column() == [1, 2]
    sql.execute(f"INSERT INTO {table} VALUES (3, '{value}')")
    job.load()
    assert job.column() == [1, 2, 3]


def test_a_discarded_value_makes_no_row_new(job_of: MakeTable, sql: Sql, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, v date); INSERT INTO {table} VALUES (1, '2024-01-01')")
    job = job_of(table, watermark_column="id", schema_contract="discard_value")
    job.load()
    sql.execute(f"ALTER TABLE {table} ALTER v TYPE timestamp; INSERT INTO {table} VALUES (2, '2024-01-02 13:45')")
    job.load()
    assert job.tuples() == [(1, date(2024, 1, 1)), (2, None)]


CHANGES = [  # type, value, type, USING; the row at the watermark is the same row whatever its value becomes
    ("text", "2024-01-01 10:00:00", "timestamp", "v::timestamp"),
    ("text", "2024-01-01 10:00:00+00", "timestamptz", "v::timestamptz"),
    ("text", "1.5", "numeric(10,2)", "v::numeric"),
    ("text", "007", "int", "v::int"),
    ("text", "true", "boolean", "v::boolean"),
    ("int", "7", "numeric(10,2)", "v"),
    ("int", "7", "bigint", "v"),
    ("int", "7", "double precision", "v"),
    ("int", "1", "boolean", "v = 1"),
    ("boolean", "true", "int", "v::int"),
    ("numeric(10,2)", "1.50", "numeric(12,4)", "v"),
    ("date", "2024-01-01", "timestamp", "v"),
    ("varchar(5)", "a", "text", "v"),
    ("json", "[1, 2]", "jsonb", "v::jsonb"),
]


@pytest.mark.parametrize(("before", "value", "after", "using"), CHANGES)
@pytest.mark.parametrize(("contract", "primary_key"), [("evolve", None), ("discard_value", None), ("evolve", "id")])
def test_a_changed_type_makes_no_row_new(
    job_of: MakeTable,
    sql: Sql,
    table: str,
    before: str,
    value: str,
    after: str,
    using: str,
    contract: str,
    primary_key: str | None,
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, v {before}); INSERT INTO {table} VALUES (1, '{value}')")
    job = job_of(table, watermark_column="id", schema_contract=contract, primary_key=primary_key)
    job.load()
    sql.execute(f"ALTER TABLE {table} ALTER v TYPE {after} USING {using}")
    for _ in range(2):
        job.load()
        assert job.column() == [1]
    sql.execute(f"INSERT INTO {table} VALUES (2, NULL)")
    job.load()
    assert job.column() == [1, 2]


def a_view(sql: Sql, table: str) -> str:
    """A view with a column that is another in every query."""
    sql.execute(f"CREATE TABLE {table} (id int); INSERT INTO {table} VALUES (1), (2)")
    sql.execute(f"CREATE VIEW {table}_seen AS SELECT id, clock_timestamp() AS seen FROM {table}")
    return f"{table}_seen"


def test_a_column_that_is_another_in_every_query_is_said_and_does_not_double_rows_for_ever(
    job_of: MakeTable, sql: Sql, table: str
) -> None:
    job = job_of(a_view(sql, table), watermark_column="id")
    assert job.load().warnings == ()
    (warning,) = job.load().warnings
    assert warning.startswith("1 rows at 2 in watermark_column 'id' are not as the last load found them")
    assert "excluded_columns" in warning
    kind, retryable, message = job.fail()
    assert (kind, retryable) == ("source", False)
    assert "for the second time" in message
    assert job.column() == [1, 2, 2]
    sql.execute(f"INSERT INTO {table} VALUES (3)")
    job.load()  # the watermark moves on
    assert job.column() == [1, 2, 2, 2, 3]
    job.change(excluded_columns="seen")
    assert job.attempt().error is None
    assert job.column() == [1, 2, 2, 2, 3]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_primary_key_knows_a_row_whatever_else_changes(
    job_of: MakeTable, sql: Sql, table: str, table_format: str
) -> None:
    job = job_of(a_view(sql, table), watermark_column="id", primary_key="id", table_format=table_format)
    for _ in range(3):
        warnings = job.load().warnings
        assert job.column() == [1, 2]
    assert bool(warnings) == (table_format == "parquet")  # which keeps the row as it was


def test_delta_takes_an_update_at_the_watermark(job_of: MakeTable, sql: Sql, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, c int, v text); INSERT INTO {table} VALUES (1, 5, 'a'), (2, 5, 'b')")
    job = job_of(table, watermark_column="c", primary_key="id", table_format="delta")
    job.load()
    sql.execute(f"UPDATE {table} SET v = 'c' WHERE id = 2; INSERT INTO {table} VALUES (3, 5, 'd')")
    assert job.load().rows_written == 2
    assert job.tuples() == [(1, 5, "a"), (2, 5, "c"), (3, 5, "d")]
    assert job.load().rows_written == 0


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_key_without_a_value_is_said_in_one_sentence(
    job_of: MakeTable, sql: Sql, table: str, table_format: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, c int, v text); INSERT INTO {table} VALUES (1, 1, 'a')")
    job = job_of(table, watermark_column="c", primary_key="id", table_format=table_format)
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (NULL, 2, 'b')")
    kind, retryable, message = job.fail()
    assert (kind, retryable) == ("source", False)
    assert "Column 'id' is in primary_key and NULL in some rows" in message
    job.change(query_filter="id IS NOT NULL")
    job.load(full_refresh=True)
    assert job.column() == [1]


RESPELLED = [
    ("char(5)", "a", "text"),
    ("char(5)", "a", "char(8)"),
    ("varchar(5)", "a", "char(5)"),
    ("text", "007", "int"),
]


@pytest.mark.parametrize(("before", "value", "after"), RESPELLED)
def test_a_key_that_prints_otherwise_since_its_type_changed_doubles_no_row(
    job_of: MakeTable, sql: Sql, table: str, before: str, value: str, after: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id {before} PRIMARY KEY, c int); INSERT INTO {table} VALUES ('{value}', 1)")
    by_key = job_of(table, watermark_column="c", primary_key="id", table_format="delta")
    plain = job_of(table, watermark_column="c")
    by_key.load()
    plain.load()
    sql.execute(f"ALTER TABLE {table} ALTER id TYPE {after} USING id::{after}")
    for _ in range(2):
        plain.load()  # knows the row at the watermark by its number
        assert plain.column("c") == [1]
    sql.execute(f"UPDATE {table} SET c = 2")
    kind, retryable, message = by_key.fail()
    assert (kind, retryable) == ("source", False)
    assert "Column 'id' of primary_key was" in message
    by_key.load(full_refresh=True)
    by_key.load()
    assert by_key.column("c") == [2]


def test_a_key_that_only_becomes_longer_continues(job_of: MakeTable, sql: Sql, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id varchar(5) PRIMARY KEY, c int); INSERT INTO {table} VALUES ('a', 1)")
    job = job_of(table, watermark_column="c", primary_key="id", table_format="delta")
    job.load()
    sql.execute(f"ALTER TABLE {table} ALTER id TYPE text; UPDATE {table} SET c = 2")
    job.load()
    assert job.tuples() == [("a", 2)]
