"""Incremental loads from a server whose transactions overlap, by both drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shared.models.job import Job
from shared.secrets import Secret
from shared.sources import open_source
from shared.sources.source import ReadOptions, TableSource
from shared.sources.sqlserver import snapshot as snapshots
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.tds_standin.service import TdsService


def increment(table: str, **cells: Any) -> Job:
    return a_job(
        source_type="MSSQL",
        schema_name="dbo",
        table_name=table,
        load_type="INCREMENTAL",
        watermark_column="version",
        verify="SUMS",
        **cells,
    )


def ids(loaded: pa.Table) -> list[Any]:
    return sorted(map(int, filter(None, loaded["id"].to_pylist())))


def test_rows_of_a_transaction_in_progress_come_with_a_later_load(server: TdsService, lake: Lake, table: str) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, version rowversion)",
        f"INSERT INTO {table} (id) VALUES (1)",
    )
    assert ids(lake.load(increment(table))) == [1]
    slow, quick = server.client(), server.client()
    slow.run(f"BEGIN TRAN; INSERT INTO {table} (id) VALUES (2)")
    quick.run(f"INSERT INTO {table} (id) VALUES (3)")  # a higher version, committed first
    assert ids(lake.load(increment(table))) == [1]
    slow.run("COMMIT")
    assert ids(lake.load(increment(table))) == [1, 2, 3]
    assert ids(lake.load(increment(table))) == [1, 2, 3]
    slow.close()
    quick.close()


def test_the_first_load_leaves_out_what_a_transaction_in_progress_may_precede(
    server: TdsService, lake: Lake, table: str
) -> None:
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, version rowversion)")
    slow, quick = server.client(), server.client()
    slow.run(f"BEGIN TRAN; INSERT INTO {table} (id) VALUES (2)")
    quick.run(f"INSERT INTO {table} (id) VALUES (3)")
    assert ids(lake.load(increment(table))) == []
    slow.run("COMMIT")
    assert ids(lake.load(increment(table))) == [2, 3]
    slow.close()
    quick.close()


def test_a_rowversion_is_compared_as_its_bytes_so_that_an_index_serves(
    server: TdsService, lake: Lake, table: str, tmp_path: Path
) -> None:
    server.execute(
        f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, version rowversion)",
        f"INSERT INTO {table} (id) VALUES (1)",
    )
    lake.load(increment(table))
    source = open_source(increment(table), Secret(lake.secret), ReadOptions(watermark="2001"))
    assert isinstance(source, TableSource)
    sql = source.examine().sql
    assert f"{table}.version < MIN_ACTIVE_ROWVERSION()" in sql
    assert f"{table}.version >= 0x00000000000007D1" in sql


def test_a_lock_that_others_hold_for_long_costs_readers_and_no_load(
    server: TdsService, lake: Lake, table: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(snapshots, "LOCK_MILLISECONDS", 200)
    server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY)", f"INSERT INTO {table} VALUES (1)")
    slow = server.client()
    slow.run(f"BEGIN TRAN; INSERT INTO {table} VALUES (2)")
    full = a_job(source_type="MSSQL", schema_name="dbo", table_name=table, parallelism=4)
    assert ids(lake.load(full)) == [1]
    assert "so one reader reads it" in caplog.text
    slow.close()
