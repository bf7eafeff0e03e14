"""What servers do wrong: each passes by itself, or ends with one sentence and no row in the lake."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate

import pytest
import requests

from shared import settings
from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest import client
from shared.sources.rest.client import ApiClient
from tests.api_server import ApiServer, Reply, Request, at_once, by_cursor, by_offset, by_page, first
from tests.integration.rest.conftest import QUICK, Lake, api_job
from tests.integration.rest.lasting_faults import FAULTS, LONG, PAGES, ROWS

PASSING: dict[str, list[Reply]] = {
    "429 with Retry-After": [Reply({}, 429, {"Retry-After": "1"})],
    "503 with a date": [Reply({}, 503, {"Retry-After": formatdate(0, usegmt=True)})],
    "500 twice": [Reply({}, 500), Reply({}, 502)],
    "403 of GitHub": [Reply({"message": "You have exceeded a secondary rate limit. Please wait."}, 403)],
    "403 of Salesforce": [
        Reply([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}], 403)
    ],
    "400 of AWS": [Reply({"__type": "ThrottlingException", "message": "Rate exceeded"}, 400)],
    "400 of Facebook": [Reply({"error": {"message": "(#17) User request limit reached", "code": 17}}, 400)],
    "418 of Binance": [Reply({"code": -1003, "msg": "Banned."}, 418, {"Retry-After": "0"})],
    "200 of Zoho": [Reply({"code": "TOO_MANY_REQUESTS", "message": "please try after some time", "status": "error"})],
    "a reset": [Reply(reset=True)],
    "half an answer": [Reply(ROWS, cut=True)],
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_tried_again(server: ApiServer, lake: Lake, fault: str) -> None:
    server.endpoints["/shaky"] = first(PASSING[fault], by_page(ROWS))
    assert lake.load(api_job("/shaky", **PAGES)) == ROWS


def test_a_server_that_asks_for_a_pause_gets_it(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/busy"] = first([Reply({}, 429, {"Retry-After": "1"})], at_once(ROWS))
    server.requests.clear()
    lake.load(api_job("/busy"))
    refused, answered = server.asked("/busy")
    assert answered.at - refused.at >= 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_ends_with_a_sentence_and_no_row(server: ApiServer, lake: Lake, name: str) -> None:
    fault = FAULTS[name]
    server.endpoints["/faulty"] = fault.handler
    with pytest.raises(fault.error, match=fault.says) as raised:
        lake.load(api_job("/faulty", **fault.cells))
    assert "Job 'api_things_full'" in str(raised.value)
    assert not list(lake.folder.rglob("things/*.parquet"))


def test_pages_that_are_short_in_between_come_whole_and_are_logged(
    server: ApiServer, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [ROWS[:5], ROWS[5:7], ROWS[7:12]]
    server.endpoints["/short"] = lambda request: Reply([*pages, [], []][request.number("page", 1) - 1])
    assert lake.load(api_job("/short", **PAGES)) == ROWS[:12]
    assert "has fewer rows at page 2 than at the first page" in caplog.text


def test_an_answer_that_is_too_large_is_not_taken_in(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_MAX_MEGABYTES", "1")
    settings.settings.cache_clear()
    server.endpoints["/huge"] = lambda _: Reply([{"text": "x" * 2_000_000}])
    with pytest.raises(SourceError, match="gave more than 1 MiB: ask for smaller pages"):
        lake.load(api_job("/huge"))


def test_a_server_that_does_not_answer_in_time_is_named(
    server: ApiServer, signed_in: Callable[..., Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.endpoints["/slow"] = lambda _: Reply(ROWS, delay=0.5)
    with pytest.raises(TransientError, match=r"GET http://127.0.0.1:\d+/slow, page 1, .* no answer within 0.1 s"):
        signed_in(timeout=0.1).load(api_job("/slow"))


def test_no_server_at_all_is_said(signed_in: Callable[..., Lake]) -> None:
    with pytest.raises(TransientError, match=r"connection failed \(Connection refused\)"):
        signed_in(base_url="http://127.0.0.1:1").load(api_job("/things"))


@pytest.mark.parametrize("style", ["next_url", "link_header"])
def test_credentials_go_to_no_other_host(server: ApiServer, signed_in: Callable[..., Lake], style: str) -> None:
    with ApiServer() as other:
        other.endpoints["/away"] = at_once(ROWS)
        replies = {
            "next_url": Reply({"items": ROWS, "next": f"{other.url}/away"}),
            "link_header": Reply(ROWS, headers={"Link": f'<{other.url}/away>; rel="next"'}),
        }
        server.endpoints["/away"] = lambda _: replies[style]
        lake = signed_in(auth="bearer", token="very-secret")
        with pytest.raises(SourceError, match=f"leads to another host, {other.host}; credentials are not sent"):
            lake.load(api_job("/away", pagination_type=style))
        assert other.requests == []


def test_a_redirect_to_another_host_is_followed_without_credentials(
    server: ApiServer, signed_in: Callable[..., Lake]
) -> None:
    with ApiServer() as other:
        other.endpoints["/signed"] = at_once(ROWS)
        server.endpoints["/export"] = lambda _: Reply(status=302, headers={"Location": f"{other.url}/signed?sig=a"})
        lake = signed_in(
            auth="bearer", token="very-secret", headers={"X-Tenant": "acme"}, params={"key": "also-secret"}
        )
        assert lake.load(api_job("/export", api_headers={"X-Mine": "1"})) == ROWS
        (request,) = other.requests
        assert request.params == {"sig": "a"}
        assert not {"Authorization", "X-Tenant", "X-Mine"} & request.headers.keys()


def test_a_redirect_on_the_same_host_is_followed(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/old"] = lambda _: Reply(status=301, headers={"Location": "/new?page=1"})
    server.endpoints["/new"] = at_once(ROWS)
    assert lake.load(api_job("/old")) == ROWS


def test_a_failed_page_among_many_leaves_nothing(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        return Reply({}, 500) if request.number("page", 1) == 3 else by_page(ROWS, size=5)(request)

    server.endpoints["/holed"] = handle
    with pytest.raises(TransientError, match="page 3, cannot be read just now"):
        lake.load(api_job("/holed", parallelism=4, **PAGES))
    assert not list(lake.folder.rglob("things/*.parquet"))


def test_a_failure_does_not_wait_for_the_pauses_of_other_readers(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", replace(QUICK, longest_pause=LONG))
    both_asked, paused = threading.Barrier(2), threading.Event()

    def handle(request: Request) -> Reply:
        page = request.number("page", 1)
        if page == 2:
            both_asked.wait(LONG)
            paused.set()
            return Reply({}, 429, {"Retry-After": f"{LONG}"})
        if page == 3:
            both_asked.wait(LONG)
            paused.wait(LONG)
            return Reply({}, 403)
        return by_page(ROWS, size=5)(request)

    server.endpoints["/paused"] = handle
    server.requests.clear()
    with pytest.raises(SourceError, match="page 3, was refused with status 403"):
        lake.load(api_job("/paused", parallelism=2, **PAGES))
    assert sorted(request.number("page", 1) for request in server.asked("/paused")) == [0, 1, 2, 3]


def test_a_failure_is_not_hidden_behind_the_requests_that_it_ended(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is final; the readers that it stops, and which may report it sooner, would be tried again."""
    stop, linger = ApiClient.stop, iter([0.3])

    def stop_and_linger(client: ApiClient) -> None:
        stop(client)
        time.sleep(next(linger, 0))

    monkeypatch.setattr(ApiClient, "stop", stop_and_linger)
    server.endpoints["/refused"] = lambda request: (
        Reply({}, 403) if request.number("page", 1) == 3 else by_page(ROWS, size=1)(request)
    )
    with pytest.raises(SourceError, match="page 3, was refused with status 403"):
        lake.load(api_job("/refused", parallelism=2, **PAGES))


def test_offsets_and_cursors_survive_faults_in_between(server: ApiServer, lake: Lake) -> None:
    shaken = first([Reply({}, 503)] * 2, by_cursor(ROWS, size=5))
    server.endpoints["/cursors"] = shaken
    assert lake.load(api_job("/cursors", pagination_type="cursor")) == ROWS
    server.endpoints["/offsets"] = first([Reply(reset=True)], by_offset(ROWS, cap=4))
    assert lake.load(api_job("/offsets", pagination_type="offset", parallelism=3)) == ROWS


def test_the_server_under_test_is_a_real_one(server: ApiServer) -> None:
    server.endpoints["/plain"] = at_once(ROWS)
    assert requests.get(f"{server.url}/plain", timeout=60).json() == ROWS
