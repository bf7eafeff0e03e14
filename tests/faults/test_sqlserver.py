"""A SQL Server that breaks off, refuses or stalls in the middle of a load of the whole app, by both drivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.app import SOURCE
from tests.faults.broken_reads import FLOWS, ROWS, assert_silence_fails_the_job, changed_job, reading
from tests.faults.rig import BrokenApp
from tests.tds_standin.service import DRIVERS, TdsService

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module", params=DRIVERS)
def server(
    request: pytest.FixtureRequest, app: BrokenApp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TdsService]:
    """A server, whose connection is that of the app's source while the module runs, by each driver."""
    with TdsService(tmp_path_factory.mktemp("tds")) as started:
        app.put_source(SOURCE, started.secret(request.param))
        yield started
        app.put_source(SOURCE, app.postgres_connection(app.database))


def changed(app: BrokenApp, server: TdsService, flow: str) -> str:
    """A job of the server that was loaded once, and whose table has more rows since."""

    def create(table: str) -> None:
        server.execute(f"CREATE TABLE {table} (id int NOT NULL PRIMARY KEY, name nvarchar(40))")
        server.fill(table, 100)

    def change(table: str) -> None:
        server.execute(f"DELETE FROM {table}")
        server.fill(table, ROWS)

    return changed_job(app, flow, {"source_type": "MSSQL", "schema_name": server.schema}, create, change)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(
    "order",
    [
        pytest.param({"cut": True}, marks=pytest.mark.fault("source: SQL Server is cut off between two rows")),
        pytest.param({"torn": True}, marks=pytest.mark.fault("source: SQL Server is cut off inside of a row")),
        pytest.param({"error": 1205}, marks=pytest.mark.fault("source: SQL Server picks a deadlock's victim (1205)")),
        pytest.param({"error": 596}, marks=pytest.mark.fault("source: SQL Server ends the session (596)")),
        pytest.param({"error": 40197}, marks=pytest.mark.fault("source: Azure SQL fails over (40197)")),
        pytest.param({"silent": 5}, marks=pytest.mark.fault("source: SQL Server stalls")),
    ],
    ids=str,
)
def test_a_load_that_breaks_in_the_middle_is_whole_after_the_run(
    app: BrokenApp, server: TdsService, flow: str, order: dict[str, Any]
) -> None:
    job = changed(app, server, flow)
    after = {} if "silent" in order else {"after_rows": 500}
    server.order(reading(job), **after, **order)
    run = app.run(job_ids=[job])
    assert run["status"] == "SUCCEEDED", (run["jobs"][0]["error_kind"], run["jobs"][0]["error_message"])
    assert run["jobs"][0]["attempt"] == (1 if "silent" in order else 2), "the fault was not met"
    assert sorted({int(row[0]) for row in app.lake_rows(job)}) == list(range(1, ROWS + 1))
    assert len(app.lake_rows(job)) == ROWS


@pytest.mark.fault("source: SQL Server is silent")
def test_a_silent_server_fails_the_job_and_leaves_what_was_loaded(app: BrokenApp, server: TdsService) -> None:
    job = changed(app, server, "FULL Parquet")
    assert_silence_fails_the_job(app, job, server.secret(), lambda statement: server.order(statement, silent=60))
