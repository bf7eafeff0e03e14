"""A SQL Server that breaks off, refuses or stalls in the middle of a load of the whole app, by both drivers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.app import SOURCE
from tests.faults.rig import BrokenApp
from tests.tds_standin.service import DRIVERS, TdsService

pytestmark = pytest.mark.campaign

ROWS = 20_000
FLOWS: dict[str, dict[str, object]] = {
    "FULL Parquet": {"load_type": "FULL"},
    "FULL Parquet, three readers": {"load_type": "FULL", "parallelism": 3},
    "INCREMENTAL Parquet": {"load_type": "INCREMENTAL", "watermark_column": "id"},
}
_numbers = itertools.count()


@pytest.fixture(scope="module", params=DRIVERS)
def server(
    request: pytest.FixtureRequest, app: BrokenApp, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TdsService]:
    """A server, whose connection is that of the app's source while the module runs, by each driver."""
    with TdsService(tmp_path_factory.mktemp("tds")) as started:
        app.put_source(SOURCE, started.secret(request.param))
        yield started
        app.put_source(SOURCE, app.postgres_connection(app.database))


def changed_job(app: BrokenApp, server: TdsService, flow: str) -> str:
    """A job that was loaded once, and whose table has more rows since."""
    job = f"mssql_{next(_numbers)}"
    server.execute(f"CREATE TABLE {job} (id int NOT NULL PRIMARY KEY, name nvarchar(40))")
    server.fill(job, 100)
    cells = {"source_type": "MSSQL", "schema_name": server.schema, "chunk_size": 1000, **FLOWS[flow]}
    app.put_workbook(app.row(job, job, **cells))
    run = app.run()
    assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
    server.execute(f"DELETE FROM {job}")
    server.fill(job, ROWS)
    return job


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
    job = changed_job(app, server, flow)
    after = {} if "silent" in order else {"after_rows": 500}
    server.order(rf"{job}\.name AS name", **after, **order)
    run = app.run(job_ids=[job])
    assert run["status"] == "SUCCEEDED", (run["jobs"][0]["error_kind"], run["jobs"][0]["error_message"])
    assert run["jobs"][0]["attempt"] == (1 if "silent" in order else 2), "the fault was not met"
    assert sorted({int(row[0]) for row in app.lake_rows(job)}) == list(range(1, ROWS + 1))
    assert len(app.lake_rows(job)) == ROWS


@pytest.mark.fault("source: SQL Server is silent")
def test_a_silent_server_fails_the_job_and_leaves_what_was_loaded(app: BrokenApp, server: TdsService) -> None:
    job = changed_job(app, server, "FULL Parquet")
    before = app.lake_rows(job)
    secret = server.secret()
    app.put_source(SOURCE, {**secret, "statement_timeout": 2})
    server.order(rf"{job}\.name AS name", silent=60)
    run = app.run(job_ids=[job])
    app.put_source(SOURCE, secret)
    assert run["status"] != "SUCCEEDED"
    assert "statement_timeout" in run["jobs"][0]["error_message"]
    assert app.lake_rows(job) == before
