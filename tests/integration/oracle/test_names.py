"""Which table a name means: Oracle's own rule without quotes, and every name of the catalogue by some spelling."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors.hierarchy import SourceError
from shared.secrets import Secret
from shared.sources.oracle.source import OracleSource
from shared.sources.source import ReadOptions
from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService

OBJECTS = (
    "CREATE TABLE EMPLOYEES (id NUMBER(5), of_table VARCHAR2(20))",
    "INSERT INTO EMPLOYEES VALUES (1, 'EMPLOYEES')",
    'CREATE TABLE "Employees" (id NUMBER(5), of_table VARCHAR2(20))',
    """INSERT INTO "Employees" VALUES (1, 'Employees')""",
    'CREATE TABLE "employees" (id NUMBER(5), of_table VARCHAR2(20))',
    """INSERT INTO "employees" VALUES (1, 'employees')""",
    'CREATE TABLE "orders" (id NUMBER(5), of_table VARCHAR2(20))',
    """INSERT INTO "orders" VALUES (1, 'orders')""",
    'CREATE TABLE "Order Lines" (id NUMBER(5), of_table VARCHAR2(20))',
    """INSERT INTO "Order Lines" VALUES (1, 'Order Lines')""",
    'CREATE VIEW staff AS SELECT id, of_table FROM "orders"',
    "CREATE MATERIALIZED VIEW summary AS SELECT id, of_table FROM EMPLOYEES",
    "CREATE SYNONYM people FOR employees",
    "CREATE SYNONYM folk FOR people",
    'CREATE SYNONYM lines FOR "Order Lines"',
    "CREATE SYNONYM elsewhere FOR hr.jobs@branch",
    "CREATE PUBLIC SYNONYM everyone FOR employees",
)
LISTED = ['"Employees"', '"employees"', "employees", "order lines", "orders", "staff", "summary"]


@pytest.fixture(scope="module", autouse=True)
def objects(oracle: OracleService) -> None:
    oracle.execute(*OBJECTS)


def load(lake: Lake, name: str, schema: str = "reader", **cells: Any) -> str:
    """The table whose rows came."""
    loaded = lake.load(a_job(source_type="Oracle", schema_name=schema, table_name=name, **cells))
    assert loaded.num_rows == 1
    return str(loaded["of_table"][0].as_py())


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("employees", "EMPLOYEES"),
        ("EMPLOYEES", "EMPLOYEES"),
        ("Employees", "Employees"),
        ("eMPLOYEES", "EMPLOYEES"),
        ('"employees"', "employees"),
        ('"EMPLOYEES"', "EMPLOYEES"),
        ("orders", "orders"),
        ("ORDERS", "orders"),
        ("Orders", "orders"),
        ("order lines", "Order Lines"),
        ("STAFF", "orders"),
        ("summary", "EMPLOYEES"),
        ("people", "EMPLOYEES"),
        ("folk", "EMPLOYEES"),
        ("lines", "Order Lines"),
    ],
)
def test_a_name_means_the_table_that_oracle_would_take_or_the_only_one_that_there_is(
    lake: Lake, name: str, table: str
) -> None:
    assert load(lake, name, parallelism=2) == table


@pytest.mark.parametrize("schema", ["reader", "READER", "Reader", '"READER"'])
def test_a_schema_is_found_in_any_case(lake: Lake, schema: str) -> None:
    assert load(lake, "orders", schema) == "orders"


def test_a_public_synonym_is_found_in_the_schema_public(lake: Lake) -> None:
    assert load(lake, "everyone", "public") == "EMPLOYEES"


@pytest.mark.parametrize(
    ("name", "schema", "message"),
    [
        ("employes", "reader", "Table 'reader.employes' does not exist.*Did you mean employees"),
        ('"Staff"', "reader", "does not exist"),
        ("employees", "nobody", "Table 'nobody.employees' does not exist"),
        ("elsewhere", "reader", r"is a synonym for JOBS in another database \(link BRANCH\)"),
    ],
)
def test_a_name_that_means_nothing_is_refused(lake: Lake, name: str, schema: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        load(lake, name, schema)


def test_a_wildcard_lists_every_table_by_a_name_that_means_it(oracle: OracleService, lake: Lake) -> None:
    job = a_job(source_type="Oracle", schema_name="Reader", table_name="*")
    listed = OracleSource(job, Secret(oracle.secret), ReadOptions()).table_names()
    assert listed == LISTED
    folders = {a_job(table_name=name).resource_name for name in listed}
    assert (
        len({folder.casefold() for folder in folders}) >= len(listed) - 1
    )  # but for two in quotes that differ in case
    meant = {name: load(lake, name) for name in listed if name not in ("staff", "summary")}
    assert meant == {
        '"Employees"': "Employees",
        '"employees"': "employees",
        "employees": "EMPLOYEES",
        "order lines": "Order Lines",
        "orders": "orders",
    }


def test_columns_that_differ_in_case_only_are_refused_and_one_of_them_is_read_by_its_own_name(
    oracle: OracleService, lake: Lake, table: str
) -> None:
    oracle.execute(
        f'CREATE TABLE {table} (id NUMBER(5), a VARCHAR2(5), "a" VARCHAR2(5), "Mixed" NUMBER(3), PRIMARY KEY (a))',
        f"INSERT INTO {table} VALUES (1, 'upper', 'lower', 7)",
    )
    job = a_job(source_type="Oracle", schema_name="reader", table_name=table)
    with pytest.raises(SourceError, match=r"Columns A, a of table .* differ in case only"):
        lake.load(job)
    (row,) = lake.load(job.model_copy(update={"excluded_columns": ("a",)})).to_pylist()
    assert row == {"id": 1, "A": "upper", "Mixed": 7}
