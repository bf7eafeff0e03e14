"""What servers and tables of some kinds answer otherwise, by both drivers: Azure SQL, tables in memory, locks, sums."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.secrets import Secret
from shared.sources.sqlserver import snapshot as reader
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.tds_standin.service import DATABASE, TdsService


def job(table: str, **cells: Any) -> Job:
    return a_job(source_type="MSSQL", **{"schema_name": "dbo", "table_name": table, **cells})


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsService]:
    """A server as Azure SQL Database is one."""
    with TdsService(tmp_path_factory.mktemp("azure"), "--azure") as started:
        yield started


def test_in_azure_readers_share_a_snapshot_although_databases_have_other_numbers(
    azure: TdsService, driver: str, table: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    azure.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)")
    azure.fill(table, 100)
    loaded = Lake(tmp_path, Secret(azure.secret(driver))).load(job(table, parallelism=3, verify="SUMS"))
    assert loaded.num_rows == 100
    assert "has no snapshot" not in caplog.text
    assert len(azure.said(rf"AS id\s+FROM dbo.{table}\s+WHERE")) > 1


@pytest.mark.parametrize("cells", [{}, {"parallelism": 3}, {"load_type": "INCREMENTAL", "watermark_column": "id"}])
def test_a_memory_optimised_table_is_read_as_of_one_moment(
    server: TdsService, lake: Lake, table: str, cells: dict[str, Any]
) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY NONCLUSTERED, name nvarchar(20)) "
        "WITH (MEMORY_OPTIMIZED = ON, DURABILITY = SCHEMA_AND_DATA)"
    )
    server.fill(table, 500)
    for _ in range(2):
        loaded = lake.load(job(table, verify="SUMS", query_filter="id <> 7", **cells))
        assert sorted(map(int, filter(None, loaded["id"].to_pylist()))) == [n for n in range(1, 501) if n != 7]


@pytest.mark.parametrize("number", [10794, 7377, 1047, 46518])
def test_what_cannot_be_locked_is_read_by_one_reader(
    server: TdsService, lake: Lake, table: str, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)")
    server.fill(table, 100)
    server.order("TABLOCK", error=number, text="Es geht nicht.")
    assert lake.load(job(table, parallelism=3, verify="SUMS")).num_rows == 100
    assert "so one reader reads it" in caplog.text


def test_a_lock_that_fails_with_the_connection_fails_the_load(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)")
    server.order("TABLOCK", cut=True)
    with pytest.raises(Exception, match="the connection was lost"):
        lake.load(job(table, parallelism=3))


def test_a_synonym_may_spell_its_own_database_as_the_server_compares_names(
    server: TdsService, lake: Lake, table: str
) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)",
        f"INSERT INTO {table} VALUES (1)",
        f"CREATE SYNONYM {table}_s FOR {DATABASE.upper()}.dbo.{table}",
    )
    assert lake.load(job(f"{table}_s")).num_rows == 1


def test_a_synonym_without_a_schema_means_the_default_schema(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)",
        f"INSERT INTO {table} VALUES (1)",
        f"CREATE SCHEMA s{table}",
        f"CREATE SYNONYM s{table}.short FOR {table}",
    )
    assert lake.load(job("short", schema_name=f"s{table}")).num_rows == 1


def test_transactions_in_progress_are_asked_for_by_a_rowversion_watermark_alone(
    server: TdsService, lake: Lake, table: str
) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, version rowversion)")
    server.execute(f"INSERT INTO {table} (id) VALUES (1)")
    server.clear()
    for cells in ({}, {"load_type": "INCREMENTAL", "watermark_column": "id"}):
        lake.load(job(table, **cells))
    assert server.said("MIN_ACTIVE_ROWVERSION") == []


def test_a_rowversion_that_a_secondary_bounds_is_a_doubt(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, version rowversion)")
    server.execute(f"INSERT INTO {table} (id) VALUES (1)")
    lake.secret = Secret({**lake.secret, "application_intent": "ReadOnly"})
    doubts: list[str] = []
    lake.load(job(table, load_type="INCREMENTAL", watermark_column="version"), warn=doubts.append)
    assert len(doubts) == 1
    assert "application_intent ReadOnly" in doubts[0]


def test_a_server_that_counts_no_rows_of_a_table_has_it_sampled_nevertheless(
    server: TdsService, lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SAMPLED_ROWS", 50)
    monkeypatch.setattr(reader, "ROWS", sa.text("SELECT CAST(0 AS bigint) WHERE OBJECT_ID(:name) IS NOT NULL"))
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)")
    server.fill(table, 1000)
    assert lake.load(job(table, parallelism=2, verify="SUMS")).num_rows == 1000
    assert server.said(rf"row_number\(\) OVER .*{table}")


@pytest.mark.parametrize("scale", [0, 1, 5, 6, 18, 19, 20, 25, 37, 38])
@pytest.mark.parametrize("sign", ["", "-"])
def test_numbers_whose_sum_has_more_digits_than_the_server_are_verified(
    server: TdsService, lake: Lake, table: str, scale: int, sign: str
) -> None:
    greatest = f"{'9' * (38 - scale) or 0}.{'9' * scale}".rstrip(".")
    least = f"{sign}0.{'0' * (scale - 1)}1" if scale else "1"
    server.execute(f"CREATE TABLE {table} (id bigint NOT NULL, a decimal(38, {scale}), b int)")
    values = [f"{sign}{greatest}"] * 4 + [least, "0", "NULL"]
    server.execute(*(f"INSERT INTO {table} VALUES (9223372036854775800, {value}, NULL)" for value in values))
    assert lake.load(job(table, verify="SUMS")).num_rows == len(values)
    assert server.said(rf"% .*FROM dbo.{table}")


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (3952, "ALLOW_SNAPSHOT_ISOLATION ON in the database"),
        (7420, "linked server"),
        (41332, "MEMORY_OPTIMIZED"),
        (41368, "MEMORY_OPTIMIZED"),
    ],
)
def test_a_view_that_no_snapshot_reaches_says_what_to_do(
    server: TdsService, lake: Lake, table: str, number: int, meaning: str
) -> None:
    server.execute(f"CREATE TABLE {table} (id int)")
    server.order(f"AS id.*FROM dbo.{table}", error=number, text="Es geht nicht.")
    with pytest.raises(SourceError, match=meaning):
        lake.load(job(table))
