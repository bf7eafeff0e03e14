"""`kill -9` at any point of a load, of any process: the run ends by itself and the lake is the source."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from localhost.services import LocalServices
from tests.e2e.app import jobs_of
from tests.faults.rig import FLOWS, BrokenApp, Flow, broken_app
from tests.faults.tcp_proxy import TcpProxy

IN_CHILD = {
    "FULL Parquet": (
        *("list", "write data file", "read data file", "write record", "write manifest", "delete data file"),
    ),
    "INCREMENTAL Parquet": (
        *("list", "write data file", "read data file", "write state", "write record", "write manifest"),
    ),
    "FULL Delta": ("list", "write data file", "write delta log", "write record"),
    "Delta upsert": ("list", "write data file", "write delta log", "write state", "write record"),
    "Delta deletes": ("write data file", "write delta log", "write record"),
}
IN_HOST = ("acquire lease", "progress row", "ledger row", "release lease", "audit row", "history row", "latest row")
AROUND_COMMIT = {
    "FULL Parquet": ("write data file", "write record", "write manifest", "delete data file"),
    "INCREMENTAL Parquet": ("write record", "write manifest"),
    "FULL Delta": ("write delta log",),
    "Delta upsert": ("write delta log", "write record"),
    "Delta deletes": ("write delta log",),
}
LOADED = {"INCREMENTAL Parquet": 1, "Delta upsert": 2, "Delta deletes": 2}
"""The rows that a change makes a load bring; of the other flows all."""
IN_MAKE_TEST = {
    ("FULL Parquet", "write record", "before"),
    ("FULL Parquet", "write record", "after"),
    ("FULL Parquet", "delete data file", "after"),
    ("INCREMENTAL Parquet", "write record", "after"),
    ("Delta upsert", "write delta log", "after"),
    ("Delta upsert", "write record", "after"),
    ("Delta deletes", "write delta log", "after"),
}


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    """The app with one job for each way to load, loaded once."""
    with broken_app(services, tmp_path_factory.mktemp("kills")) as started:
        for flow in FLOWS:
            started.create_versioned_table(job_of(flow))
        started.put_workbook(*(started.row(job_of(name), job_of(name), **flow.cells) for name, flow in FLOWS.items()))
        run = started.run()
        assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
        yield started


def job_of(flow: str) -> str:
    """The job and the table of a flow."""
    return flow.lower().replace(" ", "_")


def points(stages: dict[str, tuple[str, ...]]) -> list[object]:
    """Every stage of every flow, before and after it happens."""
    return [
        pytest.param(*point, marks=() if point in IN_MAKE_TEST else pytest.mark.campaign, id="-".join(point))
        for flow, named in stages.items()
        for point in product((flow,), named, ("before", "after"))
    ]


@pytest.mark.fault("kill -9 of the child")
@pytest.mark.parametrize(("flow", "stage", "when"), points(IN_CHILD))
def test_a_killed_child(app: BrokenApp, flow: str, stage: str, when: str) -> None:
    survives(app, flow, stage, when, "child")


@pytest.mark.campaign
@pytest.mark.fault("kill -9 of the host")
@pytest.mark.parametrize(("flow", "stage", "when"), points(AROUND_COMMIT | {"FULL Parquet": IN_HOST}))
def test_a_killed_host(app: BrokenApp, flow: str, stage: str, when: str) -> None:
    survives(app, flow, stage, when, "host")


@pytest.mark.campaign
@pytest.mark.fault("kill -9 of host and child")
@pytest.mark.parametrize(("flow", "stage", "when"), points(AROUND_COMMIT))
def test_a_killed_host_with_its_child(app: BrokenApp, flow: str, stage: str, when: str) -> None:
    survives(app, flow, stage, when, "both")


@pytest.mark.campaign
@pytest.mark.fault("kill -9 in the middle of reading")
@pytest.mark.parametrize("victim", ["child", "host", "both"])
@pytest.mark.parametrize("flow", FLOWS)
def test_a_kill_in_the_middle_of_reading(app: BrokenApp, flow: str, victim: str) -> None:
    job = job_of(flow)
    with TcpProxy(app.services.postgres.host, app.services.postgres.port) as postgres:
        app.postgres_through(postgres)
        app.change(job, FLOWS[flow])
        killed = app.when_postgres_has_sent(postgres, 3_000, victim)
        if victim == "child":
            run = app.run(job_ids=[job])
            assert killed.is_set()
        else:
            run = app.wait_over_restart(app.start_fatal_run(job), killed.is_set, "the source has sent a part")
        is_right(app, flow, run)


def survives(app: BrokenApp, flow: str, stage: str, when: str, victim: str) -> None:
    job = job_of(flow)
    app.change(job, FLOWS[flow])
    run = app.run_killing(stage, when, victim, job)
    is_right(app, flow, run)


def is_right(app: BrokenApp, flow_name: str, run: dict[str, object]) -> None:
    flow, job = FLOWS[flow_name], job_of(flow_name)
    app.assert_whole(job, flow)
    watermark = _watermark(app, job, flow)
    loaded = LOADED.get(flow_name) or _count(app, job)
    app.assert_audit_shows(run, job, loaded, watermark)
    assert jobs_of(run)[job]["rows_deleted"] == (flow_name == "Delta deletes")


def _watermark(app: BrokenApp, table: str, flow: Flow) -> int | None:
    column = flow.cells.get("watermark_column")
    return app.query(f"select max({column}) from {table}")[0][0] if column else None


def _count(app: BrokenApp, table: str) -> int:
    return int(app.query(f"select count(*) from {table}")[0][0])
