"""Names and paths in the lake."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.jobs.destinations import dataset_path
from shared.jobs.lake_layout import bucket_path, dataset_name, pipeline_name, table_path
from tests.builders import a_job


def test_a_table_is_in_a_dataset_of_its_source_and_name() -> None:
    job = a_job(target_container="lake", target_folder_path="raw/shop", source_name="shop_pg", table_name="Orders")
    assert dataset_name(job) == "shop_pg_Orders"
    assert table_path(job) == "lake/raw/shop/shop_pg_Orders/Orders"


@pytest.mark.parametrize("folder", ["raw/shop", "/raw/shop", "raw/shop/", "/raw/shop/"])
def test_slashes_around_the_folder_make_no_difference(folder: str) -> None:
    assert bucket_path(a_job(target_container="lake", target_folder_path=folder)) == "lake/raw/shop"


def test_a_container_alone_will_do() -> None:
    assert dataset_path(a_job(target_container="lake", target_folder_path="/")) == "lake/shop_pg_orders"


def test_an_endpoint_gives_its_last_part_as_the_table() -> None:
    job = a_job(source_type="API", source_name="crm", table_name=None, api_endpoint="v1/contacts/")
    assert table_path(job) == "lake/raw/shop/crm_contacts/contacts"


@given(st.text())
def test_a_pipeline_name_is_one_whose_state_dlt_finds_again(job_id: str) -> None:
    name = pipeline_name(job_id)
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    assert pipeline_name(name) == name


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True))
def test_a_plain_job_id_is_its_own_pipeline_name(job_id: str) -> None:
    assert pipeline_name(job_id) == job_id


@pytest.mark.parametrize(
    ("table_name", "in_the_lake"),
    [
        ("Order Lines", "Order Lines"),
        ("a/b\\c", "a~2fb~5cc"),
        ("a_b_c", "a_b_c"),
        ("a~2fb", "a~7e2fb"),
        ('50% "off"?', "50~25 ~22off~22~3f"),
        ("..", "~2e~2e"),
        ("v2.0 {data}", "v2~2e0 ~7bdata~7d"),
        (" a ", "~20a~20"),
        ("größe", "größe"),
        ("_staging", "_staging"),
        ("_dlt_loads", "~5fdlt_loads"),
        ("_delta_log", "~5fdelta_log"),
        ("init", "~69nit"),
        ("initial", "initial"),
        ("CON", "~43ON"),
        ("aux", "~61ux"),
        ("lpt1", "~6cpt1"),
        ("console", "console"),
    ],
)
def test_a_table_gets_a_name_that_can_be_a_folder_and_is_none_of_dlts(table_name: str, in_the_lake: str) -> None:
    assert table_path(a_job(table_name=table_name)) == f"lake/raw/shop/shop_pg_{in_the_lake}/{in_the_lake}"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(min_size=1))
def test_two_tables_never_get_one_name(first: str, second: str) -> None:
    assume(first != second)
    assert a_job(table_name=first).resource_name != a_job(table_name=second).resource_name


@given(
    st.text(st.sampled_from("a_./~2fint{}%dl "), min_size=1), st.text(st.sampled_from("a_./~2fint{}%dl "), min_size=1)
)
def test_two_tables_of_near_names_never_get_one_name(first: str, second: str) -> None:
    assume(first != second)
    assert a_job(table_name=first).resource_name != a_job(table_name=second).resource_name
