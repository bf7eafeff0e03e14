"""One job in the SQL of each database: a whole table, chosen columns, a filter, a backfill's range, a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from shared.jobs.value_range import ValueRange
from shared.secrets import Secret
from shared.sources.columns import arrow_schema
from shared.sources.oracle.snapshot import OracleSnapshot
from shared.sources.oracle.source import OracleSource
from shared.sources.postgresql.source import PostgresSource
from shared.sources.source import ReadOptions
from shared.sources.sqlserver.source import SqlServerSource
from shared.sources.table_read import TableRead
from tests.builders import a_job


def postgresql(**settings: Any) -> Any:
    secret = Secret({"host": "h", "database": "d", "username": "u", "password": "p"})
    return PostgresSource(a_job(schema_name="dbo", **settings), secret, ReadOptions())


def sqlserver(**settings: Any) -> Any:
    secret = Secret({"host": "h", "database": "d", "username": "u", "password": "p"})
    return SqlServerSource(a_job(source_type="MSSQL", schema_name="dbo", **settings), secret, ReadOptions())


def oracle(**settings: Any) -> Any:
    secret = Secret({"host": "h", "service_name": "s", "username": "u", "password": "p"})
    return OracleSource(a_job(source_type="Oracle", schema_name="dbo", **settings), secret, ReadOptions())


DIALECTS: dict[str, tuple[Callable[..., Any], str]] = {
    "postgresql": (postgresql, '"Addr City"'),
    "sqlserver": (sqlserver, "[Addr City]"),
    "oracle": (oracle, '"Addr City"'),
}


def columns() -> list[sa.Column[Any]]:
    texts = [sa.Column(name, sa.VARCHAR(9)) for name in ("Addr City", "addr_zip")]
    return [sa.Column("id", sa.INTEGER()), *texts]


def read_of(dialect: str, within: ValueRange | None = None, **settings: Any) -> TableRead:
    made = DIALECTS[dialect][0](**settings)
    made._engine = made.engine()
    table = sa.Table("orders", sa.MetaData(schema="dbo"), *columns())
    read = made._read_columns(table)
    return TableRead(made.job, made, made.options, table, read, arrow_schema(read, ()), within)


def text(read: TableRead, query: sa.Select[Any] | None = None) -> str:
    made: Any = read.database
    return " ".join(made.compile(read.query(None, None) if query is None else query).split())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_full_load_names_every_column(dialect: str) -> None:
    city = DIALECTS[dialect][1]
    assert text(read_of(dialect)) == (
        f"SELECT dbo.orders.id AS id, dbo.orders.{city} AS {city}, dbo.orders.addr_zip AS addr_zip FROM dbo.orders"
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_wildcard_and_a_filter_choose_columns_and_rows(dialect: str) -> None:
    city = DIALECTS[dialect][1]
    read = read_of(dialect, included_columns=("addr*",), excluded_columns=("*_zip",), query_filter="id > 5 or id = 1")
    assert text(read) == f"SELECT dbo.orders.{city} AS {city} FROM dbo.orders WHERE (id > 5 or id = 1)"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_backfill_reads_from_its_start_and_before_its_end(dialect: str) -> None:
    read = read_of(dialect, ValueRange("id", 10, 20), included_columns=("id",))
    assert text(read) == "SELECT dbo.orders.id AS id FROM dbo.orders WHERE dbo.orders.id >= 10 AND dbo.orders.id < 20"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_incremental_load_reads_from_its_watermark_on(dialect: str) -> None:
    read = read_of(dialect, included_columns=("id",), query_filter="id <> 7")
    assert text(read, read.query("id", 10)) == (
        "SELECT dbo.orders.id AS id FROM dbo.orders WHERE dbo.orders.id >= 10 AND (id <> 7)"
    )


def test_only_oracle_names_the_snapshot_in_the_statement() -> None:
    read = read_of("oracle", included_columns=("id",), query_filter="id <> 7")
    nowhere: Any = None
    pinned = OracleSnapshot(nowhere, read.table, 4, 123, nowhere).pinned(read.query("id", 10))
    assert text(read, pinned) == (
        "SELECT dbo.orders.id AS id FROM dbo.orders AS OF SCN 123 WHERE dbo.orders.id >= 10 AND (id <> 7)"
    )
