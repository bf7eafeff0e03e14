"""Loads from a server that answers: the first SELECT, several readers, increments, and what the lake has then."""

from __future__ import annotations

from tests.builders import a_job
from tests.integration.sources.conftest import Lake
from tests.oracle_standin.service import OracleService


def test_a_table_is_loaded(oracle: OracleService, lake: Lake, table: str) -> None:
    oracle.execute(f"CREATE TABLE {table} (id NUMBER(10) PRIMARY KEY, name VARCHAR2(20), d DATE)")
    oracle.insert(f"{table} (id, name)", [(n, f"row {n}") for n in range(2500)])
    loaded = lake.load(a_job(source_type="Oracle", schema_name=oracle.schema, table_name=table, chunk_size=1000))
    assert loaded["id"].sort().to_pylist() == list(range(2500))
    assert set(loaded.column_names) >= {"id", "name", "d"}
