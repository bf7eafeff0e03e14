"""An Oracle server that breaks off, refuses or stalls in the middle of a load of the whole app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.app import SOURCE
from tests.faults.broken_reads import FLOWS, ROWS, assert_silence_fails_the_job, changed_job, reading
from tests.faults.rig import BrokenApp
from tests.oracle_standin.service import OracleService

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def oracle(app: BrokenApp) -> Iterator[OracleService]:
    """A server, whose connection is that of the app's source while the module runs."""
    with OracleService() as started:
        app.put_source(SOURCE, started.secret)
        yield started
        app.put_source(SOURCE, app.postgres_connection(app.database))


def changed(app: BrokenApp, oracle: OracleService, flow: str) -> str:
    """A job of the server that was loaded once, and whose table has more rows since."""

    def create(table: str) -> None:
        oracle.execute(f"CREATE TABLE {table} (id NUMBER(9) PRIMARY KEY, name VARCHAR2(40))")
        oracle.insert(table, [(n, f"row {n}") for n in range(100)])

    def change(table: str) -> None:
        oracle.insert(table, [(n, f"row {n}") for n in range(100, ROWS)])

    return changed_job(app, flow, {"source_type": "Oracle", "schema_name": oracle.schema}, create, change)


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
    job = changed(app, oracle, flow)
    oracle.order(reading(job), after_rows=500, **order)
    run = app.run(job_ids=[job])
    assert run["status"] == "SUCCEEDED", run["jobs"]
    assert not [fault for fault in oracle.database.faults if fault.times], "the fault was not met"
    assert run["jobs"][0]["attempt"] == (1 if "sleep" in order else 2)
    assert sorted(int(row[0]) for row in app.lake_rows(job)) == list(range(ROWS))


@pytest.mark.fault("source: Oracle is silent")
def test_a_silent_server_fails_the_job_and_leaves_what_was_loaded(app: BrokenApp, oracle: OracleService) -> None:
    job = changed(app, oracle, "FULL Parquet")
    assert_silence_fails_the_job(app, job, oracle.secret, lambda statement: oracle.order(statement, sleep=60))
