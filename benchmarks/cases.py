"""The tables that are loaded, and by which ways; the same statement gives the same rows every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

_NARROW = """
CREATE TABLE {table} AS SELECT
    n AS id,
    (n * 7919 % 200000)::integer AS customer_id,
    (ARRAY['NEW', 'PAID', 'SHIPPED', 'RETURNED'])[n % 4 + 1] AS status,
    (n % 1000000 / 100.0)::numeric(12, 2) AS amount,
    n / 7.0::double precision AS weight,
    timestamptz '2020-01-01' + n * interval '13 seconds' AS created_at,
    timestamp '2020-01-01' + n * interval '17 seconds' AS updated_at,
    date '2020-01-01' + (n % 2000)::integer AS due,
    n % 3 = 0 AS paid,
    upper(substr(md5(n::text), 1, 8)) AS code,
    CASE WHEN n % 5 > 0 THEN 'note ' || md5((n / 3)::text) || ' on order ' || n END AS note,
    (n % 97)::smallint AS priority
FROM generate_series(1::bigint, {rows}) n
"""
_TEXT = """
CREATE TABLE {table} AS SELECT n AS id, {columns} FROM generate_series(1::bigint, {rows}) n
"""


@dataclass(frozen=True)
class Case:
    """A table to load, and the ways that are compared on it.

    Args:
        name: as in the results.
        rows: in the long benchmark.
        quick_rows: in the quick one.
        statement: makes the table `{table}` with `{rows}` rows in PostgreSQL; the stand-ins' are made by their shape.
        ways: what is measured, of `benchmarks.ways.WAYS`.
        database: where the table is.
    """

    name: str
    rows: int
    quick_rows: int
    statement: str
    ways: tuple[str, ...]
    database: str = "PostgreSQL"

    @property
    def shape(self) -> str:
        """What its rows are like: the last word of its name."""
        return self.name.rpartition("-")[2]


PLAIN_DLT = ("dlt-pyarrow", "dlt-sqlalchemy")
ALL_WAYS = ("ours-local", "ours-azurite", "copy-floor", "adbc-parquet", "dlt-connectorx", *PLAIN_DLT)
SQLSERVER_WAYS = ("ours-local", "ours-pyodbc", "driver-floor", *PLAIN_DLT)
ORACLE_WAYS = ("ours-local", "driver-floor", *PLAIN_DLT)


def _wide() -> str:
    kinds = ("n * {i}", "(n % {i})::integer", "md5((n * {i})::text)", "n / {i}.0::double precision", "n % {i} = 0")
    columns = [f"{kinds[i % len(kinds)].format(i=i + 2)} AS c{i}" for i in range(149)]
    return _TEXT.replace("{columns}", ", ".join(columns))


def _text() -> str:
    columns = [f"repeat(md5((n * {i + 1})::text) || ' ', 40) AS text_{i}" for i in range(4)]
    return _TEXT.replace("{columns}", ", ".join(columns))


_LOB = _TEXT.replace("{columns}", "repeat(md5(n::text), 32768) AS document")  # a million bytes each


CASES = (
    Case("narrow", 3_000_000, 100_000, _NARROW, ALL_WAYS),
    Case("wide", 200_000, 20_000, _wide(), ALL_WAYS),
    Case("text", 200_000, 20_000, _text(), ALL_WAYS),
    Case("lob", 1_000, 300, _LOB, ("ours-local", "ours-azurite", "copy-floor", "adbc-parquet", *PLAIN_DLT)),
    Case("narrow-10x", 30_000_000, 1_000_000, _NARROW, ("ours-local", "copy-floor")),
    *(
        Case(f"{name}-{shape}", rows, quick_rows, "", ways, database)
        for name, database, ways in (("sqlserver", "SQL Server", SQLSERVER_WAYS), ("oracle", "Oracle", ORACLE_WAYS))
        for shape, rows, quick_rows in (
            ("narrow", 300_000, 5_000),
            ("wide", 20_000, 500),
            ("text", 60_000, 2_000),
            ("lob", 300, 50),
        )
    ),
)
SMALL_TABLES = "small-tables"
SMALL_ROWS = 1_000


def make_table(connection: psycopg.Connection[Any], case: Case, rows: int) -> str:
    """Make a case's table with so many rows in the schema `public`, and return its name."""
    table = case.name.replace("-", "_")
    connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute(case.statement.format(table=table, rows=rows))
    connection.execute(f"VACUUM ANALYZE {table}")
    return table


def make_small_tables(connection: psycopg.Connection[Any], count: int) -> Iterator[str]:
    """Make so many tables of `SMALL_ROWS` rows, and give their names."""
    for n in range(count):
        table = f"small_{n:03}"
        connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(_NARROW.format(table=table, rows=SMALL_ROWS))
        yield table
