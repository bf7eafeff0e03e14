"""Servers whose faults stay, by name, and the sentence that a load from each ends with."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from shared.errors.hierarchy import IngestionError, SourceError, TransientError
from tests.api_server import Handler, Reply, Request, at_once, by_offset, by_page

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 26)]
PAGES = {"pagination_type": "page"}
LONG = 50  # seconds; a request may wait for 60


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
        return Reply([] if page == 2 else [{"id": page}], 200 if 0 < page < 9 else 404)

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
        declaring(20),
        "is beyond the number of rows that the API declares",
        {**OFFSETS, "api_total_path": "total"},
        TransientError,
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
        "announces more rows in its header Link",
    ),
    "a next address that none would leave out": Fault(
        lambda _: Reply({"items": ROWS, "links": {"next": "/faulty?page=2"}}), "announces more rows in 'links.next'"
    ),
    "a flag that none would leave out": Fault(
        lambda _: Reply({"items": ROWS, "hasMore": True}), "announces more rows in 'hasMore'.*set api_max_pages to 1"
    ),
    "a total that none would leave out": Fault(by_offset(ROWS, cap=10), "announces more rows in 'total'"),
    "a header's total that none would leave out": Fault(
        lambda _: Reply(ROWS, headers={"X-Total-Count": "26"}), "announces more rows in 'header X-Total-Count'"
    ),
    "an OData address that none would leave out": Fault(
        lambda _: Reply({"value": ROWS, "@odata.nextLink": "/faulty?$skip=25"}), "more rows in '@odata.nextLink'"
    ),
    "a flag that auto cannot follow": Fault(
        lambda _: Reply({"items": ROWS, "hasMore": True}),
        "announces more rows in 'hasMore', but not how to get them: name the pagination_type",
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
        lambda _: Reply(b"\x89PNG", headers={"Content-Type": "image/png"}), "bytes that are not text in its encoding"
    ),
    "json that ends early": Fault(lambda _: Reply(b'[{"id": 1}, {"id"'), "JSON that breaks off", {}, TransientError),
    "json with a flaw": Fault(lambda _: Reply(b"[{'id': 1}, {'id': 2}]"), "not valid JSON"),
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
        at_once([{"a__b": 1, "a": {"b": 2}}]), "two values of a row would go into the column 'a__b'"
    ),
    "a column that ties lists to rows": Fault(at_once([{"_dlt_id": 1}]), "would go into the column '_dlt_id'"),
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
        "watermark_column 'at' is not a field of the rows. They have id, name",
        {"load_type": "INCREMENTAL", "watermark_column": "at"},
    ),
    "no such key": Fault(at_once(ROWS), "primary_key 'key' is not a field", {"primary_key": ("key",)}),
}
