"""Whatever happens to the machine, the lake and the audit come out right."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localhost.services import LocalServices
from tests.e2e.app import App, jobs_of


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk for the app alone; its path is short, for the sockets in its TMPDIR."""
    with tempfile.TemporaryDirectory(prefix="disk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_watermarks_survive_the_machine(services: LocalServices, tmp_path: Path, disk: Path) -> None:
    folders = {"TMPDIR": disk / "tmp", "WORK_FOLDER": disk / "work", "HOME": disk / "home"}
    app = App(services, tmp_path, **{name: str(folder) for name, folder in folders.items()})
    app.create_tables("numbered")
    app.put_workbook(app.row("numbered", "numbered", load_type="INCREMENTAL", watermark_column="id"))

    def run_on_an_empty_disk() -> dict[str, object]:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        app.host.start()
        try:
            job = jobs_of(app.run())["numbered"]
            assert (job["status"], list(folders["WORK_FOLDER"].iterdir())) == ("SUCCESS", [])
        finally:
            app.host.kill()
        return job

    assert run_on_an_empty_disk()["rows_written"] == 3
    app.execute("insert into numbered values (4, 'new'), (5, 'new')")
    second = run_on_an_empty_disk()
    assert (second["watermark_before"], second["rows_extracted"], second["watermark_after"]) == ("3", 2, "5")
    assert app.lake_rows("numbered") == app.source_rows("numbered")


def test_a_run_goes_on_where_a_killed_host_left_it_and_does_every_job_once(
    services: LocalServices, tmp_path: Path
) -> None:
    app = App(services, tmp_path, SOURCE_CONCURRENCY="2")
    done, in_flight, queued = ("a_full", "b_incr"), ("c_full", "d_incr"), ("e_full", "f_incr")
    jobs = [*done, *in_flight, *queued]
    app.create_tables(*jobs)
    incremental = {"load_type": "INCREMENTAL", "watermark_column": "id"}
    app.put_workbook(*(app.row(job, job, **(incremental if "incr" in job else {})) for job in jobs))

    app.host.start()
    try:
        with app.locked(*in_flight, readers=2) as until_readers_wait:
            run_id = app.start_run()
            until_readers_wait()
            before = app.get_run(run_id)
            assert before["status"] == "RUNNING"
            assert before["progress"] == {"jobs_total": 6, "jobs_done": 2, "jobs_failed": 0, "rows": 6}
            app.host.kill()
        app.host.start()
        after = app.wait(run_id)
    finally:
        app.host.stop()

    assert after["status"] == "SUCCEEDED", after
    assert after["progress"] == {"jobs_total": 6, "jobs_done": 6, "jobs_failed": 0, "rows": 18}
    assert [jobs_of(after)[job] for job in done] == [jobs_of(before)[job] for job in done]
    for job in jobs:
        assert [row["status"] for row in app.audit_rows(f"job:{job}")] == ["SUCCESS"]
        assert app.lake_rows(job) == app.source_rows(job)
    assert [row["status"] for row in app.run_rows()] == ["SUCCEEDED"]
