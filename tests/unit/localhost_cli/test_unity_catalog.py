"""The statements for Unity Catalog: read back by a parser of Databricks' SQL."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import expressions as exp

from localhost.unity_catalog import table_statements
from shared.models.job import Job
from tests.builders import a_job


def delta(**fields: object) -> Job:
    return a_job(table_format="delta", **fields)


def statements(*jobs: Job, schema: str | None = None) -> list[str]:
    return list(table_statements(jobs, "contosolake", "main", schema))


@pytest.mark.parametrize("table", ["orders", "Order Lines", "o`clock", "it's", 'ä"b', "a.b"])
def test_any_table_name_comes_back_as_it_was(table: str) -> None:
    create = sqlglot.parse_one(statements(delta(table_name=table))[1], dialect="databricks")
    assert isinstance(create, exp.Create)
    assert (create.this.catalog, create.this.db, create.this.name) == (
        "main",
        "shop_pg",
        delta(table_name=table).resource_name,
    )
    location = create.find(exp.LocationProperty)
    assert location
    expected = f"abfss://lake@contosolake.dfs.core.windows.net/raw/shop/shop_pg_{create.this.name}/{create.this.name}"
    assert location.this.this == expected


def test_only_enabled_delta_tables_of_the_lake_are_named() -> None:
    others = [
        a_job(table_name="parquet"),
        delta(table_name="off", enabled=False),
        delta(table_name="there", destination="databricks", databricks_catalog="c", databricks_schema="s"),
    ]
    assert statements(*others) == []


def test_a_schema_of_ones_own_holds_all_and_clashes_are_reported() -> None:
    printed = statements(delta(job_id="a"), delta(job_id="b", source_name="other_pg"), schema="bronze")
    assert printed[0] == "CREATE SCHEMA IF NOT EXISTS `main`.`bronze`;"
    assert "`main`.`bronze`.`orders`" in printed[1]
    assert printed[2] == "-- b: its table would be called like that of a; give it another --schema."


def test_a_wildcard_is_printed_as_a_comment() -> None:
    (comment,) = statements(delta(job_id="all", table_name="ord*\n;drop"))
    assert comment.startswith("-- all: which tables table_name ord* ;drop matches")


def test_another_cloud_is_named_by_its_host() -> None:
    (_, create) = table_statements([delta()], "x.dfs.core.chinacloudapi.cn", "main", None)
    assert "'abfss://lake@x.dfs.core.chinacloudapi.cn/raw/" in create
