"""Rows that match many tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.destinations import dataset_path
from shared.jobs.wildcards import expand, expanded_job, table_of
from shared.workbook.configuration import Configuration
from tests.builders import a_job

TABLES = ["orders", "order_items", "customers", "tmp_orders"]


@pytest.mark.parametrize(
    ("pattern", "excluded", "tables"),
    [
        ("*", (), ["customers", "order_items", "orders", "tmp_orders"]),
        ("ord*", (), ["order_items", "orders"]),
        ("ORD*s", (), ["order_items", "orders"]),
        ("*", ("tmp_*", "customers"), ["order_items", "orders"]),
        ("x*", (), []),
    ],
)
def test_a_wildcard_becomes_one_job_per_table(pattern: str, excluded: tuple[str, ...], tables: list[str]) -> None:
    jobs = expand(a_job(job_id="shop", table_name=pattern, excluded_tables=excluded), TABLES)
    assert [job.table_name for job in jobs] == tables
    assert [job.job_id for job in jobs] == [f"shop.{table}" for table in tables]


def test_a_job_of_one_table_stays_as_it_is() -> None:
    job = a_job(table_name="orders")
    assert expand(job, TABLES) == [job]


def test_a_row_of_its_own_wins_over_a_wildcard() -> None:
    own = a_job(job_id="own", table_name="orders")
    jobs = expand(a_job(job_id="all", table_name="*"), TABLES, taken={dataset_path(own)})
    assert "orders" not in [job.table_name for job in jobs]
    assert len(jobs) == 3


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_an_expanded_job_is_found_again_by_its_id_whatever_its_table_is_called(table: str) -> None:
    wildcard = a_job(job_id="shop", table_name="*")
    (job,) = expand(wildcard, [table])
    assert expanded_job(wildcard, job.job_id) == job
    assert Configuration(jobs=(wildcard,)).job(job.job_id) == job
    assert not set(job.job_id) & set("/\\#?%")


def test_an_id_of_no_job_is_not_found() -> None:
    configuration = Configuration(jobs=(a_job(job_id="shop", table_name="orders"),))
    assert configuration.job("shop.orders") is None
    assert configuration.job("other") is None


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ({}, {"order lines", "invoices"}),
        ({"target_folder_path": "elsewhere"}, {"order lines", "invoices"}),
        ({"schema_name": "other"}, {"orders", "order lines", "invoices"}),
        ({"source_name": "other_pg"}, {"orders", "order lines", "invoices"}),
    ],
)
def test_a_row_of_its_own_wins_wherever_it_writes_if_source_schema_and_table_are_the_same(
    own: dict[str, str], left: set[str]
) -> None:
    row = a_job(job_id="own", table_name="orders", **own)
    tables = ["orders", "order lines", "invoices"]
    jobs = expand(a_job(job_id="all", table_name="*"), tables, rows={table_of(row)})
    assert {job.table_name for job in jobs} == left
