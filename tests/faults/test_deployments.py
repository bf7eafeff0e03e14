"""A new version is deployed while runs are under way: they end in good order, and what is missing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests as http

from localhost.host.process import HostProcess
from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.changed_app import CHANGES, changed_app
from tests.e2e.app import App, jobs_of
from tests.faults.interventions import DURABLE

JOBS = ("a_done", "b_in_flight", "c_queued")
pytestmark = pytest.mark.fault("a deployment with other orchestrators under a run")


@pytest.fixture
def app(services: LocalServices, tmp_path: Path) -> Iterator[App]:
    app = App(services, tmp_path / "host", SOURCE_CONCURRENCY="1")
    app.create_tables(*JOBS)
    app.put_workbook(*(app.row(job, job) for job in JOBS))
    yield app
    app.host.stop()


def deploy(app: App, folder: Path, *changes: str) -> None:
    """Stop the host, as a deployment does, and start the changed app on the same hub."""
    app.host.stop()
    app.host = HostProcess(changed_app(folder, *changes), folder.parent / "host", app.settings)
    app.host.start()


@pytest.mark.parametrize(
    "changes",
    [*(pytest.param([change], marks=pytest.mark.campaign) for change in CHANGES), list(CHANGES)],
    ids="+".join,
)
def test_a_run_that_a_deployment_ends_is_continued_by_another(app: App, tmp_path: Path, changes: list[str]) -> None:
    app.host.start()
    with app.locked("b_in_flight", readers=1) as until_readers_wait:
        run_id = app.start_run(full_refresh=True)
        until_readers_wait()
        deploy(app, tmp_path / "later", *changes)
    ended, again = app.wait(run_id), app.wait(f"{run_id}-again")
    assert (ended["status"], again["status"]) == ("CANCELLED", "SUCCEEDED")
    assert ended["error"].endswith(f"Run {run_id}-again loads what is missing.")
    assert again["reason"].startswith(f"A deployment has ended run {run_id}")
    statuses = {name: job["status"] for name, job in jobs_of(ended).items()}
    assert (statuses["a_done"], statuses["c_queued"]) == ("SUCCESS", "CANCELLED")
    left = [job for job in JOBS if statuses[job] != "SUCCESS"]
    assert {name: job["status"] for name, job in jobs_of(again).items()} == dict.fromkeys(left, "SUCCESS")
    assert all(app.lake_rows(job) == app.source_rows(job) for job in JOBS)
    assert [job["last_result"]["status"] for job in app.request("GET", "/api/jobs").json()["jobs"]] == ["SUCCESS"] * 3
    assert app.run()["status"] == "SUCCEEDED"  # the new version's own


@pytest.mark.campaign
def test_rewinding_a_run_that_a_deployment_has_ended_changes_nothing(app: App, tmp_path: Path) -> None:
    app.host.start()
    with app.locked("b_in_flight", readers=1) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        deploy(app, tmp_path / "later", "lane")
    app.wait(run_id)
    app.wait(f"{run_id}-again")
    before = app.get_run(run_id), app.run_rows()
    address = f"{app.host.url}{DURABLE}/{run_id}"
    key = {"x-functions-key": app.host.master_key}
    assert http.post(f"{address}/rewind?reason=test", headers=key, timeout=60).status_code == 202
    failed = {"runtimeStatus": "Failed"}
    app.until(lambda: failed.items() <= http.get(address, headers=key, timeout=60).json().items(), "it fails again")
    app.fire_timer("watch")
    assert app.run()["status"] == "SUCCEEDED"  # by then the watch has ended
    assert {**app.get_run(run_id), "as_of": before[0]["as_of"]} == before[0]
    assert [row for row in app.run_rows() if row in before[1]] == before[1]


def test_one_off_requests_of_a_run_that_a_deployment_ends_are_carried_out_once(app: App, tmp_path: Path) -> None:
    app.host.start()
    assert app.run()["status"] == "SUCCEEDED"
    requests = [{"request_id": f"fix-{job}", "job_id": job, "action": "full_refresh"} for job in JOBS]
    with app.locked("b_in_flight", readers=1) as until_readers_wait:
        app.upload(a_workbook(*(app.row(job, job) for job in JOBS), requests=requests))
        until_readers_wait()
        (run_id,) = (row["run_id"] for row in app.run_rows() if row["run_id"].startswith("requests-"))
        deploy(app, tmp_path / "later", *CHANGES)
    assert app.wait(run_id)["status"] == "CANCELLED"
    assert app.wait(f"{run_id}-again")["status"] == "SUCCEEDED"
    assert {row["status"] for row in app.audit_rows("request")} == {"SUCCESS"}
    for job in JOBS:  # the first load, and the one that was requested
        assert [row["status"] for row in app.audit_rows(f"job:{job}")].count("SUCCESS") == 2
