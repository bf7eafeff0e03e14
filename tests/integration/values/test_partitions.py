"""Every value of a Delta table's partition column comes back as it was, or the load is refused."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]

KEPT = [
    ("text", ["a", "null", "NULL", "a/b", "a=b", "%41", " a ", "é", "a\nb", "'", '"', "\\", ".", "true", None]),
    ("bigint", [0, -1, 2**63 - 1, -(2**63), None]),
    ("numeric(5, 0)", [1, -1, None]),
    ("boolean", [True, False, None]),
    ("date", ["2024-01-02", "0001-01-01", "9999-12-31", None]),
    ("timestamp", ["2024-01-02 03:04:05.678901", "1900-01-01", None]),
    ("timestamptz", ["2024-01-02 03:04:05.678901Z", None]),
]


@pytest.mark.parametrize(("kind", "values"), KEPT, ids=[kind for kind, _ in KEPT])
def test_every_value_comes_back(job_of: MakeTable, sql: Sql, table: str, kind: str, values: list[Any]) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, p {kind})")
    for number, value in enumerate(values):
        sql.execute(f"INSERT INTO {table} VALUES (%s, %s)", [number, value])
    partitioned = job_of(table, watermark_column="id", table_format="delta", partition_by="p")
    plain = job_of(table)
    plain.load()
    partitioned.load()
    assert partitioned.tuples() == plain.tuples()


@pytest.mark.parametrize("value", ["", "__HIVE_DEFAULT_PARTITION__"])
def test_a_text_that_would_come_back_as_null_is_refused(job_of: MakeTable, sql: Sql, table: str, value: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, p text); INSERT INTO {table} VALUES (1, 'a')")
    job = job_of(table, watermark_column="id", table_format="delta", partition_by="p")
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (2, %s)", [value])
    kind, retryable, message = job.fail()
    assert (kind, retryable) == ("lake", False)
    assert f"holds '{value}'" in message
    assert job.column() == [1]


@pytest.mark.parametrize("kind", ["bytea", "double precision", "real", "numeric(10, 2)"])
def test_a_type_whose_values_change_is_refused(job_of: MakeTable, sql: Sql, table: str, kind: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, p {kind}); INSERT INTO {table} VALUES (1, '1')")
    assert "partition_by 'p'" in job_of(table, table_format="delta", partition_by="p").fail()[2]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("value", ["0001-12-31 13:45 BC", "10000-01-01"])
def test_a_year_that_delta_cannot_spell_is_refused(
    job_of: MakeTable, sql: Sql, table: str, kind: str, value: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, p {kind}); INSERT INTO {table} VALUES (1, '9999-12-31'), (2, NULL)")
    job = job_of(table, watermark_column="id", table_format="delta", partition_by="p")
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (3, '{value}')")
    kind_of_error, retryable, message = job.fail()
    assert (kind_of_error, retryable) == ("lake", False)
    assert "Column 'p'" in message
    assert "years 1 to 9999" in message
    assert job.column() == [1, 2]
