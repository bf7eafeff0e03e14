"""Databricks by configuration alone: where its files are, what the workbook must say, what one job writes to."""

from __future__ import annotations

import pytest

from shared.jobs.destinations import dataset_path
from shared.lake.databricks import staging_url
from shared.models.job import Job
from shared.workbook.validation import validate
from tests.builders import a_job, a_workbook

CELLS = {
    "destination": "databricks",
    "databricks_catalog": "main",
    "databricks_schema": "Shop",
    "table_format": "delta",
}


def databricks_job(**fields: object) -> Job:
    return a_job(**(CELLS | fields))


@pytest.mark.parametrize(
    ("account_url", "expected"),
    [
        ("https://contoso.blob.core.windows.net/", "abfss://lake@contoso.dfs.core.windows.net/raw/shop/shop_pg_orders"),
        ("https://127.0.0.1:1/devstoreaccount1", "az://lake/raw/shop/shop_pg_orders"),
    ],
)
def test_the_staging_folder_is_spelled_as_databricks_wants_it(account_url: str, expected: str) -> None:
    assert staging_url(databricks_job(), account_url) == expected


def test_a_job_alone_writes_to_its_table_of_the_catalog() -> None:
    assert dataset_path(databricks_job()) == "databricks:main.shop.orders"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"table_format": None}, "table_format: 'parquet' is not what Databricks keeps its tables in; use delta"),
        ({"databricks_catalog": None}, "databricks_catalog"),
        ({"databricks_schema": "a.b"}, "'a.b' holds a space, a period, a slash or a line break"),
        (
            {"detect_deletes": "soft", "load_type": "INCREMENTAL", "watermark_column": "id", "primary_key": "id"},
            "detect_deletes: does not work with destination databricks; leave it blank",
        ),
        ({"destination": "snowflake"}, "'snowflake' is not one of adls, databricks"),
    ],
)
def test_what_a_row_lacks_is_reported_at_its_cell(cells: dict[str, object], message: str) -> None:
    report = validate(a_workbook(CELLS | cells))
    assert message in " ".join(map(str, report.problems))


def test_two_jobs_may_not_share_a_table() -> None:
    rows = [CELLS | {"table_name": "orders", "target_folder_path": folder} for folder in ("a", "b")]
    (problem,) = validate(a_workbook(*rows)).problems
    assert "databricks:main.shop.orders, which job 'job_1' in row" in problem.message


def test_a_backfill_needs_a_key_there() -> None:
    row = CELLS | {"job_id": "a", "load_type": "INCREMENTAL", "watermark_column": "id"}
    order = {"request_id": "again", "job_id": "a", "action": "backfill", "from": 1, "to": 2}
    (problem,) = validate(a_workbook(row, requests=[order])).problems
    assert "'backfill' into Databricks needs primary_key" in problem.message
    assert validate(a_workbook(row | {"primary_key": "id"}, requests=[order])).configuration
