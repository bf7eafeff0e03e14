"""SOURCE_CONCURRENCY holds over the whole app: for runs that overlap, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localhost.services import LocalServices
from tests.e2e.app import App, jobs_of


@pytest.fixture
def small_app(services: LocalServices, tmp_path: Path) -> Iterator[App]:
    """An app that may have two jobs of a source running at once."""
    app = App(services, tmp_path, SOURCE_CONCURRENCY="2")
    with app.host:
        yield app


def test_a_run_waits_for_the_slots_that_another_run_holds(small_app: App) -> None:
    app = small_app
    app.create_tables("a", "b", "c", "d")
    app.put_workbook(*(app.row(name, name) for name in "abcd"))
    with app.locked("a", "b", "c", "d", readers=2) as until_readers_wait:
        first = app.start_run(job_ids=["a", "b"])
        until_readers_wait()
        second = app.start_run(job_ids=["c", "d"])
        waiting = {"stage": "waiting for a slot", "status": "RUNNING"}
        app.until(
            lambda: [job for job in app.audit_rows(second) if waiting.items() <= job.items()], "a job waits for a slot"
        )
        until_readers_wait()
    for run_id in (first, second):
        run = app.wait(run_id)
        assert run["status"] == "SUCCEEDED", run
        assert {job["attempt"] for job in jobs_of(run).values()} == {1}
