"""Columns and tables of any name are read, compared, upserted and partitioned under the name of the source."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql as names_of
from psycopg.sql import Identifier

from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]

NAMES = [
    "Updated At",
    'x"y',
    "x'y",
    "a;b",
    "a$b",
    "a%b",
    "a%(b)s",
    "a.b",
    "a{b}",
    "naïve",
    "日本",
    "1st",
    "a=b",
    "select",
    "a\\b",
    "a/b",
    "a[0]",
    "a:b",
    "_dlt_id",
    "$",
]


def create(sql: Sql, table: str, name: str, kind: str = "int") -> None:
    """A table with columns `id`, the given one, and `x_y`."""
    text = "CREATE TABLE {} (id int, {} " + kind + " NOT NULL, x_y text)"  # a kind of our own
    sql.execute(names_of.SQL(text).format(Identifier(table), Identifier(name)))


def insert(sql: Sql, table: str, *values: Any) -> None:
    sql.execute(
        names_of.SQL("INSERT INTO {} VALUES (%s, %s, 'z')").format(Identifier(table.replace("%", "%%"))), values
    )


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_any_name_can_be_cursor_and_key(
    job_of: MakeTable, sql: Sql, table: str, name: str, table_format: str
) -> None:
    create(sql, table, name)
    insert(sql, table, 1, 5)
    job = job_of(table, watermark_column=name, primary_key=name, table_format=table_format)
    job.load()
    insert(sql, table, 2, 6)
    for _ in range(2):
        job.load()
        assert job.table().column_names == ["id", name, "x_y"]
        assert job.column(name) == [5, 6]
    assert job.examine().watermark_column == name


def test_a_name_that_delta_cannot_refer_to_is_refused(job_of: MakeTable, sql: Sql, table: str) -> None:
    create(sql, table, "a`b")
    assert "has a ` in its name" in job_of(table, table_format="delta").fail()[2]
    job_of(table).load()


@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_any_name_can_partition(job_of: MakeTable, sql: Sql, table: str, name: str) -> None:
    create(sql, table, name, "text")
    job = job_of(table, watermark_column="id", table_format="delta", partition_by=name)
    for number, value in enumerate(["a b", "ü/%=?&#"]):
        insert(sql, table, number, value)
        job.load()
    assert job.column(name) == ["a b", "ü/%=?&#"]


TABLES = [
    *("v2.0 data", "{x}", "50% off", 'q"x', "a/b", "a_b", "a:b"),
    *("_dlt_x", ".hidden", "init", "_delta_log", "größe", "~", "CON", "aux"),
]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_name_has_a_folder_of_its_own(job_of: MakeTable, sql: Sql, name: str, table_format: str) -> None:
    sql.execute(names_of.SQL("DROP TABLE IF EXISTS {}").format(Identifier(name)))
    create(sql, name, "c")
    job = job_of(name, watermark_column="id", table_format=table_format)
    for number in (1, 2):
        insert(sql, name, number, number)
        job.load()
    assert job.column() == [1, 2]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_column_that_is_renamed_by_case_keeps_its_name_in_the_lake(
    job_of: MakeTable, sql: Sql, table: str, table_format: str
) -> None:
    sql.execute(f'CREATE TABLE {table} (id int PRIMARY KEY, "Amount" int, "Key" int)')
    sql.execute(f"INSERT INTO {table} VALUES (1, 10, 1)")
    job = job_of(table, watermark_column="id", primary_key="Key", table_format=table_format)
    job.load()
    sql.execute(f'ALTER TABLE {table} RENAME "Amount" TO amount')
    sql.execute(f'ALTER TABLE {table} RENAME "Key" TO "KEY"')
    sql.execute(f'ALTER TABLE {table} RENAME id TO "ID"')
    sql.execute(f"INSERT INTO {table} VALUES (2, 20, 2)")
    for _ in range(2):
        job.load()
        assert job.tuples() == [(1, 10, 1), (2, 20, 2)]
        assert job.table().column_names == ["id", "Amount", "Key"]


@pytest.mark.parametrize("load_type", ["FULL", "INCREMENTAL"])
@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_two_columns_that_differ_in_case_only_are_refused(
    job_of: MakeTable, sql: Sql, table: str, table_format: str, load_type: str
) -> None:
    sql.execute(f'CREATE TABLE {table} (id int, "Name" text, name text)')
    job = job_of(table, watermark_column="id", load_type=load_type, table_format=table_format)
    assert job.fail()[::2] == (
        "source",
        f"Columns Name, name of table 'public.{table}' differ in case only, which Delta and Spark take for one column: "
        "leave one out with excluded_columns.",
    )
    with pytest.raises(Exception, match="differ in case only"):
        job.examine()


def test_a_key_in_another_case_is_the_column(job_of: MakeTable, sql: Sql, table: str) -> None:
    sql.execute(f'CREATE TABLE {table} ("Id" int, "At" int); INSERT INTO {table} VALUES (1, 1)')
    job = job_of(table, watermark_column="at", primary_key="ID", partition_by="aT", table_format="delta")
    job.load()
    sql.execute(f"INSERT INTO {table} VALUES (1, 2)")
    job.load()
    assert job.tuples() == [(1, 2)]
