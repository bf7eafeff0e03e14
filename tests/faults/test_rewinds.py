"""A watermark that is set by hand and then meets a kill: the order is carried out, once, and doubles nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import requests

from tests.faults.rig import FLOWS, BrokenApp, loaded_job
from tests.faults.storage_proxy import Fault, Moment, Once

pytestmark = [pytest.mark.campaign, pytest.mark.fault("kill -9 around a rewind")]
FLOW = FLOWS["Delta upsert"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_order_whose_host_is_killed_can_be_given_again(app: BrokenApp, when: Moment) -> None:
    job = job_with_a_late_row(app)
    once = Once("rewind row", Fault("call", when, function=app.kill_host))
    with app.breaking(once), suppress(requests.ConnectionError):
        rewind(app, job)
    app.until(once.met.is_set, "the rewind is written")
    app.restart()
    assert len(app.audit_rows(f"rewind:{job}")) == (when == "after")
    app.until(lambda: rewind(app, job).status_code == requests.codes.ok, "the dead host's lease has lapsed")
    assert load(app, job)["rows_written"] == len(app.source_rows(job))
    app.assert_whole(job, FLOW)
    assert load(app, job)["rows_written"] == 0


@pytest.mark.parametrize("victim", ["child", "both"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stage", ["write delta log", "write record"])
def test_a_load_that_is_killed_after_a_rewind(app: BrokenApp, stage: str, when: str, victim: str) -> None:
    job = job_with_a_late_row(app)
    assert rewind(app, job).status_code == requests.codes.ok
    run = app.run_killing(stage, when, victim, job)
    assert run["status"] == "SUCCEEDED", run
    app.assert_whole(job, FLOW)
    assert load(app, job)["rows_written"] == 0


def job_with_a_late_row(app: BrokenApp) -> str:
    """A job that has loaded everything but a row behind its watermark, which no further load would bring."""
    job = loaded_job(app, "Delta upsert")
    load(app, job)
    app.execute(f"insert into {job} values (50, 'late', 1)")
    assert load(app, job)["rows_written"] == 0
    return job


def rewind(app: BrokenApp, job: str) -> requests.Response:
    return app.request("POST", f"/api/jobs/{job}/watermark", {"value": "1"})


def load(app: BrokenApp, job: str) -> dict[str, Any]:
    loaded = app.load(job)
    assert loaded["status"] == "SUCCESS", loaded
    return loaded
