"""Which columns and rows of a PostgreSQL table a job reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import psycopg.sql
import pyarrow as pa
import pytest

from shared.errors.hierarchy import IngestionError, SourceError
from tests.builders import a_job
from tests.integration.sources.conftest import Lake


def test_reads_a_table_whole(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, name text, amount numeric(10, 2))")
    sql.execute(f"INSERT INTO {table} SELECT n, 'name ' || n, n * 1.5 FROM generate_series(1, 2500) n")
    loaded = lake.load(a_job(table_name=table))
    assert loaded.num_rows == 2500
    assert loaded.schema.types == [pa.int64(), pa.string(), pa.decimal128(10, 2)]
    assert loaded.column("amount")[1].as_py() == Decimal("3.00")


def test_an_empty_table_gives_its_columns(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, at timestamptz, kind uuid)")
    loaded = lake.load(a_job(table_name=table))
    assert loaded.num_rows == 0
    assert loaded.schema.names == ["id", "at", "kind"]


def test_a_filter_reads_only_matching_rows(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, state text)")
    sql.execute(f"INSERT INTO {table} VALUES (1, '100% :done'), (2, 'a\\b'), (3, 'it''s')")
    job = a_job(table_name=table, query_filter="state like '100\\%%:done' or state in ('a\\b', 'it''s') and id > 2")
    assert lake.load(job).column("id").to_pylist() == [1, 3]


@pytest.mark.parametrize(
    ("included", "excluded", "expected"),
    [
        (("id", "addr_*"), (), ["id", "addr_street", "addr_city"]),
        ((), ("*_city", "name"), ["id", "addr_street"]),
        (("addr_*",), ("*_CITY",), ["addr_street"]),
    ],
)
def test_columns_are_chosen_by_name_and_pattern(
    lake: Lake,
    sql: psycopg.Connection[Any],
    table: str,
    included: tuple[str, ...],
    excluded: tuple[str, ...],
    expected: list[str],
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, name text, addr_street text, addr_city text)")
    sql.execute(f"INSERT INTO {table} VALUES (1, 'a', 'b', 'c')")
    job = a_job(table_name=table, included_columns=included, excluded_columns=excluded)
    assert lake.load(job).schema.names == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"table_name": "nowhere"}, "Table 'public.nowhere' does not exist in source 'shop_pg'"),
        (
            {"included_columns": ("nme",)},
            "included_columns 'nme' is not a column of table 'public.{table}'. Did you mean name?",
        ),
        (
            {"excluded_columns": ("zzz",)},
            "excluded_columns 'zzz' is not a column of table 'public.{table}'. Its columns are",
        ),
        ({"excluded_columns": ("*",)}, "Table 'public.{table}' has no column to read"),
        ({"column_types": {"amont": "text"}}, "column_types 'amont' is not a column of table 'public.{table}'"),
        (
            {"excluded_columns": ("id",), "primary_key": ("id",)},
            "Column 'id' of table 'public.{table}' is the primary_key",
        ),
        (
            {"load_type": "INCREMENTAL", "watermark_column": "changed"},
            "watermark_column 'changed' is not a column of table 'public.{table}'",
        ),
        ({"query_filter": "amonut > 1"}, 'column "amonut" does not exist'),
    ],
)
def test_what_the_table_lacks_is_one_clear_sentence(
    lake: Lake, sql: psycopg.Connection[Any], table: str, settings: dict[str, Any], message: str
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, name text, amount int)")
    with pytest.raises(SourceError) as caught:
        lake.load(a_job(**({"table_name": table} | settings)))
    assert message.format(table=table) in str(caught.value)


def test_a_table_without_columns_is_refused(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} ()")
    with pytest.raises(SourceError, match="has no column to read"):
        lake.load(a_job(table_name=table))


NAMES = [
    "with space",
    'quo"te',
    "per%cent",
    "co:lon",
    "select",
    "MixedCase",
    "naïve_ünïcode_表",
    "x" * 63,
    "back\\slash",
    "semi;colon--",
]


def test_any_identifier_is_carried(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    columns = [psycopg.sql.Identifier(name) for name in NAMES]
    name = f"Odd {table} Näme"
    sql.execute(
        psycopg.sql.SQL("CREATE TABLE {} ({})").format(
            psycopg.sql.Identifier(name),
            psycopg.sql.SQL(", ").join(psycopg.sql.SQL("{} int").format(column) for column in columns),
        )
    )
    numbers = psycopg.sql.SQL(", ").join(map(psycopg.sql.Literal, range(len(NAMES))))
    sql.execute(psycopg.sql.SQL("INSERT INTO {} VALUES ({})").format(psycopg.sql.Identifier(name), numbers))
    loaded = lake.load(a_job(table_name=name))
    assert loaded.to_pylist() == [dict(zip(NAMES, range(len(NAMES)), strict=True))]


@pytest.mark.parametrize("kind", ["VIEW", "MATERIALIZED VIEW"])
def test_views_are_read_like_tables(lake: Lake, sql: psycopg.Connection[Any], table: str, kind: str) -> None:
    sql.execute(f"CREATE {kind} {table} AS SELECT n AS id, n::text AS label FROM generate_series(1, 3) n")
    assert lake.load(a_job(table_name=table)).column("label").to_pylist() == ["1", "2", "3"]


def test_column_types_win_over_what_the_source_says(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (amount text, flag int, at text, code int, raw text)")
    sql.execute(f"INSERT INTO {table} VALUES ('12.5', 1, '2024-01-31 08:00:00', 7, 'abc')")
    types = {"amount": "decimal(18,4)", "FLAG": "bool", "at": "timestamp", "code": "text", "raw": "binary"}
    loaded = lake.load(a_job(table_name=table, column_types=types))
    assert loaded.schema.types == [pa.decimal128(18, 4), pa.bool_(), pa.timestamp("us"), pa.string(), pa.binary()]
    assert loaded.column("amount")[0].as_py() == Decimal("12.5000")


def test_a_wrong_password_is_said_without_the_password(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    canary = "canary-3f9a1c"
    lake.secret = type(lake.secret)({**lake.secret, "password": canary})
    with pytest.raises(IngestionError) as caught:
        lake.load(a_job(table_name=table))
    assert "the user name or the password is wrong" in str(caught.value)
    assert canary not in str(caught.value)
