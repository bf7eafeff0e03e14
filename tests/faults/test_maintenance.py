"""A maintenance that is killed: the table is as it was, and the next load and the next maintenance go through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.rig import FLOWS, BrokenApp, Flow, loaded_job
from tests.faults.storage_proxy import Fault, Moment, Once

FLOW = FLOWS["Delta upsert"]
IN_MAKE_TEST = ("write manifest", "before", "child")


@pytest.mark.campaign
@pytest.mark.fault("kill -9 in a Delta maintenance")
@pytest.mark.parametrize("victim", ["child", "host", "both"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stage", ["write data file", "write delta log"])
def test_a_killed_maintenance(app: BrokenApp, stage: str, when: Moment, victim: str) -> None:
    job = loaded_job(app, "Delta upsert")
    load(app, job)  # the source has changed rows, too: one new file for all
    load(app, job)
    once = Once(stage, Fault("call", when, function=app.killing(victim)))
    with app.breaking(once):
        app.fire_timer("maintenance")
        app.until(once.met.is_set, f"the stage '{stage}' is reached")
        if victim != "child":
            app.restart()
        killed = maintained(app, job, 1)
    assert killed["status"] == ("FAILED" if victim == "child" else "SUCCESS"), killed
    app.assert_whole(job, FLOW)
    load(app, job)
    app.fire_timer("maintenance")
    assert maintained(app, job, 2)["files_after"] == 1


PARQUET = FLOWS["INCREMENTAL Parquet"]
STEPS = ("write data file", "read data file", "write record", "write manifest", "delete data file")


@pytest.mark.fault("kill -9 in a compaction of Parquet files")
@pytest.mark.parametrize(
    ("stage", "when", "victim"),
    [
        pytest.param(stage, when, victim, marks=() if (stage, when, victim) == IN_MAKE_TEST else pytest.mark.campaign)
        for victim in ("child", "both")
        for stage in STEPS
        for when in ("before", "after")
    ],
)
def test_a_killed_compaction(app: BrokenApp, stage: str, when: Moment, victim: str) -> None:
    job = loaded_job(app, "INCREMENTAL Parquet")
    for _ in range(2):
        load(app, job, PARQUET)
    once = Once(stage, Fault("call", when, function=app.killing(victim)))
    with app.breaking(once):
        app.fire_timer("maintenance")
        app.until(once.met.is_set, f"the stage '{stage}' is reached")
        if victim == "both":
            app.restart()
        killed = maintained(app, job, 1)
    assert killed["status"] == ("FAILED" if victim == "child" else "SUCCESS"), killed
    load(app, job, PARQUET)
    app.fire_timer("maintenance")
    assert maintained(app, job, 2)["files_after"] == 1
    app.assert_whole(job, PARQUET)


def load(app: BrokenApp, job: str, flow: Flow = FLOW) -> None:
    """A load that adds a file: new rows alone rewrite none."""
    app.execute(f"insert into {job} select max(id) + 1, 'new' from {job}")
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, flow)


def maintained(app: BrokenApp, job: str, number: int) -> dict[str, Any]:
    """The newest report of the maintenances of a job, once there are so many."""

    def reports() -> list[dict[str, Any]]:
        return [row for row in app.audit_rows("maintenance") if row["job_id"] == job]

    app.until(lambda: len(reports()) == number, f"{number} maintenances have reported")
    return reports()[0]
