"""Each cell of a loaded job is really changed: the job goes on with every row, or waits for a full refresh."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from shared.audit.ledger import record_rewind
from shared.jobs.history import VERDICTS
from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]

REFRESHED: dict[str, tuple[dict[str, object], object]] = {  # the job's other cells, and the new value
    "query_filter": ({"query_filter": "kind = 'a'"}, None),
    "primary_key": ({"table_format": "delta", "primary_key": "id"}, "id, kind"),
    "table_format": ({"table_format": "parquet"}, "delta"),
    "excluded_columns": ({"excluded_columns": "kind"}, None),
    "included_columns": ({"included_columns": "id, at"}, None),
    "column_types": ({}, "amount:text"),
    "masked_columns": ({}, "kind:last1, amount:null"),
    "partition_by": ({"table_format": "delta", "partition_by": "kind"}, "at"),
    "watermark_column": ({}, "id"),
    "schema_name": ({}, "other"),
}
GOING_ON: dict[str, tuple[dict[str, object], object]] = {
    "target_folder_path": ({}, "raw/elsewhere"),
    "enabled": ({}, "Y"),
    "last_watermark": ({}, "0"),
    "chunk_size": ({}, 10),
    "parallelism": ({}, 2),
    "priority": ({}, 5),
    "tags": ({}, "nightly"),
    "schedule": ({}, "0 3 * * *"),
    "max_attempts": ({}, 2),
    "timeout_minutes": ({}, 5),
    "schema_contract": ({}, "freeze"),
    "partition_column": ({"parallelism": 2}, "id"),
    "verify": ({}, "SUMS"),
    "max_deleted_percent": ({}, 5),
    "max_shrink_percent": ({}, 5),
    "primary_key": ({}, "id"),
    "excluded_columns": ({}, "kind"),
    "included_columns": ({}, "id, at"),
    "lookback": ({"table_format": "delta", "primary_key": "id"}, 1),
    "detect_deletes": ({"table_format": "delta", "primary_key": "id"}, "soft"),
}
UNTRIED = {
    "job_id": "tests/integration/app/test_attempts.py covers a job with another name",
    "source_type": "the databases that are not PostgreSQL have no server here",
    "source_name": "as target_folder_path: the folder is another",
    "table_name": "as target_folder_path: the folder is another",
    "target_container": "as target_folder_path",
    "destination": "Databricks keeps no record of cells",
    "databricks_catalog": "Databricks keeps no record of cells",
    "databricks_schema": "Databricks keeps no record of cells",
    "load_type": "a test of its own below",
    "excluded_tables": "of wildcards only, whose tables are jobs of their own",
}


def create(sql: Sql, table: str, schema: str = "public") -> None:
    sql.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    sql.execute(f"CREATE TABLE {schema}.{table} (id int, at int, kind text, amount int)")
    sql.execute(f"INSERT INTO {schema}.{table} VALUES (1, 1, 'a', 10), (2, 2, 'b', 20), (3, 3, 'a', 30)")


def test_every_column_of_the_sheet_is_tried() -> None:
    api = {name for name in VERDICTS if name.startswith(("api_", "pagination"))}
    assert {*REFRESHED, *GOING_ON, *UNTRIED} == set(VERDICTS) - api
    assert {name for name, verdict in VERDICTS.items() if verdict.refreshes} - api <= {*REFRESHED, *UNTRIED}


@pytest.mark.parametrize("column", REFRESHED)
def test_a_cell_that_earlier_rows_depend_on_waits_for_a_full_refresh(
    job_of: MakeTable, sql: Sql, table: str, column: str
) -> None:
    cells, value = REFRESHED[column]
    create(sql, table)
    create(sql, table, "other")
    job = job_of(table, watermark_column="at", **cells)
    job.load()
    before = job.tuples()
    assert job.load().rows_extracted == 0
    original = job.cells.get(column)
    job.change(**{column: value})
    _, retryable, message = job.fail()
    assert not retryable
    assert column in message
    assert "full refresh" in message
    job.change(**{column: original})
    assert job.load().rows_extracted == 0
    assert job.tuples() == before
    job.change(**{column: value})
    job.load(full_refresh=True)
    assert job.column() == [1, 2, 3]
    sql.execute(f"INSERT INTO {job.cells['schema_name']}.{table} VALUES (4, 4, 'a', 40)")
    job.load()
    assert job.column() == [1, 2, 3, 4]


@pytest.mark.parametrize("column", GOING_ON)
def test_any_other_cell_goes_on(job_of: MakeTable, sql: Sql, table: str, column: str) -> None:
    cells, value = GOING_ON[column]
    create(sql, table)
    job = job_of(table, watermark_column="at", **cells)
    job.load()
    job.change(**{column: value})
    sql.execute(f"INSERT INTO {table} VALUES (4, 4, 'a', 40)")
    for _ in range(2):
        job.load()
        assert job.column() == [1, 2, 3, 4]


def test_a_watermark_that_is_set_by_hand_accepts_the_change(job_of: MakeTable, sql: Sql, table: str) -> None:
    create(sql, table)
    job = job_of(table, watermark_column="at", query_filter="kind = 'a'")
    job.load()
    job.change(query_filter=None)
    assert "query_filter was 'kind = 'a'' and is blank" in job.fail()[2]
    record_rewind(job.job, "2", {})
    job.load()
    assert job.column() == [1, 2, 3, 3]
    assert job.load().rows_extracted == 0


@pytest.mark.parametrize(("first", "second"), [("parquet", "delta"), ("delta", "parquet")])
@pytest.mark.parametrize("load_type", ["FULL", "INCREMENTAL"])
def test_a_table_of_another_format_leaves_nothing_of_the_old_one(
    job_of: MakeTable, sql: Sql, table: str, first: str, second: str, load_type: str
) -> None:
    create(sql, table)
    job = job_of(table, watermark_column="at", load_type=load_type, table_format=first)
    job.load()
    job.load()
    job.change(table_format=second)
    job.load(full_refresh=load_type == "INCREMENTAL")
    assert job.column() == [1, 2, 3]
    names = [name.rsplit(f"/{table}/", 1)[-1] for name in job.files() if f"_{table}/{table}/" in name]
    assert any(name.startswith("_delta_log/") for name in names) == (second == "delta")
    assert ("_manifest.json" in names) == (second == "parquet")
    assert sum(name.endswith(".parquet") for name in names) == 1
    sql.execute(f"INSERT INTO {table} VALUES (4, 4, 'a', 40)")
    for _ in range(2):
        job.load()
        assert job.column() == [1, 2, 3, 4]


def test_load_type_may_change_both_ways(job_of: MakeTable, sql: Sql, table: str) -> None:
    create(sql, table)
    job = job_of(table, watermark_column="at")
    job.load()
    for number, load_type in enumerate(["FULL", "INCREMENTAL", "INCREMENTAL", "FULL", "INCREMENTAL"], 4):
        job.change(load_type=load_type)
        sql.execute(f"INSERT INTO {table} VALUES ({number}, {number}, 'a', 0)")
        job.load()
        assert job.column() == sorted(range(1, number + 1), key=str)


def test_partitions_may_change_where_the_table_is_replaced(job_of: MakeTable, sql: Sql, table: str) -> None:
    create(sql, table)
    job = job_of(table, table_format="delta", partition_by="kind")
    job.load()
    job.change(partition_by="at")
    job.load()
    assert job.column() == [1, 2, 3]
