"""Every type of Oracle on its way into the lake, alone and beside large objects, which the driver reads otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import oracledb
import pyarrow as pa
import pytest

from shared.errors.hierarchy import SourceError
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService

TEXT = "a€ñ😀'"
NAIVE = datetime(2024, 2, 29, 23, 59, 59, 123456)
# type: what is inserted, as SQL; what the lake has
TYPES: dict[str, tuple[str, Any, pa.DataType]] = {
    "NUMBER": ("-12345678901234567890.123456789", Decimal("-12345678901234567890.123456789"), pa.decimal128(38, 9)),
    "NUMBER(10)": ("42", Decimal(42), pa.decimal128(10, 0)),
    "NUMBER(38,10)": ("0.0000000001", Decimal("1E-10"), pa.decimal128(38, 10)),
    "NUMBER(5,-2)": ("123400", Decimal(123400), pa.decimal128(7, 0)),
    "NUMBER(3,5)": ("0.00123", Decimal("0.00123"), pa.decimal128(5, 5)),
    "INTEGER": ("9" * 38, Decimal("9" * 38), pa.decimal128(38, 0)),
    "FLOAT": ("1.5", Decimal("1.5"), pa.decimal128(38, 9)),
    "BINARY_FLOAT": ("1.5", 1.5, pa.float64()),
    "BINARY_DOUBLE": ("1E-200D", 1e-200, pa.float64()),
    "VARCHAR2(40)": (f"'{TEXT.replace(chr(39), chr(39) * 2)}'", TEXT, pa.string()),
    "CHAR(3)": ("'ab'", "ab ", pa.string()),
    "NVARCHAR2(40)": (f"'{TEXT.replace(chr(39), chr(39) * 2)}'", TEXT, pa.string()),
    "NCHAR(3)": ("'ab'", "ab ", pa.string()),
    "CLOB": ("'clob " + "é" * 500 + "'", "clob " + "é" * 500, pa.string()),
    "NCLOB": ("'nclob €'", "nclob €", pa.string()),
    "RAW(16)": ("HEXTORAW('00FF')", b"\0\xff", pa.binary()),
    "BLOB": ("TO_BLOB(HEXTORAW('00FF10'))", b"\0\xff\x10", pa.binary()),
    "DATE": ("DATE '0001-01-01'", datetime(1, 1, 1), pa.timestamp("us")),
    "TIMESTAMP": ("TIMESTAMP '2024-02-29 23:59:59.123456'", NAIVE, pa.timestamp("us")),
    "TIMESTAMP(9)": (
        "TIMESTAMP '9999-12-31 23:59:59.999999999'",
        datetime(9999, 12, 31, 23, 59, 59, 999999),
        pa.timestamp("us"),
    ),
    "TIMESTAMP WITH TIME ZONE": (
        "TIMESTAMP '2024-03-01 01:29:59.123456 +01:30'",
        NAIVE.replace(tzinfo=UTC),
        pa.timestamp("us", "UTC"),
    ),
    "TIMESTAMP WITH LOCAL TIME ZONE": (
        "TIMESTAMP '2024-03-01 01:29:59.123456 +01:30'",
        NAIVE.replace(tzinfo=UTC),
        pa.timestamp("us", "UTC"),
    ),
    "INTERVAL DAY TO SECOND": ("INTERVAL '-3 04:05:06' DAY TO SECOND", "-03 04:05:06.000000", pa.string()),
    "INTERVAL YEAR TO MONTH": ("INTERVAL '1-02' YEAR TO MONTH", "+01-02", pa.string()),
}
LARGE = ("CLOB", "NCLOB", "BLOB")


def load(oracle: OracleService, lake: Lake, table: str, **cells: Any) -> pa.Table:
    return lake.load(a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table, **cells))


@pytest.mark.parametrize("beside", [None, *LARGE])
def test_every_type_comes_unchanged_alone_and_beside_a_large_object(
    oracle: OracleService, lake: Lake, table: str, beside: str | None
) -> None:
    kinds = [name for name in TYPES if beside or name not in LARGE]
    columns = ", ".join(f"c{n} {name}" for n, name in enumerate(kinds))
    values = ", ".join(TYPES[name][0] for name in kinds)
    extra, filled = (f", large {beside}", f", {TYPES[beside][0]}") if beside else ("", "")
    oracle.execute(
        f"CREATE TABLE {table} (id NUMBER(5), {columns}{extra})",
        f"INSERT INTO {table} VALUES (1, {values}{filled})",
        f"INSERT INTO {table} (id) VALUES (2)",
    )
    loaded = load(oracle, lake, table).sort_by("id")
    for n, name in enumerate(kinds):
        _, expected, arrow_type = TYPES[name]
        assert (name, loaded[f"c{n}"].to_pylist()) == (name, [expected, None])
        assert loaded.schema.field(f"c{n}").type == arrow_type, name


@pytest.mark.parametrize("national", ["NVARCHAR2(20)", "NCHAR(20)"])
@pytest.mark.parametrize("large", LARGE)
@pytest.mark.parametrize("declared", [{}, {"n": "text"}])
def test_a_national_text_beside_a_large_object_keeps_its_characters(
    oracle: OracleService, lake: Lake, table: str, national: str, large: str, declared: dict[str, str]
) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(5), n {national}, l {large})")
    texts = ["ab", "abc", "€", "😀", "aé€😀", None]
    oracle.insert(f"{table} (id, n)", list(enumerate(texts)))
    loaded = load(oracle, lake, table, column_types=declared, parallelism=2, partition_column="id").sort_by("id")
    assert [text if text is None else str(text).rstrip() for text in loaded["n"].to_pylist()] == texts


@pytest.mark.parametrize("source_type", ["BINARY_DOUBLE", "BINARY_FLOAT", "NUMBER", "FLOAT", "VARCHAR2(30)"])
def test_double_of_column_types_is_a_binary_double(
    oracle: OracleService, lake: Lake, table: str, source_type: str
) -> None:
    values = {"BINARY_DOUBLE": [1e-200, -1e300, float("inf")], "BINARY_FLOAT": [0.5, 1e30, float("inf")]}
    numbers = values.get(source_type, [1e-100, -1e100, 0.1])
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(5), x {source_type})")
    if source_type.startswith("VARCHAR2"):
        oracle.insert(table, [(n, str(number)) for n, number in enumerate(numbers)])
    elif source_type.startswith("BINARY"):
        kind = oracledb.DB_TYPE_BINARY_DOUBLE if source_type == "BINARY_DOUBLE" else oracledb.DB_TYPE_BINARY_FLOAT
        oracle.insert(table, list(enumerate([*numbers, float("nan")])), [None, kind])
    else:
        oracle.insert(table, list(enumerate(numbers)))
    loaded = load(oracle, lake, table, column_types={"x": "double"}).sort_by("id")
    assert loaded["x"].to_pylist()[:3] == pytest.approx(numbers, rel=1e-7)
    assert loaded["x"].to_pylist()[3:] == ([pytest.approx(float("nan"), nan_ok=True)] if len(loaded) > 3 else [])


@pytest.mark.parametrize("source_type", ["DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"])
def test_a_year_before_the_first_is_named_and_comes_as_text(
    oracle: OracleService, lake: Lake, table: str, source_type: str
) -> None:
    oracle.execute(
        f"CREATE TABLE {table} (id NUMBER(5), d {source_type}, other DATE)",
        f"INSERT INTO {table} VALUES (1, TO_DATE('-0044-03-15', 'SYYYY-MM-DD'), DATE '2024-01-01')",
        f"INSERT INTO {table} VALUES (2, DATE '2024-01-01', DATE '2024-01-01')",
    )
    with pytest.raises(SourceError, match=r"Column 'd' holds -0044-03-15.*column_types, for example d:text"):
        load(oracle, lake, table)
    texts = load(oracle, lake, table, column_types={"d": "text"}).sort_by("id")["d"].to_pylist()
    assert [str(text)[:11] for text in texts] == ["-0044-03-15", "2024-01-01 "]
