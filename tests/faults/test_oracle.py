"""An Oracle server that breaks off, refuses or stalls in the middle of a load of the whole app."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.app import SOURCE
from tests.faults.rig import BrokenApp
from tests.oracle_standin.service import OracleService

pytestmark = pytest.mark.campaign

ROWS = 20_000
FLOWS: dict[str, dict[str, object]] = {
    "FULL Parquet": {"load_type": "FULL"},
    "FULL Parquet, three readers": {"load_type": "FULL", "parallelism": 3},
    "INCREMENTAL Parquet": {"load_type": "INCREMENTAL", "watermark_column": "id"},
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def oracle(app: BrokenApp) -> Iterator[OracleService]:
    """A server, whose connection is that of the app's source while the module runs."""
    with OracleService() as started:
        app.put_source(SOURCE, started.secret)
        yield started
        app.put_source(SOURCE, app.postgres_connection(app.database))


def changed_job(app: BrokenApp, oracle: OracleService, flow: str) -> str:
    """A job that was loaded once, and whose table has more rows since."""
    job = f"oracle_{next(_numbers)}"
    oracle.execute(f"CREATE TABLE {job} (id NUMBER(9) PRIMARY KEY, name VARCHAR2(40))")
    oracle.insert(job, [(n, f"row {n}") for n in range(100)])
    cells = {"source_type": "Oracle", "schema_name": oracle.schema, "chunk_size": 1000, **FLOWS[flow]}
    app.put_workbook(app.row(job, job, **cells))
    run = app.run()
    assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
    oracle.insert(job, [(n, f"row {n}") for n in range(100, ROWS)])
    return job


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize(
    "order",
    [
        pytest.param({"cut": True}, marks=pytest.mark.fault("source: Oracle cuts the connection in mid-fetch")),
        pytest.param({"error": 1555}, marks=pytest.mark.fault("source: Oracle has no snapshot any more (ORA-01555)")),
        pytest.param({"error": 600}, marks=pytest.mark.fault("source: an error inside Oracle (ORA-00600)")),
        pytest.param({"sleep": 5}, marks=pytest.mark.fault("source: Oracle stalls")),
    ],
    ids=str,
)
def test_a_load_that_breaks_in_the_middle_is_whole_after_the_run(
    app: BrokenApp, oracle: OracleService, flow: str, order: dict[str, Any]
) -> None:
    job = changed_job(app, oracle, flow)
    oracle.order(rf"{job}\.name AS name", after_rows=500, **order)
    run = app.run(job_ids=[job])
    assert run["status"] == "SUCCEEDED", run["jobs"]
    assert not [fault for fault in oracle.database.faults if fault.times], "the fault was not met"
    assert run["jobs"][0]["attempt"] == (1 if "sleep" in order else 2)
    assert sorted(int(row[0]) for row in app.lake_rows(job)) == list(range(ROWS))


@pytest.mark.fault("source: Oracle is silent")
def test_a_silent_server_fails_the_job_and_leaves_what_was_loaded(app: BrokenApp, oracle: OracleService) -> None:
    job = changed_job(app, oracle, "FULL Parquet")
    before = app.lake_rows(job)
    app.put_source(SOURCE, {**oracle.secret, "statement_timeout": 2})
    oracle.order(rf"{job}\.name AS name", sleep=60)
    run = app.run(job_ids=[job])
    app.put_source(SOURCE, oracle.secret)
    assert run["status"] != "SUCCEEDED"
    assert "statement_timeout" in run["jobs"][0]["error_message"]
    assert app.lake_rows(job) == before
