"""What keeps a load from doing harm in silence: a brake for tables that shrink, and warnings of doubtful loads."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from shared.audit.jobs import latest_rows
from shared.audit.ledger import record_rewind
from tests.integration.values.conftest import MakeTable

Sql = psycopg.Connection[Any]


@pytest.fixture
def numbers(sql: Sql, table: str) -> str:
    """A table of ten rows."""
    sql.execute(f"CREATE TABLE {table} (id int, at timestamptz, note text)")
    sql.execute(f"INSERT INTO {table} SELECT n, '2026-01-01Z'::timestamptz, 'x' FROM generate_series(1, 10) n")
    return table


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_table_that_shrinks_too_far_keeps_its_rows_until_a_full_refresh(
    sql: Sql, numbers: str, job_of: MakeTable, table_format: str
) -> None:
    job = job_of(numbers, load_type="FULL", table_format=table_format, max_shrink_percent=50)
    job.load()
    sql.execute(f"DELETE FROM {numbers} WHERE id > 4")
    kind, retryable, message = job.fail()
    assert (kind, retryable) == ("too_few_rows", False)
    assert "has 10 rows in the lake and the source gave 4" in message
    assert len(job.column()) == 10
    job.load(full_refresh=True)
    assert job.column() == [1, 2, 3, 4]


def test_a_table_that_shrinks_less_is_replaced(sql: Sql, numbers: str, job_of: MakeTable) -> None:
    job = job_of(numbers, load_type="FULL", max_shrink_percent=50)
    job.load()
    sql.execute(f"DELETE FROM {numbers} WHERE id > 5")
    job.load()
    assert job.column() == [1, 2, 3, 4, 5]


def test_an_empty_source_is_a_table_that_shrinks_by_all_its_rows(sql: Sql, numbers: str, job_of: MakeTable) -> None:
    job = job_of(numbers, load_type="FULL", max_shrink_percent=99)
    job.load()
    sql.execute(f"DELETE FROM {numbers}")
    assert job.fail()[0] == "too_few_rows"
    assert len(job.column()) == 10


def test_a_watermark_in_the_future_is_a_warning(sql: Sql, numbers: str, job_of: MakeTable) -> None:
    job = job_of(numbers, watermark_column="at")
    assert job.load().warnings == ()
    sql.execute(f"INSERT INTO {numbers} VALUES (11, '2999-01-01Z', 'x')")
    (warning,) = job.load().warnings
    assert "2999-01-01" in warning
    assert "is in the future" in warning
    (row,) = [row for row in latest_rows() if row["job_id"] == job.job_id]
    assert row["warnings"] == [warning]  # from which job list, dashboard and notification have it


def test_rows_that_a_far_watermark_passes_over_are_said_in_every_load_until_it_is_set_back(
    sql: Sql, numbers: str, job_of: MakeTable
) -> None:
    sql.execute(f"INSERT INTO {numbers} VALUES (11, '2999-01-01Z', 'x')")
    job = job_of(numbers, watermark_column="at")
    job.load()
    sql.execute(f"INSERT INTO {numbers} VALUES (12, now(), 'x')")
    for _ in range(2):
        (warning,) = job.load().warnings
        assert f"POST /api/jobs/{job.job_id}/watermark" in warning
    assert len(job.column()) == 11
    sql.execute(f"DELETE FROM {numbers} WHERE id = 11")
    record_rewind(job.job, "2026-01-02", {})
    assert job.load().warnings == ()
    assert {row["id"] for row in job.table().to_pylist()} == {*range(1, 13)}


def test_a_table_that_halves_and_a_column_that_lost_its_values_are_warnings(
    sql: Sql, numbers: str, job_of: MakeTable
) -> None:
    job = job_of(numbers, load_type="FULL")
    assert job.load().warnings == ()
    sql.execute(f"DELETE FROM {numbers} WHERE id > 4")
    sql.execute(f"UPDATE {numbers} SET note = NULL")
    halved, emptied = sorted(job.load().warnings, reverse=True)
    assert "has 4 rows now and had 10 before" in halved
    assert emptied.startswith("'note' had values in the last load")
