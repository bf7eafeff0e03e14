"""Spark, Polars and pyarrow read what loads have written, by the examples of docs/reading.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.faults.engines import install_engines, read_by
from tests.integration.conftest import database_name, sql, table  # noqa: F401
from tests.integration.values.conftest import MakeTable, app, job_of, lake  # noqa: F401

pytestmark = [pytest.mark.campaign, pytest.mark.fault("engines that read the lake"), pytest.mark.timeout(900)]

Sql = psycopg.Connection[Any]

COLUMNS: dict[str, tuple[str, list[str | None]]] = {
    "id": ("bigint", ["1", "2", "3"]),
    "price": ("numeric(10,2)", ["1.50", "-99999999.99", None]),
    "wide": ("numeric(38,9)", ["0.100000001", "12345678901234567890123456789.123456789", None]),
    "measured": ("double precision", ["0.5", "-2.5", None]),
    "paid": ("boolean", ["true", "false", None]),
    "name": ("text", ["naïve 日本", "", None]),
    "day": ("date", ["0001-01-01", "9999-12-31", None]),
    "at": ("timestamp", ["1850-01-02 03:04:05.678901", "2024-01-02 03:04:05", None]),
    "instant": ("timestamptz", ["1850-01-02 03:04:05.678901", "2024-07-02 03:04:05", None]),
    "a ä.b": ("int", ["7", "8", None]),
}


@pytest.fixture(scope="module", autouse=True)
def engines() -> None:
    """Installed before the app's settings name the services' own certificates, which no registry has."""
    install_engines()


def fill(sql: Sql, table: str) -> None:  # noqa: F811
    """A table of every type that the lake has but time and binary, which have no text in common."""
    kinds = ", ".join(f'"{name}" {kind}' for name, (kind, _) in COLUMNS.items())
    sql.execute(f"CREATE TABLE {table} ({kinds})")
    holes = ", ".join(["%s"] * len(COLUMNS))
    for row in zip(*(values for _, values in COLUMNS.values()), strict=True):
        sql.execute(f"INSERT INTO {table} VALUES ({holes})", row)


@pytest.mark.parametrize("engine", ["spark", "polars", "pyarrow"])
def test_an_engine_reads_every_value_of_a_table_that_has_grown_a_column(
    job_of: MakeTable,  # noqa: F811
    sql: Sql,  # noqa: F811
    table: str,  # noqa: F811
    tmp_path: Path,
    engine: str,
) -> None:
    fill(sql, table)
    job = job_of(table, watermark_column="id")
    job.load()
    sql.execute(f"ALTER TABLE {table} ADD late text; INSERT INTO {table} (id, late) VALUES (4, 'x')")
    job.load()
    expected = [{name: values[number] for name, (_, values) in COLUMNS.items()} | {"late": None} for number in range(3)]
    expected.append(dict.fromkeys(COLUMNS) | {"id": "4", "late": "x"})
    found = read_by(engine, job.copy_to(tmp_path))
    assert sorted((plain(row) for row in found), key=lambda row: str(row["id"])) == expected


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what engines print in different ways: the zone, the case of true."""
    shown = {name: value and str(value).removesuffix("+00:00") for name, value in row.items()}
    return shown | {"paid": shown["paid"] and shown["paid"].lower()}


def test_spark_refuses_a_time_column_unless_it_is_text(
    job_of: MakeTable,  # noqa: F811
    sql: Sql,  # noqa: F811
    table: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, t time); INSERT INTO {table} VALUES (1, '10:00')")
    job = job_of(table)
    job.load()
    with pytest.raises(AssertionError, match="Illegal Parquet type"):
        read_by("spark", job.copy_to(tmp_path))
    job.change(column_types="t:text")
    job.load()
    (fresh := tmp_path / "fresh").mkdir()
    assert read_by("spark", job.copy_to(fresh)) == [{"id": "1", "t": "10:00:00"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [(pa.int64(), pa.float64()), (pa.decimal128(10, 2), pa.decimal128(14, 4)), (pa.date32(), pa.timestamp("us"))],
)
def test_spark_refuses_a_table_of_two_types_which_is_why_none_is_widened(
    tmp_path: Path, first: pa.DataType, second: pa.DataType
) -> None:
    files = []
    for number, kind in enumerate((first, second)):
        pq.write_table(pa.table({"v": pa.array([None], kind)}), tmp_path / f"{number}.parquet")
        files.append(f'{{"path": "{number}.parquet"}}')
    (tmp_path / "_manifest.json").write_text(f'{{"files": [{", ".join(files)}]}}')
    with pytest.raises(AssertionError, match=r"Failed to merge|CANNOT_MERGE"):
        read_by("spark", tmp_path)
