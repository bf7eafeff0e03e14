"""Databases without a reader of their own: SQLite keeps any value in any column, and its times are texts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from shared.errors.hierarchy import SourceError
from shared.secrets import Secret
from shared.sources.dialects import dialect_of
from shared.sources.fallback import FallbackSource
from shared.sources.source import ReadOptions
from tests.builders import a_job
from tests.integration.sources.conftest import Lake

Insert = Callable[[Sequence[str]], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def lake(tmp_path: Path, file: Path) -> Lake:
    return Lake(tmp_path, Secret({"url": f"sqlite:///{file}"}))


def create(file: Path, declared: str) -> Insert:
    """A table with the columns `id` and `v`; what inserts values of `v`, written as SQL."""
    with sqlite3.connect(file) as connection:
        connection.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, v {declared})")

    def insert(values: Sequence[str]) -> None:
        with sqlite3.connect(file) as connection:
            for value in values:
                connection.execute(f"INSERT INTO orders (v) VALUES ({value})")

    return insert


ORDERED = [
    ("TIMESTAMP", ["'2024-01-01 10:00:00'"], ["'2024-01-01 10:00:00'", "'2024-01-01 10:00:01'"]),
    ("DATETIME", ["'2024-01-01T10:00:00'"], ["'2024-01-01 10:00:00.000'", "'2024-01-01 10:00:00.000001'"]),
    ("DATETIME", ["'2024-01-01 10:00:00.123'"], ["'2024-01-01 10:00:00.123'", "'2024-01-01 10:00:00.124'"]),
    ("DATETIME", ["'2024-01-01'"], ["'2024-01-01'", "'2024-01-01 00:00'", "'2024-01-01T00:01'"]),
    ("DATETIME", ["'0001-01-01 00:00:00'"], ["'9999-12-31 23:59:59'"]),
    ("DATE", ["'2024-01-01'"], ["'2024-01-01'", "'2024-01-02'"]),
    ("NUMERIC(10,2)", ["100.1"], ["100.10", "100.11"]),
    ("DECIMAL(20,0)", ["9007199254740992", "9007199254740993"], ["9007199254740993", "9007199254740994"]),
    ("DOUBLE", ["0.1", "0.7"], ["0.7", "0.7000000000000001"]),
    ("TEXT COLLATE NOCASE", ["'a'", "'B'"], ["'b'", "'c'"]),
    ("CHAR(5) COLLATE RTRIM", ["'a'", "'b '"], ["'b'", "'c'"]),
]


@pytest.mark.parametrize(("declared", "first", "second"), ORDERED)
@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_rows_at_and_after_the_watermark_come_once_however_their_values_are_spelled(
    lake: Lake, file: Path, declared: str, first: list[str], second: list[str], table_format: str
) -> None:
    insert = create(file, declared)
    job = a_job(schema_name=None, load_type="INCREMENTAL", watermark_column="v", table_format=table_format)
    expected = 0
    for values in (first, [], second, []):
        insert(values)
        expected += len(values)
        assert set(loaded := lake.load(job).column("id").to_pylist()) == set(range(1, expected + 1))
        assert len(loaded) == expected


EXACT: list[tuple[str, str, pa.DataType, Any]] = [
    ("DOUBLE", "0.12345678901234", pa.float64(), 0.12345678901234),
    ("DOUBLE", "1e-300", pa.float64(), 1e-300),
    ("NUMERIC", "0.123456789", pa.decimal128(38, 9), Decimal("0.123456789")),
    ("DECIMAL(20,2)", "9007199254740993", pa.decimal128(20, 2), Decimal(9007199254740993)),
    ("DATETIME", "'2024-01-01 10:00:00.123'", pa.timestamp("us"), datetime(2024, 1, 1, 10, 0, 0, 123000)),
    ("DATE", "'2024-01-01'", pa.date32(), date(2024, 1, 1)),
    ("BOOLEAN", "1", pa.bool_(), True),
    ("BLOB", "x'ff00'", pa.binary(), b"\xff\x00"),
]


@pytest.mark.parametrize(("declared", "value", "kind", "expected"), EXACT)
def test_a_value_comes_as_it_is(
    lake: Lake, file: Path, declared: str, value: str, kind: pa.DataType, expected: Any
) -> None:
    create(file, declared)([value])
    loaded = lake.load(a_job(schema_name=None))
    assert loaded.schema.field("v").type == kind
    assert loaded.column("v").to_pylist() == [expected]


NOT_OF_ITS_TYPE = [
    ("INTEGER", "1.5"),
    ("INTEGER", "'abc'"),
    ("BIGINT", "9223372036854775808"),
    ("NUMERIC", "0.1234567890123"),
    ("NUMERIC(10,2)", "100.126"),
    ("DATETIME", "'2024-01-01 10:00:00+02:00'"),
    ("DATETIME", "1704103200"),
    ("DATETIME", "''"),
    ("DATE", "'2024-01-01 10:00:00'"),
    ("TEXT", "x'ff00'"),
]


@pytest.mark.parametrize("incremental", [False, True])
@pytest.mark.parametrize(("declared", "value"), NOT_OF_ITS_TYPE)
def test_a_value_that_is_not_of_its_column_s_type_is_an_error_that_names_it(
    lake: Lake, file: Path, declared: str, value: str, incremental: bool
) -> None:
    insert = create(file, declared)
    insert(["'2024-01-01'" if "DATE" in declared else "0"])
    more = {"load_type": "INCREMENTAL", "watermark_column": "v"} if incremental else {}
    lake.load(a_job(schema_name=None, **more))
    insert([value])
    with pytest.raises(SourceError, match=r"Column 'v' holds .*, which does not fit"):
        lake.load(a_job(schema_name=None, **more))


def test_a_declared_time_is_read_as_it_is_kept(lake: Lake, file: Path) -> None:
    create(file, "VARCHAR(30)")(["'2024-01-01T10:00:00'", "'2024-01-02'"])
    job = a_job(schema_name=None, column_types={"v": "timestamp"}, load_type="INCREMENTAL", watermark_column="v")
    for _ in range(2):
        assert lake.load(job).column("v").to_pylist() == [datetime(2024, 1, 1, 10), datetime(2024, 1, 2)]


MYSQL = [  # declared type, type in the lake, what is read, and what a condition compares
    (mysql.FLOAT(), pa.float64(), "orders.v * 1e0", "orders.v"),
    (mysql.DOUBLE(), pa.float64(), "orders.v", "orders.v"),
    (mysql.BIT(8), pa.int64(), "orders.v + 0", "orders.v"),
    (mysql.TIMESTAMP(), pa.timestamp("us", "UTC"), "orders.v", "orders.v"),
    (mysql.DATETIME(), pa.timestamp("us"), "orders.v", "orders.v"),
    (mysql.VARBINARY(4), pa.binary(), "orders.v", "orders.v"),
    (mysql.DECIMAL(10, 2), pa.decimal128(10, 2), "orders.v", "orders.v"),
]


@pytest.mark.parametrize(("declared", "kind", "read", "compared"), MYSQL, ids=[str(one[0]) for one in MYSQL])
def test_mysql_is_asked_for_all_digits_and_for_instants_in_utc(
    declared: sa.types.TypeEngine[Any], kind: pa.DataType, read: str, compared: str
) -> None:
    source = FallbackSource(
        a_job(schema_name=None), Secret({"url": "mysql+pymysql://reader@db.example.com/shop"}), ReadOptions()
    )
    column = sa.Table("orders", sa.MetaData(), sa.Column("v", declared)).c.v
    found = source.read_column(column, None)
    dialect: Any = mysql.dialect()
    assert found.type == kind
    assert str(found.expression.compile(dialect=dialect)) == read
    assert str(found.comparable.compile(dialect=dialect)) == compared
    assert source.dialect.session == "SET time_zone = '+00:00'"


def test_mysql_compares_an_instant_with_a_literal_in_utc() -> None:
    literal: Any = dialect_of("mariadb").literal(sa.column("v", mysql.TIMESTAMP()), datetime(2024, 1, 1, tzinfo=UTC))
    assert literal.value == datetime(2024, 1, 1)
