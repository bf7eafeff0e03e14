"""`kill -9` in a load of a table that has loaded so often that a load no longer lists all of its files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product

import pytest

from benchmarks.long_lake import Template, make_history
from localhost.services import LocalServices
from shared.lake.dataset import SMALL
from tests.builders import a_job
from tests.e2e.app import SOURCE
from tests.faults.rig import FLOWS, BrokenApp, broken_app

JOB = "long_history"
FLOW = FLOWS["INCREMENTAL Parquet"]
STAGES = ("list", "write data file", "read data file", "write state", "write record", "write manifest")
IN_MAKE_TEST = {("write data file", "after"), ("write record", "after")}


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    """The app with one job, whose lake has the files of more loads than are listed at once."""
    with broken_app(services, tmp_path_factory.mktemp("long-history")) as started:
        started.create_versioned_table(JOB, rows=1)
        started.put_workbook(started.row(JOB, JOB, **FLOW.cells))
        for number in (1, 2):
            run = started.run()
            assert run["status"] == "SUCCEEDED", run["jobs"] or run["error"]
            more = f"select {number} + 1, name, version from {JOB} where id = 1"
            started.execute(f"insert into {JOB} {more}")
        job = a_job(
            job_id=JOB,
            source_name=SOURCE,
            table_name=JOB,
            load_type="INCREMENTAL",
            watermark_column="id",
            target_container=started.lake_name,
            target_folder_path="raw",
        )
        started.execute(
            f"insert into {JOB} select n, name, version from {JOB}, generate_series(4, {SMALL}) n where id = 1"
        )
        make_history(Template.of(started.lake_container, job), SMALL, time.time() - 900)
        yield started


def assert_survived(app: BrokenApp, stage: str, when: str, victim: str) -> None:
    """A load whose process is killed leaves the table whole, and its run shows it."""
    app.change(JOB, FLOW)
    newest = app.query(f"select max(id) from {JOB}")[0][0]
    run = app.run_killing(stage, when, victim, JOB)
    app.assert_whole(JOB, FLOW)
    app.assert_audit_shows(run, JOB, 1, newest)


@pytest.mark.fault("kill -9 of a load after a long history")
@pytest.mark.parametrize(
    ("stage", "when"),
    [
        pytest.param(*point, marks=() if point in IN_MAKE_TEST else pytest.mark.campaign, id="-".join(point))
        for point in product(STAGES, ("before", "after"))
    ],
)
def test_a_killed_child(app: BrokenApp, stage: str, when: str) -> None:
    assert_survived(app, stage, when, "child")


@pytest.mark.campaign
@pytest.mark.fault("kill -9 of a load after a long history")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stage", ["write record", "write manifest"])
def test_a_killed_host_with_its_child(app: BrokenApp, stage: str, when: str) -> None:
    assert_survived(app, stage, when, "both")
