"""Who is notified of what, with a real table for the incidents and a real webhook."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables import UpdateMode
from azure.storage.blob import ContainerClient

from shared.activation.store import configuration_store
from shared.activation.uploads import Activation, Outcome
from shared.audit.jobs import record_job
from shared.audit.runs import last_success, record_run
from shared.audit.table import audit_table
from shared.models.attempt import JobResult, JobStatus
from shared.models.run import RunRequest
from shared.notifications.incidents import (
    read_incidents,
)
from shared.notifications.notifier import UNNOTICED_FOR, notify_of_upload
from shared.runs import closing
from shared.runs.uploads import take_in_given_up
from shared.runs.watch import look_at_jobs
from shared.settings import settings
from shared.workbook.configuration import Problem
from tests.builders import a_job, a_workbook
from tests.integration.app.notified import NOW, WEBHOOK_SECRET, a_run, finish, titles
from tests.webhook_server import Webhook

THREE_DAYS_LATER = datetime.now(UTC) + timedelta(days=3)


def test_a_failure_is_notified_once_with_its_first_sentence_and_links(webhook: Webhook) -> None:
    a_run("run-1", ok=("users",), bad=("orders",))
    (message,) = webhook.messages
    assert message["title"] == "Excel to lake: 1 job failed"
    assert message["sections"] == [
        {
            "title": "1 job failed",
            "lines": [{"subject": "orders", "text": "Table 'orders' does not exist."}],
            "more": 0,
        }
    ]
    assert message["links"] == {
        "Run run-1": "https://lake.example.com/api/runs/run-1",
        "Dashboard": "https://lake.example.com/api/dashboard",
    }


def test_neither_the_same_run_again_nor_a_further_failure_is_notified(webhook: Webhook) -> None:
    a_run("run-1", bad=("orders",))
    finish("run-1")
    a_run("run-2", bad=("orders",))
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed"]


def test_what_an_earlier_version_of_the_app_has_notified_is_not_notified_again(webhook: Webhook) -> None:
    a_run("run-1", bad=("orders",))
    for row in list(audit_table().query_entities("PartitionKey eq 'incident'")):
        earlier = {name: value for name, value in row.items() if name != "notified_open"} | {"told_open": True}
        audit_table().update_entity(earlier, mode=UpdateMode.REPLACE)
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed"]
    a_run("run-2", ok=("orders",))
    assert titles(webhook) == ["1 job failed", "1 job works again"]


def test_the_recovery_is_notified_and_the_next_failure_is_a_new_incident(webhook: Webhook) -> None:
    a_run("run-1", bad=("orders", "users"))
    a_run("run-2", ok=("orders",), bad=("users",))
    a_run("run-3", ok=("orders",), bad=("users",))
    a_run("run-4", bad=("orders", "users"))
    assert titles(webhook) == ["2 jobs failed", "1 job works again", "1 job failed"]


def test_a_load_that_warns_is_notified_once_and_when_it_warns_no_more(webhook: Webhook) -> None:
    a_run("run-1", doubtful=("orders",))
    a_run("run-2", doubtful=("orders",))
    a_run("run-3", ok=("orders",))
    assert titles(webhook) == ["1 job loaded with a warning", "1 job loaded without a warning again"]
    (line,) = webhook.messages[0]["sections"][0]["lines"]
    assert line == {"subject": "orders", "text": "The watermark of orders is in the future."}


def test_a_run_with_many_failures_is_one_message_that_names_some(webhook: Webhook) -> None:
    a_run("run-1", bad=tuple(f"job_{number:03d}" for number in range(120)))
    (message,) = webhook.messages
    (section,) = message["sections"]
    assert (section["title"], len(section["lines"]), section["more"]) == ("120 jobs failed", 15, 105)


def test_a_run_that_cannot_be_planned_is_notified_until_one_can(webhook: Webhook) -> None:
    a_run("run-1", error="There is no active configuration. Upload the workbook.")
    a_run("run-2", error="There is no active configuration. Upload the workbook.")
    a_run("run-3", ok=("orders",))
    assert titles(webhook) == ["A run could not be carried out", "Runs are carried out again"]
    assert webhook.messages[0]["sections"][0]["lines"][0]["text"] == "There is no active configuration."


@pytest.mark.parametrize("answer", [429, 500, 302, 404])
def test_what_was_not_taken_is_notified_with_the_next_news(
    webhook: Webhook, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    webhook.answers = [answer]
    a_run("run-1", bad=("orders",))
    assert f"answered {answer}" in caplog.text
    a_run("run-2", bad=("orders", "users"))
    assert titles(webhook) == ["1 job failed", "2 jobs failed"]


def test_a_webhook_that_is_silent_or_gone_neither_fails_the_run_nor_shows_its_address(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("shared.notifications.webhook._SECONDS", 0.2)
    webhook.answers = [60]
    a_run("run-1", bad=("orders",))
    assert "broke off: ReadTimeout" in caplog.text
    monkeypatch.setenv("NOTIFY_WEBHOOK_URL", f"http://127.0.0.1:1/{WEBHOOK_SECRET}")
    settings.cache_clear()
    look_at_jobs(datetime.now(UTC))
    assert "broke off: ConnectionError" in caplog.text
    assert WEBHOOK_SECRET not in caplog.text
    assert [incident.is_unreported for incident in read_incidents().values()] == [True]


def test_what_opened_and_closed_before_it_could_be_notified_is_not_notified(webhook: Webhook) -> None:
    webhook.answers = [500]
    a_run("run-1", bad=("orders",))
    a_run("run-2", ok=("orders",))
    assert len(webhook.messages) == 1


def test_a_run_that_ends_later_than_a_later_run_of_its_jobs_reports_nothing_of_them(webhook: Webhook) -> None:
    """It loaded them before, and they had another end since."""
    a_run("early", bad=("orders",), ok=("users",), at=NOW - timedelta(hours=1))
    a_run("later", ok=("orders",), bad=("users",))
    finish("early")
    assert titles(webhook) == ["1 job failed", "1 job failed; 1 job works again"]


def test_a_tick_notifies_of_what_a_run_did_not_live_to_notify_of(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration_store().activate(a_workbook({"job_id": "orders"}, {"job_id": "users"}), etag="1")
    with monkeypatch.context() as patched:
        patched.setattr(closing, "notify_of_run", lambda _run: None)
        a_run("run-1", ok=("users",), bad=("orders",))
        look_at_jobs(datetime.now(UTC) + UNNOTICED_FOR + timedelta(minutes=1))
        assert titles(webhook) == []
        look_at_jobs(datetime.now(UTC))
        a_run("run-2", ok=("orders",))
        look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed", "1 job works again"]


def test_a_tick_reports_no_failure_of_a_run_that_may_try_again(webhook: Webhook) -> None:
    configuration_store().activate(a_workbook({"job_id": "orders"}), etag="1")
    record_run(RunRequest(run_id="run-1", trigger="timer", requested_at=NOW), "RUNNING", {})
    result = JobResult(run_id="run-1", job_id="orders", status=JobStatus.FAILED, started_at=NOW, ended_at=NOW)
    record_job(result, NOW, a_job(job_id="orders"))
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == []
    finish("run-1")
    assert titles(webhook) == ["1 job failed"]


def an_upload(outcome: Outcome, folder: str | None = None) -> Activation:
    problems = (Problem(sheet="SourceConfig", cell="F7", message="load_type is wrong"),) if folder else ()
    return Activation(outcome=outcome, sha256="0f" * 32, at=NOW, problems=problems, refused_folder=folder)


def test_each_refused_upload_is_notified_once_and_the_next_good_one(webhook: Webhook) -> None:
    for folder in ("refused/1", "refused/1", "refused/2"):
        notify_of_upload(an_upload(Outcome.REFUSED, folder))
    notify_of_upload(an_upload(Outcome.SUPERSEDED))
    notify_of_upload(an_upload(Outcome.ACTIVATED))
    notify_of_upload(an_upload(Outcome.ACTIVATED))
    refused, accepted = "An uploaded workbook was refused", "An uploaded workbook was accepted again"
    assert titles(webhook) == [refused, refused, accepted]
    assert "F7" in webhook.messages[0]["sections"][0]["lines"][0]["text"]


def test_a_job_that_should_have_loaded_is_notified_once_and_again_when_it_has(webhook: Webhook) -> None:
    configuration_store().activate(a_workbook({"job_id": "orders"}, {"job_id": "users", "enabled": "N"}), etag="1")
    look_at_jobs(THREE_DAYS_LATER)
    look_at_jobs(THREE_DAYS_LATER)
    assert titles(webhook) == ["1 job is overdue"]
    assert [line["subject"] for line in webhook.messages[0]["sections"][0]["lines"]] == ["orders"]
    a_run("run-1", ok=("orders",))
    assert titles(webhook)[1:] == ["1 job works again"]


def test_a_job_that_is_known_to_fail_is_not_notified_as_overdue_too(webhook: Webhook) -> None:
    configuration_store().activate(a_workbook({"job_id": "orders"}), etag="1")
    a_run("run-1", bad=("orders",))
    look_at_jobs(THREE_DAYS_LATER)
    assert titles(webhook) == ["1 job failed"]


def test_a_job_that_no_longer_runs_is_forgotten_in_silence(webhook: Webhook) -> None:
    a_run("run-1", bad=("orders",))
    configuration_store().activate(a_workbook({"job_id": "orders", "enabled": "N"}), etag="1")
    look_at_jobs(datetime.now(UTC))
    assert titles(webhook) == ["1 job failed"]
    assert [incident.open for incident in read_incidents().values()] == [False]


@pytest.mark.usefixtures("app_settings")
def test_each_tick_logs_for_how_long_no_run_has_succeeded(caplog: pytest.LogCaptureFixture) -> None:
    """The alert no-successful-run reads that line: without one for two hours it fires as well."""
    caplog.set_level(logging.INFO, "shared.runs.watch")

    def line() -> str:
        caplog.clear()
        look_at_jobs(datetime.now(UTC))
        return " ".join(record.getMessage() for record in caplog.records if "succeeded" in record.getMessage())

    assert line() == ""  # neither a workbook nor a run
    configuration_store().activate(a_workbook(), "etag-of-the-tick")
    activated = configuration_store().active()
    assert activated is not None
    assert line().startswith("No run has succeeded for 0.0 hours, since ")
    assert activated.version.activated_at.isoformat(timespec="seconds") in line()
    a_run("of-the-tick", ok=("orders",))
    end = last_success()
    assert end is not None
    assert f"since {end.isoformat(timespec='seconds')}" in line()
    a_run("later", error="cannot be planned")
    assert last_success() == end


@pytest.mark.usefixtures("app_settings")
def test_without_a_webhook_nothing_is_kept() -> None:
    a_run("run-1", bad=("orders",))
    assert read_incidents() == {}


def test_an_upload_that_the_host_gave_up_is_reported_and_taken_in(
    webhook: Webhook, container: ContainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    left = {"Type": "BlobTrigger", "ContainerName": "config", "BlobName": "jobs.xlsx", "ETag": '"0x8D"'}
    take_in_given_up(json.dumps(left).encode())
    place = 'config/jobs.xlsx, ETag "0x8D"'
    assert f"The host gave up an upload after five failures: {place}. The watch takes it in" in caplog.text
    (message,) = webhook.messages
    assert json.dumps(place)[1:-1] in json.dumps(message)

    container.upload_blob(settings().config_blob, a_workbook())
    take_in_given_up(b"no message of the host")
    assert configuration_store().active() is not None
    assert [incident.subject for incident in read_incidents().values() if incident.open] == []
    assert "a blob that the host's message does not name" in caplog.text
