"""Every way of paging gives every row once, with one reader and with several."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_server import (
    ApiServer,
    Handler,
    Reply,
    Request,
    at_once,
    by_cursor,
    by_link_header,
    by_next_url,
    by_offset,
    by_page,
)
from tests.integration.rest.conftest import Lake, api_job

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 48)]


def numbered(request: Request) -> Reply:
    """Pages as large as is asked for, and how many there are of them."""
    page, size = request.number("page", 1), request.number("limit", 10)
    return Reply({"items": ROWS[(page - 1) * size : page * size], "total_pages": -(-len(ROWS) // size)})


STYLES: dict[str, tuple[Handler, dict[str, Any]]] = {
    "none": (at_once(ROWS), {}),
    "offset": (by_offset(ROWS), {"pagination_type": "offset", "api_page_size": 10}),
    "offset, server allows less": (
        by_offset(ROWS, cap=7),
        {"pagination_type": "offset", "api_page_size": 10},
    ),
    "offset, all defaults": (by_offset(ROWS, cap=20), {"pagination_type": "offset"}),
    "offset with total": (
        by_offset(ROWS, "take", "skip"),
        {
            "pagination_type": "offset",
            "api_page_size": 5,
            "api_limit_param": "take",
            "api_offset_param": "skip",
            "api_total_path": "total",
        },
    ),
    "page": (by_page(ROWS), {"pagination_type": "page"}),
    "page from 0": (
        by_page(ROWS, param="p", base=0),
        {
            "pagination_type": "page",
            "api_page_param": "p",
            "api_params": {"p": "0"},
            "api_total_path": "count",
        },
    ),
    "page by POST": (
        by_page(ROWS),
        {
            "pagination_type": "page",
            "api_method": "POST",
            "api_body": {"q": "all"},
            "api_page_size": 6,
        },
    ),
    "cursor": (by_cursor(ROWS), {"pagination_type": "cursor"}),
    "cursor by POST": (
        by_cursor(ROWS, param="after"),
        {
            "pagination_type": "cursor",
            "api_method": "POST",
            "api_body": {"q": "all"},
            "api_cursor_path": "meta.next_cursor",
            "api_cursor_param": "after",
        },
    ),
    "link header": (by_link_header(ROWS), {"pagination_type": "link_header"}),
    "next url": (
        by_next_url(ROWS),
        {"pagination_type": "next_url", "api_params": {"kind": "all"}},
    ),
    "auto, link header": (by_link_header(ROWS), {"pagination_type": "auto"}),
    "auto, next url": (by_next_url(ROWS), {"pagination_type": "auto"}),
    "auto, cursor": (by_cursor(ROWS), {"pagination_type": "auto"}),
    "auto, OData": (
        lambda request: Reply(
            {"value": ROWS[(at := request.number("$skip", 0)) : at + 20]}
            | ({"@odata.nextLink": f"/things?$skip={at + 20}"} if at + 20 < len(ROWS) else {})
        ),
        {"pagination_type": "auto"},
    ),
    "auto, offset": (by_offset(ROWS, cap=10), {"pagination_type": "auto"}),
    "auto, numbers of a page size": (numbered, {"pagination_type": "auto", "api_page_size": 6}),
    "auto, one page": (at_once(ROWS), {"pagination_type": "auto"}),
}


@pytest.mark.parametrize("parallelism", [1, 4])
@pytest.mark.parametrize("style", STYLES)
def test_every_row_comes_once(server: ApiServer, lake: Lake, style: str, parallelism: int) -> None:
    handler, cells = STYLES[style]
    server.endpoints["/things"] = handler

    assert lake.load(api_job("/things", parallelism=parallelism, **cells)) == ROWS


def test_auto_finds_numbered_pages_by_their_number(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        page = min(request.number("page", 1), 5)  # as many servers do: after the last page comes the last page again
        return Reply({"items": ROWS[(page - 1) * 10 : page * 10], "total_pages": 5})

    server.endpoints["/counted"] = handle
    assert lake.load(api_job("/counted", pagination_type="auto")) == ROWS


@pytest.mark.parametrize("status", [400, 416, 422])
@pytest.mark.parametrize("style", ["offset with total", "page from 0"])
def test_a_server_may_refuse_to_look_behind_its_total(server: ApiServer, lake: Lake, style: str, status: int) -> None:
    handler, cells = STYLES[style]

    def handle(request: Request) -> Reply:
        behind = request.number("skip", 0) >= len(ROWS) or request.number("p", 0) >= 5
        return Reply({"error": "out of range"}, status) if behind else handler(request)

    server.endpoints["/strict"] = handle
    assert lake.load(api_job("/strict", parallelism=2, **cells)) == ROWS


def test_parallel_readers_keep_the_rate_limit_together(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/paced"] = by_page(ROWS, size=5)
    server.requests.clear()

    job = api_job("/paced", pagination_type="page", parallelism=8, api_rate_limit=50)
    assert lake.load(job) == ROWS
    times = sorted(request.at for request in server.asked("/paced"))
    assert len(times) >= 11
    assert (len(times) - 1) / (times[-1] - times[0]) <= 55  # the server sees them a little later or sooner


def test_a_page_that_shrinks_loses_no_row_and_doubles_none(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        start, limit = request.number("offset", 0), request.number("limit", 10)
        allowed = 3 if start == 20 else limit
        return Reply({"items": ROWS[start : start + min(limit, allowed)], "total": len(ROWS)})

    server.endpoints["/shrinking"] = handle
    cells = {
        "pagination_type": "offset",
        "api_page_size": 10,
        "api_total_path": "total",
    }
    assert lake.load(api_job("/shrinking", parallelism=3, **cells)) == ROWS


def test_the_first_page_is_enough_for_who_says_so(
    server: ApiServer, lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    server.endpoints["/newest"] = by_next_url(ROWS)
    assert lake.load(api_job("/newest", api_max_pages=1)) == ROWS[:10]
    assert "announces more rows in 'next', which api_max_pages 1 leaves out" in caplog.text


def test_the_rows_are_where_the_path_says(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/deep"] = lambda _: Reply({"a": [1], "deep": {"er": {"rows": ROWS}}})
    assert lake.load(api_job("/deep", api_data_path="deep.er.rows")) == ROWS


def test_one_object_is_one_row(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/one"] = lambda _: Reply({"id": 7, "name": "lucky"})
    assert lake.load(api_job("/one")) == [{"id": 7, "name": "lucky"}]
