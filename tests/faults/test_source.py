"""A database that breaks off, stalls or refuses in the middle of a load."""

from __future__ import annotations

import threading

import pytest

from tests.e2e.app import SOURCE
from tests.faults.rig import FLOWS, BrokenApp, loaded_job
from tests.faults.tcp_proxy import TcpProxy

pytestmark = pytest.mark.campaign


@pytest.mark.fault("source: cut in the middle of a copy")
@pytest.mark.parametrize("size", [500, 3_000, 100_000, 2_000_000])
@pytest.mark.parametrize("flow", ["FULL Parquet", "INCREMENTAL Parquet", "Delta upsert"])
def test_a_connection_cut_after_so_many_bytes(app: BrokenApp, flow: str, size: int) -> None:
    job = loaded_job(app, flow)
    app.execute(f"insert into {job} (id, name) select n, repeat('x', 200) from generate_series(1000, 21000) n")
    with TcpProxy(app.services.postgres.host, app.services.postgres.port) as postgres:
        app.postgres_through(postgres)
        was_cut = threading.Event()

        def cut() -> None:
            was_cut.set()
            raise ConnectionError

        postgres.on_bytes = (size, cut)
        run = app.run(job_ids=[job])
        assert was_cut.is_set()
    app.put_source(SOURCE, app.postgres_connection(app.database))
    assert run["status"] == "SUCCEEDED", run["jobs"]
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.fault("source: stalls")
def test_a_copy_that_stalls_goes_on(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    with TcpProxy(app.services.postgres.host, app.services.postgres.port) as postgres:
        app.postgres_through(postgres)

        def stall() -> None:
            postgres.stalled.set()
            threading.Timer(5, postgres.stalled.clear).start()

        postgres.on_bytes = (3_000, stall)
        run = app.run(job_ids=[job])
    app.put_source(SOURCE, app.postgres_connection(app.database))
    assert run["status"] == "SUCCEEDED", run["jobs"]
    app.assert_whole(job, FLOWS["FULL Parquet"])


@pytest.mark.fault("source: refuses connections")
def test_a_source_that_refuses_fails_as_transient_and_leaves_the_old_data(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    before = app.lake_rows(job)
    with TcpProxy(app.services.postgres.host, app.services.postgres.port) as postgres:
        app.postgres_through(postgres)
        postgres.refuse = True
        run = app.run(job_ids=[job])
    app.put_source(SOURCE, app.postgres_connection(app.database))
    (ended,) = run["jobs"]
    assert (ended["status"], ended["error_kind"], ended["attempt"]) == ("FAILED", "transient", 3), ended
    assert app.lake_rows(job) == before
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS["FULL Parquet"])
