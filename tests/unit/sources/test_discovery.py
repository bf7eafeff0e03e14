"""Every type of docs/types.md: what its table refuses as a watermark is never proposed, whatever its name."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from localhost.type_tables import ORACLE, POSTGRESQL, SQL_SERVER, watermark_order
from shared.jobs.proposals import LARGE_ROWS, propose
from shared.models.discovery import FoundTable
from shared.secrets import Secret
from shared.sources.discovery import found_column
from shared.sources.oracle.source import OracleSource
from shared.sources.postgresql.source import PostgresSource
from shared.sources.source import ReadOptions
from shared.sources.sql import SqlSource
from shared.sources.sqlserver.source import SqlServerSource
from tests.builders import a_job

CONNECTION = {"host": "h", "database": "d", "service_name": "s", "username": "u", "password": "p"}
CASES = [
    pytest.param(reader, source_type, kind, id=f"{source_type} {name}")
    for reader, source_type, types in (
        (PostgresSource, "PostgreSQL", POSTGRESQL),
        (SqlServerSource, "MSSQL", SQL_SERVER),
        (OracleSource, "Oracle", ORACLE),
    )
    for name, kind in types.items()
]


@pytest.mark.parametrize(("reader", "source_type", "kind"), CASES)
@pytest.mark.parametrize("name", ["updated_at", "id"])
def test_a_type_that_is_refused_is_never_proposed(
    reader: type[SqlSource], source_type: str, kind: sa.types.TypeEngine[Any], name: str
) -> None:
    fields = {key: value for key, value in CONNECTION.items() if key in reader.connection_type.model_fields}
    source = reader(a_job(source_type=source_type), Secret(fields), ReadOptions())
    column = {"name": name, "type": kind, "nullable": False, "autoincrement": True}
    read = source.read_column(sa.Column(name, kind), None)
    found = found_column(source, column, read, str(type(kind)), {name})
    table = FoundTable(
        schema_name="s", table_name="t", columns=(found,), primary_key=(name,), rows=LARGE_ROWS, rows_are="estimate"
    )
    cells = propose(table, True, ()).cells
    if watermark_order(reader, source_type, kind) == "refused":
        assert "watermark_column" not in cells
    else:
        assert found.is_ordered
        by_name = name == "updated_at" and found.holds in ("time", "date")
        assert ("watermark_column" in cells) == (by_name or found.holds in ("version", "whole number"))
