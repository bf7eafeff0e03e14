"""Runs whose orchestration has ended without its last step are closed with what is known, whatever became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from shared.audit.jobs import job_rows, record_job
from shared.audit.progress import ProgressRow
from shared.audit.runs import cancel_requested, find_run, record_run
from shared.audit.table import audit_table, request_rows
from shared.models.attempt import AttemptOrder, JobResult, JobStatus
from shared.models.run import ORCHESTRATORS_VERSION, Lane, LaneOrder, RunRequest
from shared.runs.settling import settle_runs, settle_unrecorded
from tests.builders import a_job
from tests.durable_server import Durable, durable_server

pytestmark = pytest.mark.usefixtures("app_settings")

NOW = datetime.now(UTC)
REQUEST = RunRequest(run_id="run-1", trigger="timer", requested_at=NOW)
OUTDATED = "Orchestrator function 'ingestion_run' failed: Non-Deterministic workflow detected: the history has …"


@pytest.fixture
async def durable() -> AsyncIterator[Durable]:
    async with durable_server() as durable:
        yield durable


def a_run_at_work(durable: Durable, *lanes: str, **row: Any) -> None:
    """A run of two jobs, of which one has succeeded and one was running, in one lane each."""
    record_run(REQUEST, "RUNNING", {"jobs_total": 2, "orchestrators_version": ORCHESTRATORS_VERSION, **row})
    result = JobResult(run_id="run-1", job_id="done", status=JobStatus.SUCCESS, started_at=NOW, ended_at=NOW)
    record_job(result.model_copy(update={"rows_written": 3}), NOW, a_job(job_id="done"))
    order = AttemptOrder(run_id="run-1", run_started_at=NOW, job_id="lost", config_sha256="0f")
    ProgressRow(order, a_job(job_id="lost"), NOW).write("extract", 5)
    for number, (job_id, status) in enumerate(zip(("done", "lost"), lanes, strict=False)):
        lane = Lane(source_name="shop_pg", job_ids=(job_id,))
        given = LaneOrder(lane=lane, request=REQUEST, config_sha256="0f", max_attempts=3, retry_seconds=1)
        durable.put(f"run-1:lane-{number}", status, given.to_json(), {"jobs_total": 1, "jobs_succeeded": 1})


def statuses() -> dict[str, str]:
    return {row["job_id"]: row["status"] for row in job_rows("run-1")}


def row() -> dict[str, Any]:
    found = find_run("run-1")
    assert found is not None
    return dict(found)


async def test_a_run_whose_orchestration_failed_is_closed_with_its_reason(durable: Durable) -> None:
    durable.put("run-1", "Failed", REQUEST.to_json(), "Orchestrator function 'ingestion_run' failed: no memory\nmore")
    a_run_at_work(durable, "Completed", "Failed")
    await settle_runs(durable.client)
    assert (row()["status"], row()["error_kind"]) == ("FAILED", "orchestration")
    assert row()["error_message"].endswith("failed: no memory")
    assert (row()["jobs_succeeded"], row()["jobs_failed"], row()["rows_written"]) == (1, 1, 3)
    assert statuses() == {"done": "SUCCESS", "lost": "FAILED"}


async def test_a_run_whose_orchestration_was_purged_is_closed(durable: Durable) -> None:
    a_run_at_work(durable)
    await settle_runs(durable.client)
    assert (row()["status"], statuses()["lost"]) == ("FAILED", "FAILED")
    assert row()["error_message"] == "The run's orchestration is gone from Durable Functions."


async def test_lanes_that_outlive_a_purged_run_are_cancelled(durable: Durable) -> None:
    a_run_at_work(durable, "Completed", "Running")
    await settle_runs(durable.client)
    assert (row()["status"], cancel_requested("run-1")) == ("RUNNING", True)
    assert [instance for instance, *_ in durable.events] == ["run-1:lane-1"]


async def test_a_run_that_broke_before_it_was_recorded_gets_its_row(durable: Durable) -> None:
    durable.put("run-1", "Failed", REQUEST.to_json(), "Orchestrator function 'ingestion_run' failed: no memory")
    await settle_unrecorded(durable.client)
    assert (row()["status"], row()["trigger"], row()["jobs_total"]) == ("FAILED", "timer", 0)


async def test_the_end_is_logged_and_notified_although_the_audit_refuses_what_follows_the_row(
    durable: Durable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_: object) -> None:
        raise HttpResponseError("503")

    notified: list[str] = []
    monkeypatch.setattr("shared.runs.closing.recount_run", refused)
    monkeypatch.setattr("shared.runs.closing.notify_of_run", lambda run: notified.append(run.request.run_id))
    caplog.set_level("INFO")
    a_run_at_work(durable)
    with pytest.raises(HttpResponseError):
        await settle_runs(durable.client)
    assert row()["status"] == "FAILED"
    assert notified == ["run-1"]
    assert "Run run-1: FAILED, " in caplog.text


@pytest.mark.parametrize(("runtime", "status"), [("Terminated", "CANCELLED"), ("Failed", "FAILED")])
async def test_a_claimed_request_whose_job_was_not_planned_ends_as_its_run(
    durable: Durable, runtime: str, status: str
) -> None:
    durable.put("run-1", runtime, REQUEST.to_json())
    claim = {"request_id": "fix", "job_id": "orders", "run_id": "run-1", "status": "STARTED"}
    audit_table().upsert_entity({"PartitionKey": "request", "RowKey": "fix", **claim})
    await settle_unrecorded(durable.client)
    assert [found["status"] for found in request_rows()] == [row()["status"]] == [status]


async def test_a_run_that_goes_on_or_whose_lane_does_is_left_alone(durable: Durable) -> None:
    durable.put("run-1", "Running", REQUEST.to_json())
    a_run_at_work(durable, "Completed", "Running")
    await settle_runs(durable.client)
    durable.put("run-1", "Failed", REQUEST.to_json(), "Orchestrator function 'ingestion_run' failed: no memory")
    await settle_runs(durable.client)
    assert (row()["status"], statuses()["lost"], durable.events) == ("RUNNING", "RUNNING", [])


async def test_a_run_that_a_deployment_ended_is_closed_and_continued_once(durable: Durable) -> None:
    durable.put("run-1", "Failed", REQUEST.to_json(), OUTDATED)
    a_run_at_work(durable, "Completed", "Failed", full_refresh=None)
    await settle_runs(durable.client)
    assert (row()["status"], row()["error_kind"], statuses()) == (
        "CANCELLED",
        "deployment",
        {"done": "SUCCESS", "lost": "CANCELLED"},
    )
    again = durable.instances["run-1-again"]["input"]
    assert (again["job_ids"], again["retry_of"], again["trigger"]) == (["lost"], "run-1", "http")
    durable.put("run-1-again", "Completed", again)
    record_run(REQUEST, "RUNNING", {})  # as if the watch had died before it closed the run
    await settle_runs(durable.client)
    assert (durable.started(), row()["status"]) == ([], "CANCELLED")


async def test_a_run_that_a_deployment_ended_before_its_plan_is_started_as_it_was_asked_for(durable: Durable) -> None:
    asked = REQUEST.model_copy(update={"tags": ("daily",), "full_refresh": True, "trigger": "http"})
    durable.put("run-1", "Failed", asked.to_json(), "failed: … of the orchestrators, and the app has version '1'.")
    await settle_unrecorded(durable.client)
    again = durable.instances["run-1-again"]["input"]
    assert (again["tags"], again["full_refresh"], again["job_ids"]) == (["daily"], True, [])
    assert row()["status"] == "CANCELLED"


async def test_the_lanes_of_another_version_are_woken_only_when_nothing_runs_in_them(durable: Durable) -> None:
    durable.put("run-1", "Running", REQUEST.to_json())
    a_run_at_work(durable, "Running", orchestrators_version="0")
    await settle_runs(durable.client)
    assert durable.events == []
    result = JobResult(run_id="run-1", job_id="lost", status=JobStatus.FAILED, started_at=NOW, ended_at=NOW)
    record_job(result, NOW, a_job(job_id="lost"))
    await settle_runs(durable.client)
    assert durable.events == [("run-1:lane-0", "cancelled")]
