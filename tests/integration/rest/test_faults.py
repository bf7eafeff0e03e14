"""What servers do wrong: each passes by itself, or ends with one sentence and no row in the lake."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any

import pytest
import requests

from shared import settings
from shared.errors import IngestionError, SourceError, TransientError
from shared.sources.rest import client
from shared.sources.rest.client import ApiClient
from tests.api_server import ApiServer, Handler, Reply, Request, at_once, by_cursor, by_offset, by_page, first
from tests.integration.rest.conftest import QUICK, Lake, api_job

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 26)]
PAGES = {"pagination_type": "page"}
LONG = 50  # seconds; a request may wait for 60

PASSING: dict[str, list[Reply]] = {
    "429 with Retry-After": [Reply({}, 429, {"Retry-After": "1"})],
    "503 with a date": [Reply({}, 503, {"Retry-After": formatdate(0, usegmt=True)})],
    "500 twice": [Reply({}, 500), Reply({}, 502)],
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


def looping_cursor(request: Request) -> Reply:
    return Reply({"data": [{"id": request.number("cursor", 0)}], "next_cursor": "5"})


def same_page(request: Request) -> Reply:
    return Reply({"items": ROWS[:10], "echo": request.params})


def next_to_itself(request: Request) -> Reply:
    return Reply({"items": ROWS[:10], "next": request.path})


def declaring(total: int) -> Handler:
    def handle(request: Request) -> Reply:
        start = request.number("offset", 0)
        return Reply({"items": ROWS[start : start + 10], "total": total})

    return handle


def hiding_rows(request: Request) -> Reply:
    start = request.number("offset", 0)
    page = ROWS[start : start + request.number("limit", 10)]
    return Reply([row for row in page if row["id"] != 2])


def growing_page(request: Request) -> Reply:
    start = request.number("offset", 0)
    return Reply(ROWS[start : start + (10 if start == 0 else 15)])


def gap() -> Handler:
    """Page 2 has no rows, which is known only after page 3 was asked for."""
    after = threading.Event()

    def handle(request: Request) -> Reply:
        page = request.number("page", 1)
        if page == 3:
            after.set()
        if page == 2:
            after.wait(LONG)
        return Reply([] if page == 2 else [{"id": page}], 200 if page < 9 else 404)

    return handle


def empty_in_between(empty: int, **more: Any) -> Handler:
    """Pages of 5 of 25 rows, of which one is empty, by number or offset."""

    def handle(request: Request) -> Reply:
        number = request.number("page", 1) - 1 if "page" in request.params else request.number("offset", 0) // 5
        return Reply({"items": [] if number == empty else ROWS[number * 5 : number * 5 + 5], **more})

    return handle


def more_without_a_cursor(request: Request) -> Reply:
    return Reply({"data": ROWS[:5], "paging": {"has_more": True, "next": None}})


OFFSETS = {"pagination_type": "offset", "api_page_size": 10}
BY_FIVE = {"pagination_type": "offset", "api_page_size": 5}


@dataclass(frozen=True)
class Fault:
    handler: Handler
    says: str
    cells: dict[str, Any] = field(default_factory=dict)
    error: type[IngestionError] = SourceError


FAULTS = {
    "same cursor twice": Fault(looping_cursor, "run in a circle", {"pagination_type": "cursor"}),
    "same page twice": Fault(same_page, "same as page 1: the API does not turn the page", PAGES),
    "next leads to itself": Fault(next_to_itself, "run in a circle", {"pagination_type": "next_url"}),
    "total too large": Fault(
        declaring(40), "declares 40 rows.*but 25 came", {**OFFSETS, "api_total_path": "total"}, TransientError
    ),
    "total too small": Fault(
        declaring(20), "lies behind the number of all rows", {**OFFSETS, "api_total_path": "total"}, TransientError
    ),
    "total is none": Fault(
        lambda _: Reply({"items": ROWS, "total": "many"}), "no number of rows", {**OFFSETS, "api_total_path": "total"}
    ),
    "rows hidden from pages": Fault(hiding_rows, "counts rows that it does not show", OFFSETS),
    "pages that grow": Fault(growing_page, "gave 15 rows where 'limit' asked for 10", OFFSETS),
    "a gap among pages": Fault(gap(), "has no rows at page 2 but some", {**PAGES, "parallelism": 4}),
    "a gap, one reader": Fault(empty_in_between(2), "has no rows at page 3 but some at page 4", PAGES),
    "a gap at the first page": Fault(empty_in_between(0), "has no rows at page 1 but some at page 2", PAGES),
    "a gap among offsets": Fault(empty_in_between(2), "has no rows at offset 10 but some at offset 15", BY_FIVE),
    "a wide gap among offsets": Fault(
        lambda request: Reply(ROWS[at : at + 5] if (at := request.number("offset", 0)) in (0, 15) else []),
        "has no rows at offset 5 but some at offset 15",
        {**BY_FIVE, "parallelism": 2},
    ),
    "fewer pages than declared": Fault(
        lambda request: Reply({"items": ROWS[:5] if request.number("page", 1) == 1 else [], "total_pages": 9}),
        "has no rows at page 2 but declares 9 pages",
        {"pagination_type": "auto"},
        TransientError,
    ),
    "more, but no cursor": Fault(
        more_without_a_cursor,
        r"says 'paging.has_more', but api_cursor_path 'paging.next' names no next page",
        {"pagination_type": "cursor", "api_cursor_path": "paging.next"},
    ),
    "a next page that none would leave out": Fault(
        lambda _: Reply(ROWS, headers={"Link": '</faulty?page=2>; rel="next"'}),
        "tells of more rows in its header Link",
    ),
    "a next address that none would leave out": Fault(
        lambda _: Reply({"items": ROWS, "links": {"next": "/faulty?page=2"}}), "tells of more rows in 'links.next'"
    ),
    "a flag that none would leave out": Fault(
        lambda _: Reply({"items": ROWS, "hasMore": True}), "tells of more rows in 'hasMore'.*set api_max_pages to 1"
    ),
    "a total that none would leave out": Fault(by_offset(ROWS, cap=10), "tells of more rows in 'total'"),
    "a header's total that none would leave out": Fault(
        lambda _: Reply(ROWS, headers={"X-Total-Count": "26"}), "tells of more rows in 'header X-Total-Count'"
    ),
    "an OData address that none would leave out": Fault(
        lambda _: Reply({"value": ROWS, "@odata.nextLink": "/faulty?$skip=25"}), "more rows in '@odata.nextLink'"
    ),
    "a flag that auto cannot follow": Fault(
        lambda _: Reply({"items": ROWS, "hasMore": True}),
        "tells of more rows in 'hasMore', but not how to get them: name the pagination_type",
        {"pagination_type": "auto"},
    ),
    "too many pages": Fault(by_page(ROWS), "more than api_max_pages, 2", {**PAGES, "api_max_pages": 2}),
    "html": Fault(
        lambda _: Reply(b"<!DOCTYPE html><title>Sign in</title>", headers={"Content-Type": "text/html"}),
        "gave text/html where json was expected",
    ),
    "html called json": Fault(lambda _: Reply(b"<html><body>Oops"), "where json was expected"),
    "xml": Fault(lambda _: Reply(b"<a/>", headers={"Content-Type": "application/xml"}), "gave application/xml"),
    "no json": Fault(
        lambda _: Reply(b"\x89PNG", headers={"Content-Type": "image/png"}), "bytes that are no text in its encoding"
    ),
    "json that ends early": Fault(lambda _: Reply(b'[{"id": 1}, {"id"'), "JSON that breaks off", {}, TransientError),
    "json with a flaw": Fault(lambda _: Reply(b"[{'id': 1}, {'id': 2}]"), "no valid JSON"),
    "json where csv was expected": Fault(lambda _: Reply({"error": "x"}), "where csv", {"api_response_format": "csv"}),
    "csv that ends early": Fault(
        lambda _: Reply(b"id,name\n1,a\n2", headers={"Content-Type": "text/csv"}),
        "row 3 has 1 fields instead of 2",
        {"api_response_format": "csv"},
        TransientError,
    ),
    "a sentence where csv was expected": Fault(
        lambda _: Reply(b"Come back later", headers={"Content-Type": "text/plain"}),
        "gave text/plain where csv was expected. It says: Come back later",
        {"api_response_format": "csv"},
    ),
    "a list where json lines were expected": Fault(
        at_once(ROWS), "gave one JSON list, not JSON lines", {"api_response_format": "jsonl"}
    ),
    "half a character": Fault(at_once([{"id": 1, "v": "\ud800"}]), r"half a character, '\\ud800'"),
    "two values of one column": Fault(
        at_once([{"a__b": 1, "a": {"b": 2}}]), "two values of a row would stand in the column 'a__b'"
    ),
    "a column that ties lists to rows": Fault(at_once([{"_dlt_id": 1}]), "would stand in the column '_dlt_id'"),
    "an error with status 200": Fault(lambda _: Reply({"errors": [{"message": "no"}]}), "answered with an error"),
    "no list": Fault(lambda _: Reply({"status": "ok"}), "no list of rows. Its keys are status", PAGES),
    "a path that leads nowhere": Fault(
        lambda _: Reply({"items": ROWS}),
        "nothing at api_data_path 'data'; its keys are items",
        {"api_data_path": "data"},
    ),
    "400": Fault(lambda _: Reply({"detail": "bad filter"}, 400), 'refused with status 400.*"bad filter"'),
    "401": Fault(lambda _: Reply({}, 401), "status 401; check how the secret signs in"),
    "404": Fault(lambda _: Reply({}, 404), "status 404; check api_endpoint"),
    "500 always": Fault(lambda _: Reply({}, 500), "cannot be read just now: it answered 500", {}, TransientError),
    "reset always": Fault(lambda _: Reply(reset=True), "cannot be read just now: ", {}, TransientError),
    "a pause too long": Fault(
        lambda _: Reply({}, 429, {"Retry-After": "3600"}), "asks to wait 3600 s", {}, TransientError
    ),
    "a circle of redirects": Fault(lambda _: Reply(status=302, headers={"Location": "/faulty"}), "in a circle"),
    "no watermark": Fault(
        at_once([{"id": 1, "at": None}]),
        "'at' is missing or null in 1 rows",
        {"load_type": "INCREMENTAL", "watermark_column": "at", "column_types": {"at": "timestamp"}},
    ),
    "no such watermark": Fault(
        at_once(ROWS),
        "watermark_column 'at' is no field of the rows. They have id, name",
        {"load_type": "INCREMENTAL", "watermark_column": "at"},
    ),
    "no such key": Fault(at_once(ROWS), "primary_key 'key' is no field", {"primary_key": ("key",)}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_ends_with_a_sentence_and_no_row(server: ApiServer, lake: Lake, name: str) -> None:
    fault = FAULTS[name]
    server.endpoints["/faulty"] = fault.handler
    with pytest.raises(fault.error, match=fault.says) as raised:
        lake.load(api_job("/faulty", **fault.cells))
    assert "Job 'api_things_full'" in str(raised.value)
    assert not list(lake.folder.rglob("things/*.parquet"))


def test_pages_that_are_short_in_between_come_whole_and_are_told(
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


@pytest.mark.parametrize("style", ["redirect", "next_url", "link_header"])
def test_credentials_go_to_no_other_host(server: ApiServer, signed_in: Callable[..., Lake], style: str) -> None:
    with ApiServer() as other:
        other.endpoints["/away"] = at_once(ROWS)
        replies = {
            "redirect": Reply(status=302, headers={"Location": f"{other.url}/away"}),
            "next_url": Reply({"items": ROWS, "next": f"{other.url}/away"}),
            "link_header": Reply(ROWS, headers={"Link": f'<{other.url}/away>; rel="next"'}),
        }
        server.endpoints["/away"] = lambda _: replies[style]
        lake = signed_in(auth="bearer", token="very-secret")
        with pytest.raises(SourceError, match=f"leads to another host, {other.host}; credentials are not sent"):
            lake.load(api_job("/away", pagination_type="none" if style == "redirect" else style))
        assert other.requests == []


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
    assert sorted(request.number("page", 1) for request in server.asked("/paused")) == [1, 2, 3]


def test_a_failure_is_not_hidden_behind_the_requests_that_it_ended(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is final; the readers that it stops, and which may tell of it sooner, would be tried again."""
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
