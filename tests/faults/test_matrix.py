"""Every fault at every moment of a run, however it was started: it ends, and all that is said of it is true.

The bound that `docs/operations.md` gives for that is shorter here, as the settings of this app are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from localhost.services import LocalServices
from tests.e2e.app import jobs_of
from tests.faults.interventions import listed
from tests.faults.matrix import BREAKAGES, MOMENTS, TRIGGERS, Cell, WorkerKilled, broken_at
from tests.faults.rig import BrokenApp, broken_app
from tests.webhook_server import Webhook, webhook_server

BOUND_SECONDS = 120
"""After the fault: visibility time 3 s, lease 15 s, waits between tries up to 40 s, on a busy machine."""


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with webhook_server("/hook") as started:
        yield started


@pytest.fixture(scope="module")
def app(services: LocalServices, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokenApp]:
    with broken_app(
        services,
        tmp_path_factory.mktemp("matrix"),
        JOB_RETRY_SECONDS="1",
        SOURCE_CONCURRENCY="2",
        WATCH_SCHEDULE="*/5 * * * * *",
        NOTIFY_WEBHOOK_URL=webhook.url,
    ) as app:
        services.create_container(app.lake_name)  # also for cells in which nothing loads
        yield app


@pytest.mark.campaign
@pytest.mark.fault("fault x moment x trigger of a run")
@pytest.mark.parametrize(("fault", "moment", "trigger"), list(product(BREAKAGES, MOMENTS, TRIGGERS)))
def test_a_run_ends_and_all_that_is_said_of_it_is_true(
    app: BrokenApp, webhook: Webhook, fault: str, moment: str, trigger: str
) -> None:
    cell = Cell(app, webhook, trigger)
    cell.prepare()
    breakage = BREAKAGES[fault](cell)
    try:
        with broken_at(cell, moment, breakage):
            breakage.recover()
            app.until(cell.has_ended, f"the run ends after '{fault}' at '{moment}'", BOUND_SECONDS)
    except Exception:
        app.restart()  # the host may be frozen, or gone
        raise
    if isinstance(breakage, WorkerKilled):  # a host ends itself after a few deaths of its worker
        app.restart()
    run = settled(cell)
    if fault != "terminated":
        assert run["status"] == "PARTLY_FAILED"
        assert {name: (job["status"], job["attempt"]) for name, job in jobs_of(run).items()} == {
            cell.good: ("SUCCESS", 1),
            cell.bad: ("FAILED", 1),
        }
    elif jobs_of(run).get(cell.good, {}).get("status") != "SUCCESS":  # what was cancelled holds up nothing
        assert app.load(cell.good)["status"] == "SUCCESS"
        assert app.lake_rows(cell.good) == app.source_rows(cell.good)


def settled(cell: Cell) -> dict[str, Any]:
    """The run as its detail shows it, once all views of it agree, and with the lake; fails otherwise."""
    app = cell.app
    app.until(lambda: not app.attempts, "every attempt's process has ended")
    run = app.get_run(cell.run_id)
    assert_lake_is_what_is_recorded(cell, run)
    assert_views_of_the_run_agree(cell, run)
    for name, job in jobs_of(run).items():
        assert_views_of_a_job_agree(app, run["run_id"], name, job)
    assert_requests_and_upload_are_recorded(cell, run)
    assert_notified_once(cell, run)
    return run


def assert_lake_is_what_is_recorded(cell: Cell, run: dict[str, Any]) -> None:
    is_loaded = jobs_of(run).get(cell.good, {}).get("status") == "SUCCESS"
    expected = cell.app.source_rows(cell.good) if is_loaded else cell.rows_before
    assert cell.app.lake_rows(cell.good) == expected, run
    assert cell.app.lake_files(cell.bad) == {}


def assert_views_of_the_run_agree(cell: Cell, run: dict[str, Any]) -> None:
    row = listed(cell.app, cell.run_id)
    (recorded,) = [one for one in cell.app.run_rows() if one["run_id"] == cell.run_id]
    assert (row["status"], row["stage"]) == (run["status"], run["stage"]), (run, row)
    assert (recorded["status"], recorded["stage"]) == (run["status"], "finished")
    statuses = [job["status"] for job in run["jobs"]]
    for name, status in (("succeeded", "SUCCESS"), ("failed", "FAILED"), ("cancelled", "CANCELLED")):
        assert row[f"jobs_{name}"] == statuses.count(status), (row, statuses)
    assert row["rows_written"] == sum(job.get("rows_written", 0) for job in run["jobs"])
    assert set(statuses) <= {"SUCCESS", "FAILED", "CANCELLED"}


def assert_views_of_a_job_agree(app: BrokenApp, run_id: str, name: str, job: dict[str, Any]) -> None:
    """The run's job, the job's history, its last result, the chart's point and the rows that they come from."""
    expected = (job["status"], job.get("rows_written"))
    (loaded,) = [one for one in _get(app, f"/api/jobs/{name}/history")["loads"] if one["run_id"] == run_id]
    assert (loaded["status"], loaded.get("rows_written")) == expected
    (overview,) = [one for one in _get(app, "/api/jobs")["jobs"] if one["job_id"] == name]
    last = overview["last_result"]
    assert (last["run_id"], last["status"], last.get("rows_written")) == (run_id, *expected)
    assert (overview["last_success"] or {}).get("run_id") == run_id or job["status"] != "SUCCESS"
    charted = [one for one in _get(app, f"/api/loads?job_ids={name}")["loads"][name] if one["run_id"] == run_id]
    assert [one["status"] for one in charted] == [job["status"]]
    (row,) = [one for one in app.audit_rows(run_id) if one["job_id"] == name]
    assert row["status"] == job["status"]


def assert_requests_and_upload_are_recorded(cell: Cell, run: dict[str, Any]) -> None:
    uploads = [row for row in cell.app.audit_rows("workbook") if row["sha256"] == cell.digest]
    assert [row["status"] for row in uploads] == ["ACTIVATED"]

    def ended_requests() -> dict[str, dict[str, Any]] | None:
        rows = {row["RowKey"]: row for row in cell.app.audit_rows("request") if row["status"] != "STARTED"}
        return rows if rows.keys() >= set(cell.requests.values()) else None

    rows = cell.app.until(lambda: (ended_requests(),), "the one-off requests have ended", BOUND_SECONDS)[0] or {}
    for job, request_id in cell.requests.items():
        row = rows[request_id]
        assert row["run_id"] == cell.run_id
        assert row["status"] == jobs_of(run).get(job, {"status": "CANCELLED"})["status"]


def assert_notified_once(cell: Cell, run: dict[str, Any]) -> None:
    """A failed job is in one message, the run's line is in the log, and the alert's query finds it if it is due."""
    failed = {name for name, job in jobs_of(run).items() if job["status"] == "FAILED"}
    own = {cell.good, cell.bad}
    cell.app.until(lambda: failed <= _notified(cell.webhook).keys(), "the failures are notified")  # follows the row
    counted = _notified(cell.webhook)
    assert own & counted.keys() == failed
    assert set(counted.values()) <= {1}, "of the cells before, too"
    log = f"{cell.app.host.log_text()}\n{cell.other_log}"
    ends = [line for line in log.splitlines() if f"Run {cell.run_id}: " in line]
    assert ends, "no line in the log says how the run ended"
    assert all(f"Run {cell.run_id}: {run['status']}, " in line for line in ends), ends


def _notified(webhook: Webhook) -> Counter[str]:
    """How often each job was named in the messages so far."""
    sections = [section for message in webhook.messages for section in message["sections"]]
    return Counter(line["subject"] for section in sections for line in section["lines"] if line["subject"])


def _get(app: BrokenApp, path: str) -> dict[str, Any]:
    answer = app.request("GET", path)
    assert answer.status_code == 200, answer.text
    content: dict[str, Any] = answer.json()
    return content
