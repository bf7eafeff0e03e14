"""What a load depends on fails: token, disk, clock, the workbook, the wish for the run itself."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.e2e.app import SOURCE, jobs_of
from tests.faults.rig import FLOWS, BrokenApp, broken_app, loaded_job
from tests.faults.storage_proxy import Fault, Once, holding

SMALL_DISK = 1_000_000  # bytes


@pytest.mark.campaign
@pytest.mark.fault("token expires in the middle of a load")
@pytest.mark.parametrize("flow", FLOWS)
def test_a_token_that_expires_in_the_middle_of_a_load(app: BrokenApp, flow: str) -> None:
    job = loaded_job(app, flow)
    identity = app.services.identity
    usual, identity.token_lifetime = identity.token_lifetime, 4
    app.host.restart()  # it holds a token of the usual lifetime
    try:
        with app.breaking(Once("write data file", Fault("hold", "after", function=lambda: time.sleep(6)))):
            run = app.run(job_ids=[job])
    finally:
        identity.token_lifetime = usual
    assert run["status"] == "SUCCEEDED", run["jobs"]
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.campaign
@pytest.mark.fault("work folder full")
def test_a_full_disk_is_named_and_leaves_the_old_data(services: LocalServices, tmp_path: Path) -> None:
    with small_disk(tmp_path / "broken" / "work"), broken_app(services, tmp_path / "broken") as app:
        job = loaded_job(app, "FULL Parquet")
        before = app.readable_rows(job)
        app.execute(
            f"insert into {job} (id, name) select n, md5(n::text) || md5((-n)::text) from generate_series(100, 60000) n"
        )
        ended = app.load(job)
        assert (ended["status"], ended["error_kind"], ended["retryable"]) == ("FAILED", "disk_full", True), ended
        assert "WORK_FOLDER" in ended["error_message"]
        assert app.readable_rows(job) == before
        app.assert_no_attempt_is_left()
        app.execute(f"delete from {job} where id >= 100")
        assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
        app.assert_whole(job, FLOWS["FULL Parquet"])


@pytest.mark.campaign
@pytest.mark.fault("clock goes back")
@pytest.mark.parametrize("flow", ["FULL Parquet", "INCREMENTAL Parquet"])
def test_a_load_that_would_be_older_than_the_last_is_refused_until_the_clock_is_right(
    app: BrokenApp, flow: str
) -> None:
    job = loaded_job(app, flow)
    before = app.readable_rows(job)
    load_id = app.manifest(job)["load_id"]
    future = f"{float(load_id) + 3600:.6f}"
    rename_load(app, job, load_id, future)
    ended = app.load(job)
    assert (ended["status"], ended["error_kind"]) == ("FAILED", "clock"), ended
    assert app.readable_rows(job) == before
    rename_load(app, job, future, load_id)
    assert app.run(job_ids=[job])["status"] == "SUCCEEDED"
    app.assert_whole(job, FLOWS[flow])


@pytest.mark.campaign
@pytest.mark.fault("configuration changed in the middle of a run")
def test_a_run_keeps_the_configuration_it_began_with(app: BrokenApp) -> None:
    job = loaded_job(app, "FULL Parquet")
    reached, go_on = threading.Event(), threading.Event()
    with app.breaking(Once("write data file", Fault("hold", function=holding(reached, go_on)))):
        run_id = app.start_run(job_ids=[job])
        app.until(reached.is_set, "the run writes")
        app.upload(a_workbook(app.row("another", job, target_folder_path="elsewhere")))
        app.kill_attempts()  # so that the second attempt, too, finds the version of the run
        go_on.set()
        run = app.wait(run_id)
    assert (run["status"], jobs_of(run)[job]["attempt"]) == ("SUCCEEDED", 2), run["jobs"]
    app.assert_whole(job, FLOWS["FULL Parquet"])
    assert list(app.lake_container.list_blob_names(name_starts_with="elsewhere")) == []


@pytest.mark.fault("run cancelled")
def test_a_cancelled_run_ends_what_runs_and_starts_nothing_more(services: LocalServices, tmp_path: Path) -> None:
    with broken_app(services, tmp_path, SOURCE_CONCURRENCY="1") as app:
        app.create_tables("at_work", "waiting")
        app.put_workbook(app.row("a", "at_work", priority=1), app.row("b", "waiting", priority=2))
        with app.locked("at_work", readers=1) as until_readers_wait:
            run_id = app.start_run()
            until_readers_wait()
            assert app.request("POST", f"/api/runs/{run_id}/cancel").status_code == requests.codes.accepted
            run = app.wait(run_id)
        assert run["status"] == "CANCELLED", run
        assert {job["status"] for job in run["jobs"]} == {"CANCELLED"}
        assert app.lake_files("at_work") == app.lake_files("waiting") == {}
        app.assert_no_attempt_is_left()
        assert app.request("POST", f"/api/runs/{run_id}/cancel").status_code == requests.codes.conflict
        assert app.request("POST", "/api/runs/unknown/cancel").status_code == requests.codes.not_found
        assert app.run()["status"] == "SUCCEEDED"


def rename_load(app: BrokenApp, table: str, old: str, new: str) -> None:
    """Give a load another id, as if it had been made at that time."""
    lake = app.lake_container
    for name in list(lake.list_blob_names(name_starts_with=f"raw/{SOURCE}_{table}/")):
        content = lake.download_blob(name).readall()
        changed = content if name.endswith(".parquet") else content.replace(old.encode(), new.encode())
        if old in name or changed != content:
            lake.delete_blob(name)
            lake.upload_blob(name.replace(old, new), changed)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Let little fit into a folder: a small file system of its own, or small files only, where root alone may mount."""
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK, hard))  # the host inherits it
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
