"""Which files still hold plain values after a mask was added: none is left out, and none is listed for ever."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from localhost.services import LocalServices
from shared.audit.plain_files import plain_files
from tests.integration.values.conftest import MakeTable, TableJob

Sql = psycopg.Connection[Any]
INCREMENTAL = {"watermark_column": "id"}


@pytest.fixture(autouse=True)
def key(services: LocalServices) -> None:
    """A key for hashes in the vault."""
    services.key_vault.set_secret("mask-key", "the key of the tests of plain files")


def create(sql: Sql, table: str) -> None:
    sql.execute(f"CREATE TABLE {table} (id int, email text, phone text)")
    sql.execute(f"INSERT INTO {table} SELECT n, 'e' || n, 'p' || n FROM generate_series(1, 3) n")


def listed(job: TableJob) -> dict[str, tuple[str, ...]]:
    """The listed files by their names, with the columns."""
    return {file.path.rpartition("/")[2]: file.columns for file in plain_files(job.job)}


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_files_of_before_a_mask_are_listed_until_they_are_gone(
    job_of: MakeTable, sql: Sql, table: str, table_format: str
) -> None:
    create(sql, table)
    job = job_of(table, table_format=table_format, **INCREMENTAL)
    job.load()
    assert listed(job) == {}
    sql.execute(f"INSERT INTO {table} VALUES (4, 'e4', 'p4')")
    job.load()
    job.change(masked_columns="email:hash")
    before = listed(job)
    assert list(before.values()) == [("email",)] * 2
    job.load(full_refresh=True)
    assert listed(job) == (before if table_format == "delta" else {})
    sql.execute(f"INSERT INTO {table} VALUES (5, 'e5', 'p5')")
    job.load()
    assert listed(job) == (before if table_format == "delta" else {})
    job.change(masked_columns="email:last1, phone:null")
    now = listed(job)
    assert set(before) <= set(now) or table_format == "parquet"
    assert {name: columns for name, columns in now.items() if name not in before} == {
        name: ("phone",) for name in now if name not in before
    }
    assert len(now) - len(before) * (table_format == "delta") == 2
    job.load(full_refresh=True)
    if table_format == "delta":
        assert listed(job) == now
        job._delta().vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    assert listed(job) == {}


def test_a_record_of_before_there_were_masks_leaves_its_files_plain(job_of: MakeTable, sql: Sql, table: str) -> None:
    create(sql, table)
    job = job_of(table, table_format="delta")
    job.load()
    job.change(masked_columns="email:hash")
    assert list(listed(job).values()) == [("email",)]
    job.load()
    assert list(listed(job).values()) == [("email",)]
    assert job.column() == [1, 2, 3]
