"""Blob triggers that wait for Event Grid: the webhook of the local host."""

from __future__ import annotations

import json
import time
from typing import Any

import requests
from azure.storage.blob import ContainerClient

from tests.integration.localhost_host.sample import Sample

FUNCTION = "Host.Functions.take_notified"


def put(container: ContainerClient, name: str, text: str) -> dict[str, Any]:
    """Upload a blob; gives the event that Event Grid would send."""
    etag = container.upload_blob(name, text, overwrite=True).get_blob_properties().etag
    subject = f"/blobServices/default/containers/{container.container_name}/blobs/{name}"
    data = {"api": "PutBlob", "eTag": etag.strip('"'), "contentLength": len(text)}
    return {"subject": subject, "eventType": "Microsoft.Storage.BlobCreated", "data": data}


def send(sample: Sample, *events: Any, kind: str = "Notification", function: str = FUNCTION) -> requests.Response:
    query = {"functionName": function, "code": sample.host.blobs_key}
    headers = {"aeg-event-type": kind}
    url = f"{sample.host.url}/runtime/webhooks/blobs"
    return requests.post(url, json=list(events), params=query, headers=headers, timeout=60)


def test_the_handshake_is_answered_with_the_extensions_key_alone(sample: Sample) -> None:
    validation = {
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6"},
    }
    answer = send(sample, validation, kind="SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})
    path = f"/runtime/webhooks/blobs?functionName={FUNCTION}"
    for key in (None, sample.host.function_key, sample.host.reader_key):
        assert sample.post(path, key, json=[validation]).status_code == 401
    assert sample.get("/api/worker", sample.host.blobs_key).status_code == 401
    assert sample.get("/admin/functions", sample.host.blobs_key).status_code == 401


def test_a_request_that_is_no_event_or_for_no_function_is_refused(sample: Sample) -> None:
    assert send(sample, {}, function="Host.Functions.nonesuch").status_code == 404
    assert send(sample, {}, function="Host.Functions.copy_text").status_code == 404  # that one polls
    assert send(sample, {}, kind="Other").status_code == 400
    assert send(sample, {"eventType": "Microsoft.Storage.BlobCreated"}).status_code == 400
    assert send(sample, kind="SubscriptionValidation").status_code == 400
    assert send(sample, kind="Unsubscribe").status_code == 202


def test_a_blob_comes_with_its_event_not_before_and_as_often_as_the_event(
    watching: Sample, container: ContainerClient
) -> None:
    with watching.host:
        event = put(container, "notified/a b (1).txt", "new")
        container.upload_blob("in/polled.txt", "polled")
        watching.until(lambda: watching.count("blob"))  # by then a poll has seen both
        assert watching.count("notified-new") == 0
        began = time.monotonic()
        assert send(watching, event).status_code == 202
        watching.until(lambda: watching.count("notified-new"))
        assert time.monotonic() - began < 5
        send(watching, event)
        watching.until(lambda: watching.count("notified-new") == 2)


def test_events_of_other_kinds_containers_and_blobs_are_taken_and_ignored(
    watching: Sample, container: ContainerClient
) -> None:
    with watching.host:
        event = put(container, "notified/a.txt", "wanted")
        other = event["subject"].replace(container.container_name, "elsewhere")
        ignored = [
            event | {"eventType": "Microsoft.Storage.BlobDeleted"},
            event | {"subject": other},
            put(container, "notified/a.csv", "other"),
        ]
        stale, newest = event, put(container, "notified/a.txt", "newest")
        assert send(watching, *ignored, stale, newest).status_code == 202
        watching.until(lambda: watching.count("notified-newest"))
        assert [path.name.partition(".")[0] for path in watching.marks.glob("notified-*")] == ["notified-newest"]


def test_an_event_that_was_taken_outlives_its_host_and_is_given_up_after_five_failures(
    watching: Sample, container: ContainerClient
) -> None:
    watching.host.start()
    event = put(container, "notified/bad.txt", "poison")
    assert send(watching, event).status_code == 202
    watching.host.kill()
    with watching.host:
        (left,) = watching.until(lambda: list(watching.marks.glob("given-up.*")))
    assert 4 <= watching.count("notified-poison") <= 5  # the killed host may have counted an attempt
    message = json.loads(left.read_text())
    assert (message["BlobName"], message["FunctionId"]) == ("notified/bad.txt", FUNCTION)
    assert message["ETag"].strip('"') == event["data"]["eTag"]
