"""A process that paused while another run took its job over does not commit, wherever it paused."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import pytest
from azure.storage.blob import BlobLeaseClient

from tests.e2e.app import jobs_of
from tests.faults.rig import FLOWS, BrokenApp, loaded_job
from tests.faults.storage_proxy import Fault, Moment, Once, holding

pytestmark = [pytest.mark.campaign, pytest.mark.fault("zombie: SIGSTOP past the lease, SIGCONT")]

LEASE_SECONDS = 15
UNTIL_RELEASED = -1
THIEF = "manual-20260101T000000Z-abcdef"


@pytest.mark.parametrize(
    ("flow", "stage", "when"),
    [
        pytest.param("FULL Parquet", "write data file", "after", id="FULL, before the check"),
        pytest.param("FULL Parquet", "write record", "before", id="FULL, the commit on its way"),
        pytest.param("FULL Parquet", "write manifest", "before", id="FULL, the manifest on its way"),
        pytest.param("INCREMENTAL Parquet", "write record", "before", id="INCREMENTAL, the commit on its way"),
        pytest.param("FULL Delta", "write delta log", "before", id="FULL Delta, Delta's commit on its way"),
        pytest.param("Delta upsert", "write delta log", "before", id="upsert, Delta's commit on its way"),
        pytest.param("Delta upsert", "write record", "before", id="upsert, the commit on its way"),
        pytest.param("Delta deletes", "write delta log", "before", id="deletes, Delta's commit on its way"),
    ],
)
def test_a_zombie_changes_nothing(app: BrokenApp, flow: str, stage: str, when: Moment) -> None:
    job = loaded_job(app, flow)
    with frozen(app, job, stage, when) as (zombie_run, thaw):
        time.sleep(LEASE_SECONDS + 1)
        app.change(job, FLOWS[flow])
        with app.twin() as twin:
            taken_over = twin.run(job_ids=[job])
        assert taken_over["status"] == "SUCCEEDED", taken_over
        app.assert_whole(job, FLOWS[flow], at_rest=False)
        thaw()
        app.wait(zombie_run)
    app.assert_whole(job, FLOWS[flow])
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.parametrize("flow", ["FULL Parquet", "INCREMENTAL Parquet", "Delta upsert"])
def test_a_commit_that_arrives_while_the_next_run_is_active_loses_nothing(app: BrokenApp, flow: str) -> None:
    job = loaded_job(app, flow)
    with frozen(app, job, "write record", "before") as (zombie_run, thaw):
        time.sleep(LEASE_SECONDS + 1)
        app.change(job, FLOWS[flow])
        with app.twin() as twin:
            reached, go_on = threading.Event(), threading.Event()
            app.storage.decide = Once("write data file", Fault("hold", function=holding(reached, go_on)))
            run_id = twin.start_run(job_ids=[job])
            app.until(reached.is_set, "the second run writes")
            thaw()
            time.sleep(2)
            go_on.set()
            assert twin.wait(run_id)["status"] == "SUCCEEDED"
        app.wait(zombie_run)
    app.assert_whole(job, FLOWS[flow])
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.fault("two runs of one job at once")
def test_a_second_run_is_skipped_and_names_the_first(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    held, go_on = threading.Event(), threading.Event()
    with app.breaking(Once("write record", Fault("hold", function=holding(held, go_on)))):
        first = app.start_run(job_ids=[job])
        app.until(held.is_set, "the first run commits")
        second = app.run(job_ids=[job])
        go_on.set()
        assert app.wait(first)["status"] == "SUCCEEDED"
    assert jobs_of(second)[job]["status"] == "SKIPPED"
    assert f"run {first}" in jobs_of(second)[job]["error_message"]
    app.assert_whole(job, FLOWS["FULL Parquet"])


@pytest.mark.fault("lease lost")
def test_an_attempt_whose_lease_was_broken_gives_way(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    before = app.lake_rows(job)
    blob = app.config.get_blob_client(f"leases/{job}")
    stolen = BlobLeaseClient(blob)

    def steal() -> None:  # as another run does, but until it is released: the second attempt may begin at any time
        stolen.break_lease(0)
        stolen.acquire(UNTIL_RELEASED)
        blob.set_blob_metadata({"run_id": THIEF}, lease=stolen)

    with app.breaking(Once("write data file", Fault("hold", "after", function=steal))):
        ended = app.load(job)
    assert ended["status"] == "SKIPPED", ended  # by its second attempt, which finds the job taken
    assert f"run {THIEF}" in ended["error_message"]
    assert app.readable_rows(job) == before
    stolen.release()
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS["FULL Parquet"])


@contextmanager
def frozen(app: BrokenApp, job: str, stage: str, when: Moment) -> Iterator[tuple[str, Callable[[], None]]]:
    """A run whose processes all pause at a stage, its request on its way; gives its id and what lets it go on."""
    stopped, go_on = threading.Event(), threading.Event()
    processes: list[psutil.Process] = []

    def freeze() -> None:
        processes.extend(app.processes)
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        stopped.set()
        go_on.wait(120)

    def thaw() -> None:
        go_on.set()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    app.storage.decide = Once(stage, Fault("hold", when, function=freeze))
    run_id = app.start_run(job_ids=[job])
    try:
        app.until(stopped.is_set, f"the run pauses at '{stage}'")
        yield run_id, thaw
    finally:
        thaw()
        app.storage.decide = lambda _: None
