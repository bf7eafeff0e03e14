"""What a `table_name` with * is matched against."""

from __future__ import annotations

from typing import Any

import psycopg

from shared.secrets import Secret
from shared.sources.probe import list_tables
from tests.builders import a_job


def test_whatever_holds_rows_of_its_own_is_listed_and_a_partition_is_part_of_its_table(
    sql: psycopg.Connection[Any], table: str, secret: Secret
) -> None:
    sql.execute(f"CREATE SCHEMA {table}")
    sql.execute(f"SET search_path = {table}")
    sql.execute("CREATE TABLE orders (id int, day date) PARTITION BY RANGE (day)")
    sql.execute("CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    sql.execute('CREATE TABLE "Mixed Case" (id int PRIMARY KEY)')
    sql.execute("CREATE VIEW open_orders AS SELECT * FROM orders")
    sql.execute("CREATE MATERIALIZED VIEW order_days AS SELECT day FROM orders")
    sql.execute("CREATE SEQUENCE numbers")
    sql.execute("RESET search_path")
    job = a_job(source_type="PostgreSQL", schema_name=table)
    assert list_tables(job, secret, lambda _stage, _rows: None) == [
        "Mixed Case",
        "open_orders",
        "order_days",
        "orders",
    ]
