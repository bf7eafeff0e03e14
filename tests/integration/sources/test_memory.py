"""A table of long values takes as much memory as a few of its rows, whatever the database and the driver."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localhost.services import LocalServices
from tests.conftest import unique_name
from tests.oracle_standin.service import OracleService
from tests.tds_standin.service import DRIVERS, TdsService

ROWS = 150  # of a megabyte each
MOST_MEGABYTES = 140  # beyond what a load of one row takes

Order = tuple[dict[str, Any], dict[str, Any], list[str]]
"""Secret, the cells of the job, and the names of a table with one row and of one with many."""


@pytest.fixture(scope="module")
def sqlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TdsService]:
    """A SQL Server with both tables."""
    with TdsService(tmp_path_factory.mktemp("tds")) as server:
        server.execute("CREATE TABLE numbers (n int)")
        server.fill("numbers", ROWS)
        value = "REPLICATE(CAST(N'0123456789abcdef' AS nvarchar(max)), 65536)"
        for table, rows in (("one", 1), ("many", ROWS)):
            server.execute(
                f"CREATE TABLE {table} (id int, document nvarchar(max))",
                f"INSERT INTO {table} SELECT n, {value} FROM numbers WHERE n <= {rows}",
            )
        yield server


@pytest.fixture(params=["PostgreSQL", "Oracle", *DRIVERS])
def order(request: pytest.FixtureRequest, services: LocalServices) -> Iterator[Order]:
    """Both tables in each database, read by each driver."""
    if request.param in DRIVERS:
        server: TdsService = request.getfixturevalue("sqlserver")
        yield server.secret(request.param), {"source_type": "MSSQL", "schema_name": server.schema}, ["one", "many"]
    elif request.param == "Oracle":
        with OracleService() as oracle:
            for table, rows in (("ONE", 1), ("MANY", ROWS)):
                oracle.execute(f"CREATE TABLE {table} (id NUMBER(9), document CLOB)")
                oracle.insert(table, [(n, "0123456789abcdef" * 65536) for n in range(rows)])
            yield oracle.secret, {"source_type": "Oracle", "schema_name": oracle.schema}, ["ONE", "MANY"]
    else:
        name, postgres = unique_name(), services.postgres
        postgres.create_database(name)
        with postgres.connect(name, autocommit=True) as connection:
            for table, rows in (("one", 1), ("many", ROWS)):
                connection.execute(
                    f"CREATE TABLE {table} AS SELECT n AS id, repeat(md5(n::text), 32768) AS document "
                    f"FROM generate_series(1, {rows}) n"
                )
        secret = {"host": postgres.host, "port": postgres.port, "username": postgres.user, "database": name}
        yield secret | {"password": postgres.password}, {"schema_name": "public"}, ["one", "many"]


def test_memory_stays_flat_beside_rows_of_a_megabyte(order: Order) -> None:
    secret, cells, tables = order
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.sources.peak_memory"],
        input=json.dumps({"secret": secret, "cells": cells, "tables": tables}),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
    )
    assert loaded.returncode == 0, loaded.stderr[-3000:]
    taken = json.loads(loaded.stdout.splitlines()[-1])
    assert taken["rows"] == ROWS
    assert taken["megabytes"] < MOST_MEGABYTES
