"""Uploads as a deployment notices them: nothing polls, Event Grid calls the address of the subscription's template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from localhost.services import LocalServices
from tests.builders import a_workbook
from tests.e2e.app import App

TEMPLATE = Path(__file__).parents[2] / "infra/workbook-subscription.bicep"
BLOB = "a folder/ingestion (new) über & 50%.xlsx"


@pytest.fixture(scope="module")
def notified(services: LocalServices, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that waits for events, with a name of the workbook that no address may hold as it is."""
    folder = tmp_path_factory.mktemp("host")
    app = App(services, folder, WORKBOOK_TRIGGER_SOURCE="EventGrid", CONFIG_BLOB=BLOB)
    with app.host:
        app.create_tables("items", "others")
        yield app


def send(app: App, kind: str, event: Mapping[str, object]) -> requests.Response:
    """Post an event as the subscription of the template does."""
    address = re.findall(r"endpointUrl: '(.*)'", TEMPLATE.read_text("utf-8"))[0]
    path = address.removeprefix("https://${app.properties.defaultHostName}")
    url = app.host.url + path.replace("${blobsExtensionKey}", app.host.blobs_key)
    return requests.post(url, json=[event], headers={"aeg-event-type": kind}, timeout=60)


def notify(app: App) -> None:
    subject = f"/blobServices/default/containers/{app.config.container_name}/blobs/{BLOB}"
    etag = app.workbook.get_blob_properties().etag.strip('"')
    event = {"subject": subject, "eventType": "Microsoft.Storage.BlobCreated", "data": {"eTag": etag}}
    assert send(app, "Notification", event).status_code == 202


def test_the_address_of_the_template_answers_the_handshake(notified: App) -> None:
    answer = send(notified, "SubscriptionValidation", {"data": {"validationCode": "code"}})
    assert answer.json() == {"validationResponse": "code"}


def test_an_upload_is_activated_when_its_event_comes_and_a_repeated_event_changes_nothing(notified: App) -> None:
    notified.upload_workbook(a_workbook(notified.row("items", "items")))
    notify(notified)
    notified.until(lambda: notified.request("GET", "/api/config").json()["active"], "the workbook is active")
    notify(notified)
    notified.until(lambda: notified.host.log_text().count("blob trigger workbook_uploaded handled") == 2, "both ended")
    assert len(notified.audit_rows("workbook")) == 1


def test_an_upload_whose_event_is_lost_is_taken_in_by_the_next_run(notified: App) -> None:
    rows = [notified.row("items", "items"), notified.row("others", "others")]
    notified.upload_workbook(a_workbook(*rows))
    run = notified.run()
    assert {job["job_id"]: job["status"] for job in run["jobs"]} == {"items": "SUCCESS", "others": "SUCCESS"}
