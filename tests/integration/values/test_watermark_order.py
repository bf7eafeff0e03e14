"""What is new is decided by the source's own order, or the column is refused: no row is passed over in silence."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.values.conftest import MakeTable

ORDERED = [
    ("numeric(40,0)", ["8", "9"], ["10", "11"], "12"),
    ("numeric(60,20)", ["8.5", "9.5"], ["10.25", "100"], "1e39"),
    ("numeric(10,2)", ["8", "9"], ["10", "11"], "12"),
    ("numeric", ["8", "9"], ["10", "11"], "12"),
    ("double precision", ["8", "9"], ["10", "1e300"], "1e301"),
    ("real", ["8", "9"], ["10", "11"], "12"),
    ("smallint", ["8", "9"], ["10", "11"], "12"),
    ("citext", ["a", "B"], ["b", "c", "D"], "e"),
    ('text COLLATE "C"', ["B", "a"], ["b", "ä"], "ö"),
    ("varchar(10)", ["A", "a"], ["a", " b", "b"][::2], "c"),
    ('char(5) COLLATE "C"', ["a", "b"], ["b\t", "c"], "d"),
    ("char(5)", ["a", "b"], ["b", "c"], "d"),
    ("bpchar", ["a", "b  "], ["b", "c "], "d"),
    ("name", ["a", "b"], ["b", "c"], "d"),
    ("uuid", ["00000000-0000-0000-0000-00000000000a"], ["0a000000-0000-0000-0000-000000000000"], "f" * 32),
    ("date", ["0001-01-01", "2024-01-31"], ["2024-02-01"], "2024-10-01"),
    ("precise", ["8", "9.00000000000000000001"], ["9.00000000000000000002", "10"], "11"),
    ("more_precise", ["8", "9"], ["10"], "11"),
    ("moment", ["2024-01-31 23:00-05"], ["2024-02-01 04:00:00.001Z"], "2024-10-01"),
    ("code", ["A", "a"], ["b"], "c"),
    ("key", ["00000000-0000-0000-0000-00000000000a"], ["0a000000-0000-0000-0000-000000000000"], "f" * 32),
    ("timestamptz", ["2024-01-31 23:00-05"], ["2024-02-01 04:00:00.000001Z"], "2024-10-01"),
]


@pytest.fixture(scope="module")
def domains(sql: psycopg.Connection[Any]) -> None:
    """Domains over types of each kind of order."""
    sql.execute(
        "CREATE DOMAIN precise AS numeric(30, 20); CREATE DOMAIN more_precise AS precise CHECK (VALUE > 0);"
        "CREATE DOMAIN moment AS timestamptz(3); CREATE DOMAIN code AS text; CREATE DOMAIN key AS uuid;"
        "CREATE DOMAIN several AS int[]; CREATE DOMAIN price AS money"
    )


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize(("kind", "first", "second", "third"), ORDERED, ids=[one[0] for one in ORDERED])
@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_later_values_of_the_source_are_loaded_once(
    job_of: MakeTable,
    sql: psycopg.Connection[Any],
    table: str,
    kind: str,
    first: list[str],
    second: list[str],
    third: str,
    table_format: str,
) -> None:
    sql.execute(f"CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE {table} (id serial, c {kind} NOT NULL)")
    job = job_of(table, watermark_column="c", table_format=table_format)
    expected = 0
    for batch in (first, second, [], [third]):
        for value in batch:
            sql.execute(f"INSERT INTO {table} (c) VALUES (%s)", [value])
        job.load()
        expected += len(batch)
        assert job.column() == sorted(range(1, expected + 1), key=str)


def test_values_that_the_source_takes_for_equal_are_at_the_watermark_together(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str
) -> None:
    sql.execute(f"CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE {table} (id serial, c citext NOT NULL)")
    job = job_of(table, watermark_column="c")
    for values in (["abc", "ABC"], ["Abc"], [], ["aBD"]):
        for value in values:
            sql.execute(f"INSERT INTO {table} (c) VALUES (%s)", [value])
        job.load()
    assert job.column() == [1, 2, 3, 4]


REFUSED_DOMAINS = ["several", "price"]
REFUSED = [
    "numeric(10,2)[]",
    "money",
    "inet",
    "int[]",
    "jsonb",
    "interval",
    "boolean",
    "bytea",
    "timetz",
    "int4range",
    '"char"',
]


@pytest.mark.usefixtures("domains")
@pytest.mark.parametrize("kind", [*REFUSED, *REFUSED_DOMAINS, "mood", "time"])
def test_a_column_without_an_order_in_the_lake_is_refused_at_dry_run_and_first_load(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str, kind: str
) -> None:
    sql.execute("DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
    sql.execute(f"CREATE TABLE {table} (id serial, c {kind} NOT NULL)")
    job = job_of(table, watermark_column="c")
    with pytest.raises(Exception, match=r"Column 'c' .* cannot be a watermark_column"):
        job.examine()
    kind_of_error, retryable, message = job.fail()
    assert (kind_of_error, retryable) == ("source", False)
    assert "Column 'c'" in message


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, value) for kind in ("double precision", "real", "numeric") for value in ("NaN", "inf", "-inf")),
        ("numeric(40,0)", "NaN"),  # which has no infinity
    ],
)
def test_what_is_not_finite_is_refused_in_the_first_and_in_later_loads(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str, kind: str, value: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, c {kind}); INSERT INTO {table} VALUES (1, 1.5)")
    job = job_of(table, watermark_column="c")
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (2, '{value}'), (3, 2.5)")
    assert "NaN or infinite" in job.fail()[2]
    with pytest.raises(Exception, match="NaN or infinite"):
        job.examine()
    sql.execute(f"DELETE FROM {table} WHERE id = 2")
    job.load()
    assert job.column() == [1, 3]


TYPE_CHANGES = [  # of the watermark column itself
    ("int", "bigint", ["1", "2"], "3"),
    ("int", "numeric(10,2)", ["1", "2"], "3"),
    ("numeric(10,2)", "int", ["1", "2"], "3"),
    ("numeric(10,2)", "numeric(14,2)", ["1.50", "2"], "2.25"),
    ("int", "double precision", ["1", "2"], "3"),
    ("date", "timestamp", ["2024-01-01", "2024-01-02"], "2024-01-03"),
    ("varchar(5)", "text", ["a", "b"], "c"),
]


@pytest.mark.parametrize(("before", "after", "first", "next_value"), TYPE_CHANGES)
def test_a_watermark_column_of_another_type_continues_where_the_order_is_the_same(
    job_of: MakeTable,
    sql: psycopg.Connection[Any],
    table: str,
    before: str,
    after: str,
    first: list[str],
    next_value: str,
) -> None:
    sql.execute(f"CREATE TABLE {table} (id serial PRIMARY KEY, c {before} NOT NULL)")
    for value in first:
        sql.execute(f"INSERT INTO {table} (c) VALUES (%s)", [value])
    job = job_of(table, watermark_column="c")
    job.load()
    sql.execute(f"ALTER TABLE {table} ALTER c TYPE {after}; INSERT INTO {table} (c) VALUES ('{next_value}')")
    for _ in range(2):
        job.load()
        assert job.column() == [1, 2, 3]


@pytest.mark.parametrize(("before", "after"), [("int", "text"), ("text", "int"), ("timestamp", "timestamptz")])
def test_a_watermark_column_whose_new_type_has_another_order_waits_for_a_full_refresh(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str, before: str, after: str
) -> None:
    value = "2024-01-01" if before == "timestamp" else "1"
    sql.execute(f"CREATE TABLE {table} (id serial, c {before} NOT NULL); INSERT INTO {table} (c) VALUES ('{value}')")
    job = job_of(table, watermark_column="c")
    job.load()
    sql.execute(f"ALTER TABLE {table} ALTER c TYPE {after} USING c::{after}")
    kind, retryable, message = job.fail()
    assert (kind, retryable) == ("source", False)
    assert "has another type now" in message
    assert "full refresh" in message
    job.load(full_refresh=True)
    assert job.column() == [1]


def test_a_primary_key_that_is_not_unique_at_the_source_is_said_in_these_words(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, c int); INSERT INTO {table} VALUES (1, 1), (2, 1)")
    job = job_of(table, watermark_column="c", primary_key="id", table_format="delta")
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (1, 2), (1, 3)")
    message = job.fail()[2]
    assert "primary_key" in message
    assert "unique" in message
    assert job.column() == [1, 2]
