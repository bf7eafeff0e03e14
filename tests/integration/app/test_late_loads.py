"""Loads that end after their run, of which some do not live to write how: the watch looks for them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from shared.activation.store import configuration_store
from shared.audit import jobs as recorded_jobs
from shared.audit import runs as recorded_runs
from shared.audit.jobs import job_rows, latest_rows, record_job
from shared.audit.ledger import last_load, record_load
from shared.audit.progress import ProgressRow
from shared.audit.runs import expect_late_loads, find_run, record_run, runs_with_late_loads
from shared.audit.table import audit_table
from shared.isolation.leases import job_lease
from shared.models.attempt import AttemptOrder, JobError, JobResult, JobStatus
from shared.models.job import Job
from shared.models.run import ConfigVersion, RunOutcome, RunRequest, Totals
from shared.runs import closing
from shared.runs.closing import close_run
from shared.runs.late_loads import record_late_loads
from tests.audit_rows import job_history
from tests.builders import a_workbook
from tests.conftest import unique_name

NOW = datetime.now(UTC)
RUN = RunRequest(run_id="run-1", trigger="http", requested_at=NOW)
BROKEN = JobError(kind="lane", message="A lane of the run broke.")

pytestmark = pytest.mark.usefixtures("app_settings")


@pytest.fixture
def job(lake: ContainerClient) -> Job:
    """The job of the active workbook."""
    cells = {"job_id": "orders", "target_container": lake.container_name, "target_folder_path": unique_name()}
    configuration_store().activate(a_workbook(cells), etag="1")
    return version_and_job()[1]


@pytest.fixture
def no_load_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No load of a run can follow once none holds its job."""
    monkeypatch.setattr(recorded_runs, "LOADS_MAY_END_FOR", timedelta(seconds=-1))


def version_and_job() -> tuple[ConfigVersion, Job]:
    active = configuration_store().active()
    assert active
    job = active.configuration.job("orders")
    assert job
    return active.version, job


def a_run(status: str = "RUNNING") -> None:
    version, _ = version_and_job()
    record_run(RUN, status, {"jobs_total": 1, "config_sha256": version.sha256})


def a_load_at_work(job: Job) -> ProgressRow:
    order = AttemptOrder(run_id="run-1", run_started_at=NOW, job_id="orders", config_sha256="0f")
    progress = ProgressRow(order, job, NOW)
    progress.write("extract", 5)
    return progress


def end_run(terminated: bool = False) -> None:
    """As the watch does after a while, whatever the load does."""
    version, _ = version_and_job()
    error = None if terminated else BROKEN
    run = RunOutcome(request=RUN, config_version=version, totals=Totals(jobs_total=1), error=error)
    close_run(run.model_copy(update={"broken_jobs": ("orders",), "was_terminated": terminated}))


def a_success(load_id: str | None = None) -> JobResult:
    result = JobResult(run_id="run-1", job_id="orders", status=JobStatus.SUCCESS, started_at=NOW, ended_at=NOW)
    return result.model_copy(update={"rows_written": 7, "load_id": load_id})


def put_record(lake: ContainerClient, job: Job) -> str:
    load_id = f"{NOW.timestamp() + 1:f}"
    record = {"load_id": load_id, "run_id": "run-1", "job_id": "orders", "inserted_at": NOW.isoformat()}
    name = f"{job.target_folder_path}/{job.source_name}_{job.table_name}/_dlt_loads/load__{load_id}.jsonl"
    lake.upload_blob(name, json.dumps(record | {"rows_written": 7}).encode())
    return load_id


def shown() -> tuple[Any, ...]:
    """Status of job, history, latest row and run, and what the run counts."""
    run = find_run("run-1")
    assert run
    statuses = [row["status"] for rows in (job_rows("run-1"), job_history("orders"), latest_rows()) for row in rows]
    return *statuses, run["status"], run["jobs_succeeded"], run["jobs_failed"], run.get("rows_written")


@pytest.mark.usefixtures("no_load_follows")
def test_a_load_that_ended_between_ledger_and_row_is_recorded_as_the_lake_has_it(
    lake: ContainerClient, job: Job
) -> None:
    a_run()
    a_load_at_work(job)
    with job_lease("orders", "run-1"):
        end_run()
        assert shown() == (*["FAILED"] * 4, 0, 1, 0)
        record_late_loads()
        load_id = put_record(lake, job)
        record_load(job, a_success(load_id))  # and dies
        record_late_loads()
        assert shown()[0] == "FAILED"
    record_late_loads()
    assert shown() == (*["SUCCESS"] * 3, "FAILED", 1, 0, 7)
    assert (last_load(job) or {})["load_id"] == load_id
    record_late_loads()
    assert list(runs_with_late_loads()) == []


@pytest.mark.parametrize(("terminated", "status"), [(True, "CANCELLED"), (False, "FAILED")])
def test_a_row_that_says_running_in_a_run_that_has_ended_is_closed_once_its_load_holds_nothing(
    job: Job, terminated: bool, status: str
) -> None:
    a_run()
    end_run(terminated)
    audit_table().delete_entity("run-1", "orders")
    a_load_at_work(job)  # it had looked before the end
    with job_lease("orders", "run-1"):
        record_late_loads()
        assert shown()[0] == "RUNNING"
    record_late_loads()
    assert shown()[:3] == (status,) * 3


def test_a_load_shows_no_progress_in_a_run_that_has_ended(job: Job) -> None:
    a_run()
    end_run()
    progress = a_load_at_work(job)
    assert shown()[0] == "FAILED"
    record_job(a_success(), NOW, job, progress.etag)
    assert shown() == (*["SUCCESS"] * 3, "FAILED", 1, 0, 7)


@pytest.mark.usefixtures("no_load_follows")
def test_a_count_that_its_writer_did_not_live_to_make_is_made(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    record_job(a_success().model_copy(update={"status": JobStatus.FAILED, "error": BROKEN}), NOW, job)
    a_run("FAILED")
    with monkeypatch.context() as patched:
        patched.setattr(recorded_jobs, "recount_run", lambda *_: None)
        record_job(a_success(), NOW, job)
    record_late_loads()
    assert shown() == (*["SUCCESS"] * 3, "SUCCEEDED", 1, 0, 7)
    assert list(runs_with_late_loads()) == []


@pytest.mark.usefixtures("no_load_follows")
def test_rows_that_the_writer_of_a_success_did_not_live_to_write_are_written(job: Job) -> None:
    a_run()
    record_job(a_success().model_copy(update={"duration_seconds": {"total": 2.0}}), NOW, job)
    (history,) = job_history("orders")
    for partition in ("job:orders", "latest", "succeeded"):
        for row in list(audit_table().query_entities("PartitionKey eq @key", parameters={"key": partition})):
            audit_table().delete_entity(row)
    end_run()
    record_late_loads()
    assert list(job_history("orders")) == [history]
    assert shown() == (*["SUCCESS"] * 3, "FAILED", 1, 0, 7)


@pytest.mark.usefixtures("no_load_follows")
def test_how_a_run_ended_is_said_by_the_watch_if_its_last_step_died_before_it_said_so(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def dies(*_: object) -> None:
        raise OSError

    caplog.set_level("INFO")
    record_job(a_success(), NOW, job)
    a_run()
    run = RunOutcome(request=RUN, config_version=version_and_job()[0], totals=Totals(jobs_total=1))
    with monkeypatch.context() as patched:
        patched.setattr(closing, "log_end", dies)
        with pytest.raises(OSError):
            close_run(run)
    assert "Run run-1: SUCCEEDED" not in caplog.text
    record_late_loads()
    record_late_loads()
    assert caplog.text.count("Run run-1: SUCCEEDED, {'jobs_total': 1, ") == 1
    close_run(run)
    assert list(runs_with_late_loads()) == []


def test_a_run_without_a_row_or_before_its_end_is_left_alone(job: Job) -> None:
    expect_late_loads("gone")
    a_run()
    a_load_at_work(job)
    expect_late_loads("run-1")
    record_late_loads()
    assert [note["RowKey"] for note in runs_with_late_loads()] == ["run-1"]
    assert [row["status"] for row in job_rows("run-1")] == ["RUNNING"]
