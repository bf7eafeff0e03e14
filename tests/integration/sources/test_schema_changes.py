"""A source's columns change between two loads: rows come under the contract, and all files can be read together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from tests.builders import a_job
from tests.integration.sources.conftest import Lake

FIRST = {"id": 1, "a": 10, "b": "one", "n": Decimal("1.50")}


@dataclass(frozen=True)
class Change:
    """What happens at the source, the row that is inserted after it, and how both rows look in the lake then."""

    statement: str
    values: str
    first: dict[str, Any]
    second: dict[str, Any]


CHANGES = {
    "added": Change(
        "ADD extra text DEFAULT 'x'",
        "(2, 20, 'two', 2.25, 'y')",
        FIRST | {"extra": None},
        {"id": 2, "a": 20, "b": "two", "n": Decimal("2.25"), "extra": "y"},
    ),
    "dropped": Change("DROP b", "(2, 20, 2.25)", FIRST, {"id": 2, "a": 20, "b": None, "n": Decimal("2.25")}),
    "renamed": Change(
        "RENAME b TO c",
        "(2, 20, 'two', 2.25)",
        FIRST | {"c": None},
        {"id": 2, "a": 20, "b": None, "n": Decimal("2.25"), "c": "two"},
    ),
    "integer widened": Change(
        "ALTER a TYPE bigint",
        "(2, 9223372036854775807, 'two', 2.25)",
        FIRST,
        {"id": 2, "a": 9223372036854775807, "b": "two", "n": Decimal("2.25")},
    ),
    "numeric widened": Change(
        "ALTER n TYPE numeric(14, 4)",
        "(2, 20, 'two', 2.2500)",
        FIRST,
        {"id": 2, "a": 20, "b": "two", "n": Decimal("2.25")},
    ),
    "integer becomes text": Change(
        "ALTER a TYPE text",
        "(2, '20', 'two', 2.25)",
        FIRST,
        {"id": 2, "a": 20, "b": "two", "n": Decimal("2.25")},
    ),
    "nullable": Change(
        "ALTER a DROP NOT NULL",
        "(2, NULL, 'two', 2.25)",
        FIRST,
        {"id": 2, "a": None, "b": "two", "n": Decimal("2.25")},
    ),
}


def job_for(sql: psycopg.Connection[Any], table: str, **settings: Any) -> Job:
    sql.execute(f"CREATE TABLE {table} (id int NOT NULL, a int NOT NULL, b text, n numeric(10, 2))")
    sql.execute(f"INSERT INTO {table} VALUES (1, 10, 'one', 1.5)")
    return a_job(**({"table_name": table, "load_type": "INCREMENTAL", "watermark_column": "id"} | settings))


def by_id(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: str(row["id"]))


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("kind", CHANGES)
def test_rows_come_beside_the_old_ones(
    lake: Lake, sql: psycopg.Connection[Any], table: str, kind: str, table_format: str
) -> None:
    change = CHANGES[kind]
    job = job_for(sql, table, table_format=table_format)
    lake.load(job)
    sql.execute(f"ALTER TABLE {table} {change.statement}")
    sql.execute(f"INSERT INTO {table} VALUES {change.values}")
    assert by_id(lake.load(job)) == [change.first, change.second]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_value_that_the_old_type_cannot_carry_waits_for_a_full_refresh(
    lake: Lake, sql: psycopg.Connection[Any], table: str, table_format: str
) -> None:
    job = job_for(sql, table, table_format=table_format)
    before = lake.load(job)
    sql.execute(f"ALTER TABLE {table} ALTER a TYPE text")
    sql.execute(f"INSERT INTO {table} VALUES (2, 'twenty', 'two', 2.25)")
    with pytest.raises(SourceError, match=r"Column 'a' holds twenty, which does not fit int64.*request a full refresh"):
        lake.load(job)
    assert before.num_rows == 1
    if table_format == "parquet":
        refreshed = lake.load(job, full_refresh=True)
        assert refreshed.column("a").to_pylist() == ["10", "twenty"]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize("contract", ["freeze", "discard_row", "discard_value"])
def test_what_changes_no_type_of_the_lake_passes_every_contract(
    lake: Lake, sql: psycopg.Connection[Any], table: str, contract: str, table_format: str
) -> None:
    job = job_for(sql, table, schema_contract=contract, table_format=table_format)
    lake.load(job)
    sql.execute(f"ALTER TABLE {table} ALTER a TYPE bigint, ALTER a DROP NOT NULL, ALTER b TYPE varchar(9), DROP n")
    sql.execute(f"INSERT INTO {table} VALUES (2, NULL, 'two')")
    assert by_id(lake.load(job)) == [FIRST, {"id": 2, "a": None, "b": "two", "n": None}]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("kind", "contract", "rows"),
    [
        ("added", "discard_row", [FIRST]),
        ("renamed", "discard_row", [FIRST]),
        ("renamed", "discard_value", [FIRST, {"id": 2, "a": 20, "b": None, "n": Decimal("2.25")}]),
        ("numeric widened", "discard_row", [FIRST]),
        ("numeric widened", "discard_value", [FIRST, {"id": 2, "a": 20, "b": "two", "n": None}]),
        ("added", "discard_value", [FIRST, {"id": 2, "a": 20, "b": "two", "n": Decimal("2.25")}]),
        ("integer becomes text", "discard_row", [FIRST]),
        (
            "integer becomes text",
            "discard_value",
            [FIRST, {"id": 2, "a": None, "b": "two", "n": Decimal("2.25")}],
        ),
    ],
)
def test_a_contract_leaves_out_what_does_not_fit(
    lake: Lake,
    sql: psycopg.Connection[Any],
    table: str,
    kind: str,
    contract: str,
    rows: list[dict[str, Any]],
    table_format: str,
) -> None:
    job = job_for(sql, table, schema_contract=contract, table_format=table_format)
    lake.load(job)
    sql.execute(f"ALTER TABLE {table} {CHANGES[kind].statement}")
    sql.execute(f"INSERT INTO {table} VALUES {CHANGES[kind].values}")
    assert by_id(lake.load(job)) == rows


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "added",
            "Column 'extra' of table '{table}' is new in source 'shop_pg', and schema_contract freeze forbids it",
        ),
        ("renamed", "Column 'c' of table '{table}' is new in source 'shop_pg'"),
        ("integer becomes text", "Column 'a' of table '{table}' has another type now in source 'shop_pg'"),
        ("numeric widened", "Column 'n' of table '{table}' has another type now in source 'shop_pg'"),
    ],
)
def test_a_frozen_table_refuses_the_change(
    lake: Lake, sql: psycopg.Connection[Any], table: str, kind: str, message: str, table_format: str
) -> None:
    job = job_for(sql, table, schema_contract="freeze", table_format=table_format)
    lake.load(job)
    sql.execute(f"ALTER TABLE {table} {CHANGES[kind].statement}")
    with pytest.raises(SourceError) as caught:
        lake.load(job)
    assert message.format(table=table) in str(caught.value)


def test_a_full_load_takes_the_new_types(lake: Lake, sql: psycopg.Connection[Any], table: str) -> None:
    job = job_for(sql, table, load_type="FULL", watermark_column=None)
    lake.load(job)
    sql.execute(f"ALTER TABLE {table} ALTER a TYPE text USING 'ten'")
    assert lake.load(job).column("a").to_pylist() == ["ten"]
