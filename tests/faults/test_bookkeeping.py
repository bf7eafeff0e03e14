"""Every run, job and one-off request ends, and what is recorded is what happened, whatever breaks above the lake."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from localhost.api_client import RequestRefusedError
from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.conftest import unique_name
from tests.e2e.app import jobs_of
from tests.faults.interventions import for_seconds, kill_worker, listed, manage, refusing_audit
from tests.faults.rig import BrokenApp, broken_app
from tests.faults.storage_proxy import Fault, Once


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    with broken_app(services, tmp_path_factory.mktemp("app"), JOB_RETRY_SECONDS="1", SOURCE_CONCURRENCY="2") as app:
        yield app


@pytest.fixture
def mortal_worker(app: BrokenApp) -> Iterator[None]:
    """A new host follows, as a host ends itself after a few deaths of its worker."""
    yield
    app.restart()


@pytest.fixture
def jobs(app: BrokenApp) -> list[str]:
    """Two jobs of the active workbook, of three rows each; two lanes."""
    names = [f"{unique_name()}_{letter}" for letter in "ab"]
    app.create_tables(*names)
    app.put_workbook(*(app.row(name, name) for name in names))
    return names


def wait(app: BrokenApp, run_id: str) -> None:
    """Until a run has ended; while a new worker starts, the host answers 500."""

    def has_ended() -> bool:
        with suppress(RequestRefusedError):
            return bool(app.get_run(run_id)["status"] != "RUNNING")
        return False

    app.until(has_ended, f"run {run_id} ends")


def assert_all_views_agree(app: BrokenApp, run_id: str, status: str) -> dict[str, Any]:
    """Detail, list and job rows say the same of an ended run, and its figures add up."""
    run, row = app.get_run(run_id), listed(app, run_id)
    assert (run["status"], row["status"]) == (status, status), (run, row)
    assert run["stage"] == row["stage"] == "finished"
    counted = [job["status"] for job in run["jobs"]]
    for name, job_status in (("succeeded", "SUCCESS"), ("failed", "FAILED"), ("cancelled", "CANCELLED")):
        assert row[f"jobs_{name}"] == counted.count(job_status), (row, counted)
    assert row["rows_written"] == sum(job.get("rows_written", 0) for job in run["jobs"])
    for job in run["jobs"]:
        (history,) = [one for one in app.audit_rows(f"job:{job['job_id']}") if one["run_id"] == run_id]
        (latest,) = [one for one in app.audit_rows("latest") if one["job_id"] == job["job_id"]]
        assert history["status"] == latest["status"] == job["status"]
    return {name: value for name, value in run.items() if name != "as_of"}


@pytest.mark.fault("audit refused in the middle of a load")
def test_an_outage_of_the_audit_ends_no_load_and_spends_no_attempt(app: BrokenApp, jobs: list[str]) -> None:
    with app.locked(*jobs, readers=2) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        is_over = for_seconds(15)
        app.storage.decide = refusing_audit(is_over)
    try:
        app.until(is_over, "the outage is over")
    finally:
        app.storage.decide = lambda _: None
    wait(app, run_id)
    run = assert_all_views_agree(app, run_id, "SUCCEEDED")
    assert [job["attempt"] for job in run["jobs"]] == [1, 1]
    for name in jobs:
        assert app.lake_rows(name) == app.source_rows(name)


@pytest.mark.usefixtures("mortal_worker")
@pytest.mark.fault("worker dies while a run is planned or finished")
@pytest.mark.parametrize(("when", "skip"), [("before", 0), ("after", 0), ("before", 1), ("before", 2), ("after", 2)])
def test_a_run_outlives_the_death_of_the_worker_in_its_first_and_last_step(
    app: BrokenApp, jobs: list[str], when: Any, skip: int
) -> None:
    run_id = f"mortal-{when}-{skip}"  # the watch may be counting an earlier run again
    once = Once("run row", Fault("call", when, function=lambda: kill_worker(app)), skip, about=run_id)
    with app.breaking(once):
        app.start_run(run_id=run_id)
        app.until(once.met.is_set, "the worker dies")
        wait(app, run_id)
    assert_all_views_agree(app, run_id, "SUCCEEDED")


@pytest.mark.usefixtures("mortal_worker")
@pytest.mark.fault("worker dies in the middle of a load")
def test_the_death_of_a_worker_spends_no_attempt(app: BrokenApp, jobs: list[str]) -> None:
    with app.locked(*jobs, readers=2) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        kill_worker(app)
    wait(app, run_id)
    run = assert_all_views_agree(app, run_id, "SUCCEEDED")
    assert [job["attempt"] for job in run["jobs"]] == [1, 1]
    for name in jobs:
        assert app.lake_rows(name) == app.source_rows(name)


@pytest.mark.fault("run terminated from outside")
def test_a_run_that_is_terminated_is_cancelled_in_all_views_and_so_are_its_loads(
    app: BrokenApp, jobs: list[str]
) -> None:
    with app.locked(*jobs, readers=2) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        manage(app, run_id, "terminate")
        app.fire_timer("watch")
        wait(app, run_id)
        app.assert_no_attempt_is_left()
    run = assert_all_views_agree(app, run_id, "CANCELLED")
    assert {job["status"] for job in run["jobs"]} == {"CANCELLED"}
    assert all(app.lake_files(name) == {} for name in jobs)


@pytest.mark.fault("run suspended from outside")
def test_a_run_that_is_suspended_shows_it_and_a_cancel_ends_it(app: BrokenApp, jobs: list[str]) -> None:
    with app.locked(*jobs, readers=2) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        manage(app, run_id, "suspend")
        assert app.get_run(run_id)["stage"] == listed(app, run_id)["stage"] == "suspended"
        assert app.request("POST", f"/api/runs/{run_id}/cancel").status_code == 202
        wait(app, run_id)
    assert_all_views_agree(app, run_id, "CANCELLED")


@pytest.mark.fault("run restarted from outside")
def test_a_restart_with_the_old_input_does_nothing(app: BrokenApp, jobs: list[str]) -> None:
    run_id = app.run()["run_id"]
    before = assert_all_views_agree(app, run_id, "SUCCEEDED")
    restarted = manage(app, run_id, "restart")["id"]
    described = app.wait(restarted)
    assert (described["status"], described["jobs"]) == ("FAILED", [])
    assert f"has the input of run '{run_id}'" in described["error"]
    app.fire_timer("watch")
    time.sleep(2)
    assert listed(app, restarted) == {}
    assert assert_all_views_agree(app, run_id, "SUCCEEDED") == before


@pytest.mark.fault("lane of a run ends from outside")
def test_a_run_whose_lane_breaks_counts_what_the_others_loaded(app: BrokenApp, jobs: list[str]) -> None:
    with app.locked(*jobs, readers=2) as until_readers_wait:
        run_id = app.start_run()
        until_readers_wait()
        manage(app, f"{run_id}:lane-0", "terminate")
    wait(app, run_id)
    app.until(lambda: not app.attempts, "the loads end")
    run = app.get_run(run_id)
    assert run["status"] == listed(app, run_id)["status"] == "FAILED"
    assert "A lane of the run broke" in run["error"]
    assert sorted(jobs_of(run)) == sorted(jobs)


@pytest.mark.fault("many ask for one run id at once")
def test_of_many_that_start_one_run_id_at_once_exactly_one_is_answered_202(app: BrokenApp, jobs: list[str]) -> None:
    run_id = f"mine-{unique_name()}"
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: app.request("POST", "/api/runs", {"run_id": run_id}), range(12)))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 11]
    wait(app, run_id)
    assert_all_views_agree(app, run_id, "SUCCEEDED")


@pytest.mark.fault("audit refused while a workbook is uploaded")
def test_an_upload_gets_its_row_although_the_audit_refuses_it_at_first(app: BrokenApp, jobs: list[str]) -> None:
    content = a_workbook(*(app.row(name, name, priority=3) for name in jobs))
    with app.breaking(refusing_audit(for_seconds(10))):
        assert app.upload(content)["status"] == "ACTIVATED"


@pytest.mark.fault("run of a one-off request ends without a result")
def test_a_one_off_request_whose_run_is_ended_after_the_claim_ends_too(app: BrokenApp, jobs: list[str]) -> None:
    request_id = unique_name()
    order = {"request_id": request_id, "job_id": jobs[0], "action": "run"}
    with app.locked(jobs[0], readers=1) as until_readers_wait:
        app.upload_workbook(a_workbook(*(app.row(name, name) for name in jobs), requests=[order]))
        until_readers_wait()
        (row,) = [one for one in app.audit_rows("request") if one["RowKey"] == request_id]
        manage(app, row["run_id"], "terminate")
        app.fire_timer("watch")
        wait(app, row["run_id"])
    (row,) = [one for one in app.audit_rows("request") if one["RowKey"] == request_id]
    assert row["status"] == "CANCELLED"
    assert_all_views_agree(app, row["run_id"], "CANCELLED")


@pytest.mark.fault("last step of a run is not carried out")
def test_the_watch_closes_a_run_whose_last_step_is_never_carried_out(app: BrokenApp, jobs: list[str]) -> None:
    hold = threading.Event()
    with app.breaking(Once("run row", Fault("hold", function=lambda: (hold.wait(20), None)[1]), skip=2)):
        run_id = app.start_run()
        app.until(lambda: app.get_run(run_id)["stage"] == "finishing", "the loads have ended")
        manage(app, run_id, "terminate")
    app.until(lambda: listed(app, run_id).get("status") != "RUNNING", "the list closes it")
    hold.set()
    run = app.get_run(run_id)
    assert {job["status"] for job in run["jobs"]} == {"SUCCESS"}
    assert listed(app, run_id)["rows_written"] == 6
