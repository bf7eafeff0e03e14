"""A Sling replication as a workbook: what is carried over, what is reported, and what is switched off for it."""

from __future__ import annotations

from typing import Any

import pytest

from localhost.importers.imported import Imported, Target
from localhost.importers.sling import import_sling
from shared.errors.hierarchy import WorkbookError
from shared.workbook.template import write_workbook
from shared.workbook.validation import validate

TARGET = Target("", "PostgreSQL", "lake", "raw/{source}")
REPLICATION = """
source: MY_POSTGRES
target: AZURE_LAKE
defaults:
  mode: full-refresh
  object: 'lake/{stream_schema}/{stream_table}'
  tags: [Nightly]
hooks:
  end:
    - type: http
streams:
  finance.accounts:
  finance.users:
    disabled: true
  finance.departments:
    source_options: {empty_as_null: false, limit: 10}
    columns: {budget: 'decimal(18,4)', open: bool, place: geometry}
  finance."Transactions":
    mode: incremental
    primary_key: id
    update_key: last_updated_at
    where: "state <> 'DRAFT'"
    select: [id, last_updated_at, '-note']
    schedule: '0 3,5 * * *'
  sales.tmp_*:
    mode: truncate
  sales.tmp_old:
    disabled: true
  orders:
    mode: incremental
    primary_key: [id, line]
  s3://bucket/files/*.csv:
    object: main.files
env:
  SLING_THREADS: 3
  SLING_LOADED_AT_COLUMN: true
"""


def imported(text: str, target: Target = TARGET) -> tuple[Imported, dict[str, dict[str, Any]]]:
    found = import_sling(text, target)
    return found, {row["job_id"]: row for row in found.jobs}


def one_stream(**settings: Any) -> tuple[Imported, dict[str, Any]]:
    found, rows = imported(str({"source": "pg", "target": "lake", "streams": {"shop.orders": settings}}))
    return found, rows["pg_shop_orders"]


def test_streams_are_rows_with_their_defaults() -> None:
    found, rows = imported(REPLICATION)
    assert list(rows) == [
        "my_postgres_finance_accounts",
        "my_postgres_finance_users",
        "my_postgres_finance_departments",
        "my_postgres_finance_Transactions",
        "my_postgres_sales_tmp",
        "my_postgres_sales_tmp_old",
        "my_postgres_orders",
    ]
    accounts = rows["my_postgres_finance_accounts"]
    assert (accounts["load_type"], accounts["enabled"], accounts["tags"]) == ("FULL", "Y", "nightly")
    assert (accounts["target_container"], accounts["target_folder_path"]) == ("lake", "raw/my_postgres")
    assert rows["my_postgres_finance_users"]["enabled"] == "N"
    assert rows["my_postgres_finance_departments"]["column_types"] == "budget:decimal(18,4), open:bool"
    transactions = rows["my_postgres_finance_Transactions"]
    assert {
        "schema_name": "finance",
        "table_name": "Transactions",
        "load_type": "INCREMENTAL",
        "watermark_column": "last_updated_at",
        "primary_key": "id",
        "table_format": "delta",
        "query_filter": "state <> 'DRAFT'",
        "included_columns": "id, last_updated_at",
        "excluded_columns": "note",
        "schedule": "0 3,5 * * *",
    }.items() <= transactions.items()
    assert rows["my_postgres_sales_tmp"]["excluded_tables"] == "tmp_old"
    assert found.sources == [{"source_name": "my_postgres", "max_concurrent_jobs": 3}]


def test_what_is_not_in_the_rows_is_reported() -> None:
    report = "\n".join(imported(REPLICATION)[0].report())
    for line in (
        "stream s3://bucket/files/*.csv: is a file or a name of its own, no table",
        "columns: place as geometry (my_postgres_finance_departments)",
        "source_options: empty_as_null (my_postgres_finance_departments)",
        "source_options: limit (my_postgres_finance_departments)",
        "no schema is named: fill in schema_name, or its default in the sheet Sources (my_postgres_orders)",
        "mode incremental without an update_key of the table: the table is replaced (my_postgres_orders)",
        "object: the folder in the lake follows from source_name and table_name",
        "env: SLING_LOADED_AT_COLUMN",
        "hooks of the whole file",
        "target: AZURE_LAKE; the rows write to lake/raw/my_postgres",
    ):
        assert line in report


def test_the_rows_are_a_valid_workbook() -> None:
    found, _ = imported(REPLICATION.replace("\n  orders:", "\n  public.orders:"))
    assert validate(write_workbook(found.jobs, found.sources)).problems == ()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"sql": "select 1"}, "sql: a row reads a table or a view, no query of its own; make a view of it"),
        ({"where": "day > '{start}'"}, "where: has a variable"),
        ({"where": "day > '${START}'"}, "where: has a variable"),
        ({"select": ["id", "upper(name) as name"]}, "select: has an expression"),
        ({"mode": "snapshot"}, "mode snapshot: a load replaces the table and keeps no earlier one"),
        ({"mode": "change-capture"}, "mode change-capture"),
    ],
)
def test_a_row_that_would_load_something_else_is_switched_off(settings: dict[str, Any], why: str) -> None:
    found, row = one_stream(**settings)
    assert row["enabled"] == "N"
    assert f"{why}; disabled (pg_shop_orders)" in found.report()


def test_every_setting_of_a_stream_is_carried_over_or_reported() -> None:
    unknown = {"transforms": {"name": ["trim"]}, "single": True, "new_setting": 1, "target_options": {"format": "csv"}}
    found, _ = one_stream(**unknown)
    assert {"transforms", "single", "new_setting", "target_options: format"} <= found.losses.keys()


def test_two_streams_of_one_name_have_rows_of_their_own() -> None:
    _, rows = imported("{source: pg, target: t, streams: {a.b_c: , a_b.c: , A.b_c: }}")
    assert list(rows) == ["pg_a_b_c", "pg_a_b_c_2", "pg_A_b_c_3"]


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "source: pg", "{source: pg, streams: [a]}"])
def test_what_is_no_replication_is_one_sentence(text: str) -> None:
    with pytest.raises(WorkbookError, match="replication of Sling"):
        imported(text)
