"""Names that T-SQL must quote, synonyms, and how a table is divided among readers, by both drivers."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors.hierarchy import SourceError
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.tds_standin.service import TdsService

NAMES = [
    "Tab.le",
    "it's",
    "50 %",
    "a:b",
    'the "best"',
    "clo]sed",
    "[opened",
    "Größe",
    "select",
    "a b",
    "x;y",
    "%s",
    "a\\b",
]


def full(table: str, **cells: Any) -> Any:
    return a_job(source_type="MSSQL", **{"schema_name": "dbo", "table_name": table, **cells})


def quoted(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_a_tables_a_schemas_and_a_columns(
    server: TdsService, lake: Lake, table: str, name: str
) -> None:
    schema = f"{name} {table}"
    column = quoted(name)
    server.execute(
        f"CREATE SCHEMA {quoted(schema)}",
        f"CREATE TABLE {quoted(schema)}.{column} ({column} int NOT NULL PRIMARY KEY, other int)",
        f"INSERT INTO {quoted(schema)}.{column} VALUES (1, 10), (2, 20), (3, NULL)",
    )
    job = full(name, schema_name=schema, parallelism=2, verify="SUMS")
    loaded = lake.load(job)
    assert set(loaded.column(0).to_pylist()) == {1, 2, 3}
    assert loaded.column_names[1] == "other"


def test_a_synonym_is_read_as_the_table_behind_it(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)",
        f"INSERT INTO {table} VALUES (1), (2)",
        f"CREATE SYNONYM {table}_s FOR dbo.{table}",
        f"CREATE SYNONYM {table}_ss FOR {table}_s",
    )
    for name in (f"{table}_s", f"{table}_ss"):
        assert lake.load(full(name, parallelism=2)).num_rows == 2


def test_a_synonym_of_another_database_says_what_to_do(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE SYNONYM {table} FOR elsewhere.dbo.orders")
    with pytest.raises(SourceError, match=r"is a synonym of .*elsewhere.*orders.*, which is in another database"):
        lake.load(full(table))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("sql_variant", ["1", "N'a'", "CAST(2.5 AS float)", "NULL"]),
        ("varchar(20) COLLATE Latin1_General_100_CI_AS_SC_UTF8", ["N'日本'", "N'abc'", "N'Ä€'", "''", "NULL"]),
        ("nvarchar(20)", ["N'日本'", "N'it''s'", "N'Ä'", "NULL"]),
        ("varchar(20)", ["'a%b'", "'c:d'", "'Ä'", "'it''s'", "NULL"]),
        ("rowversion", []),
    ],
)
def test_readers_share_a_table_by_any_column_and_read_each_row_once(
    server: TdsService, lake: Lake, table: str, column: str, values: list[str]
) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL, k {column})")
    rows = [f"INSERT INTO {table} (id, k) VALUES ({n}, {value})" for n, value in enumerate(values * 5)]
    server.execute(*rows or [f"INSERT INTO {table} (id) VALUES ({n})" for n in range(20)])
    loaded = lake.load(full(table, partition_column="k", parallelism=3, verify="Y"))
    assert sorted(map(str, loaded["id"].to_pylist())) == sorted(map(str, range(len(rows) or 20)))


def test_a_view_is_shared_without_its_whole_key_in_memory(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    server.fill(table, 50_000)
    server.execute(f"CREATE VIEW {table}_v AS SELECT id, name FROM {table}")
    loaded = lake.load(full(f"{table}_v", partition_column="id", parallelism=3, verify="SUMS"))
    assert loaded.num_rows == 50_000
    (asked,) = server.said(f"row_number.*{table}_v")
    assert "% 2 = 0" in asked
