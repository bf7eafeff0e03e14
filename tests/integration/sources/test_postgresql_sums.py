"""`verify = SUMS` on PostgreSQL: exact sums of whole and decimal numbers, in the snapshot and bounds of the read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from shared.errors.hierarchy import ReconciliationError
from shared.sources.columns import ReadColumn
from shared.sources.postgresql.source import PostgresSnapshot
from tests.builders import a_job
from tests.integration.sources.conftest import Lake, rows

Sql = psycopg.Connection[Any]


@pytest.fixture
def orders(sql: Sql, table: str) -> str:
    sql.execute(
        f"create table {table} (id bigint primary key, small smallint, big bigint, amount numeric(20, 4), "
        "free numeric, weight double precision, name text)"
    )
    sql.execute(
        f"insert into {table} select n, -n, 9223372036854775807 - n, n + 0.0001, n / 8.0, n / 3.0, 'n' || n "
        "from generate_series(1, 1000) n"
    )
    sql.execute(f"insert into {table} (id) values (1001)")
    return table


@pytest.mark.parametrize("parallelism", [1, 3])
def test_a_read_with_all_its_numbers_passes(lake: Lake, orders: str, parallelism: int) -> None:
    job = a_job(table_name=orders, verify="SUMS", parallelism=parallelism)
    assert lake.load(job).num_rows == 1001


def test_sums_follow_filter_watermark_and_declared_types(lake: Lake, sql: Sql, orders: str) -> None:
    job = a_job(
        table_name=orders,
        verify="SUMS",
        query_filter="small <> -5",
        load_type="INCREMENTAL",
        watermark_column="id",
        last_watermark="3",
        column_types={"free": "decimal(12,2)"},
    )
    assert len(rows(lake.load(job))) == 997
    sql.execute(f"insert into {orders} (id, small, free) values (1002, 7, 0.125)")
    assert len(rows(lake.load(job))) == 998


def test_a_number_that_changed_on_its_way_is_refused_with_both_sums(
    lake: Lake, orders: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PostgresSnapshot.read

    def with_another_amount(self: PostgresSnapshot, query: Any, columns: Sequence[ReadColumn]) -> Any:
        for batch in read(self, query, columns):
            place = batch.schema.get_field_index("amount")
            changed = ["0.0001", *batch.column(place).to_pylist()[1:]]
            yield batch.set_column(place, "amount", pa.array(changed, pa.string()))

    monkeypatch.setattr(PostgresSnapshot, "read", with_another_amount)
    with pytest.raises(ReconciliationError) as error:
        lake.load(a_job(table_name=orders, verify="SUMS"))
    assert "column 'amount' adds up to 500500.1000 at the source and to 500499.1000 as it was read" in str(error.value)
    assert lake.load(a_job(table_name=orders, verify=True)).num_rows == 1001
