"""Whether there is more: every sign of further pages is followed, or named, and every end is recognised."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.errors.hierarchy import SourceError, TransientError
from tests.api_server import ApiServer, Handler, Reply, Request
from tests.integration.rest.conftest import Lake, api_job

ROWS: list[dict[str, Any]] = [{"id": n, "name": f"thing {n}"} for n in range(1, 101)]
PAGE = ROWS[:40]

SIGNS: dict[str, Reply] = {
    "google": Reply({"items": PAGE, "nextPageToken": "40"}),
    "slack": Reply({"ok": True, "members": PAGE, "response_metadata": {"next_cursor": "dGVhbTo0MA=="}}),
    "jira": Reply({"issues": PAGE, "isLast": False, "nextPageToken": "40"}),
    "airtable": Reply({"records": PAGE, "offset": "itr40/rec40"}),
    "zoho crm": Reply({"data": PAGE, "info": {"per_page": 40, "count": 40, "page": 1, "more_records": True}}),
    "zoho books": Reply({"code": 0, "invoices": PAGE, "page_context": {"page": 1, "has_more_page": True}}),
    "sap b1": Reply({"value": PAGE, "odata.nextLink": "Orders?$skip=40"}),
    "odata v2": Reply({"d": {"results": PAGE, "__next": "https://x/Orders?$skiptoken=40"}}),
    "hal": Reply({"_embedded": {"orders": PAGE}, "_links": {"next": {"href": "orders?o=40"}}}),
    "json api": Reply({"data": PAGE, "links": {"self": "/a", "next": "/a?page[after]=40"}}),
    "fhir": Reply({"resourceType": "Bundle", "entry": PAGE, "link": [{"relation": "next", "url": "/p?o=40"}]}),
    "atom links": Reply({"items": PAGE, "links": [{"rel": "self", "href": "/a"}, {"rel": "next", "href": "/b"}]}),
    "salesforce": Reply({"totalSize": 100, "done": False, "records": PAGE, "nextRecordsUrl": "/query/01g-40"}),
    "done only": Reply({"done": False, "records": PAGE}),
    "spring": Reply({"content": PAGE, "last": False, "number": 0, "totalPages": 3, "size": 40}),
    "laravel": Reply({"data": PAGE, "meta": {"current_page": 1, "last_page": 3, "per_page": 40}}),
    "page of pages": Reply({"data": PAGE, "page": 1, "pages": 3}),
    "total": Reply({"data": PAGE, "total": 100}),
    "elasticsearch": Reply({"hits": {"hits": PAGE, "total": {"value": 100, "relation": "eq"}}}),
    "dynamodb": Reply({"Items": PAGE, "LastEvaluatedKey": {"id": {"N": "40"}}}),
    "s3": Reply({"Contents": PAGE, "IsTruncated": True}),
    "graphql": Reply({"data": {"orders": {"nodes": PAGE, "pageInfo": {"hasNextPage": True, "endCursor": "x"}}}}),
    "more than a result set": Reply({"rows": PAGE, "resultSetExceeded": True}),
    "more, as a text": Reply({"rows": PAGE, "MoreResultsAvailable": "true"}),
    "a query that is not complete": Reply({"rows": PAGE, "jobComplete": False}),
    "a limit": Reply({"limit": 40, "offset": 0, "rows": PAGE}),
    "a link header": Reply(PAGE, headers={"Link": '</a?page=3>; rel="last", </a?page=2>; rel="next"'}),
    "a link header with a title": Reply(PAGE, headers={"Link": '<?o=40>; title="40, and on; rel=self"; rel="next"'}),
    "mediawiki": Reply({"batchcomplete": "", "continue": {"apcontinue": "B", "continue": "-||"}, "query": {"p": PAGE}}),
    "mediawiki, as it was": Reply({"query": {"p": PAGE}, "query-continue": {"allpages": {"apcontinue": "B"}}}),
    "a total header": Reply(PAGE, headers={"X-Total-Count": "100"}),
    "a pages header": Reply(PAGE, headers={"X-WP-TotalPages": "3"}),
    "a next header": Reply(PAGE, headers={"X-Next-Page": "2"}),
    "a continuation": Reply({"value": PAGE}, headers={"x-ms-continuationtoken": "abc"}),
    "a json header": Reply(PAGE, headers={"X-Pagination": '{"TotalCount": 100, "HasNext": true}'}),
    "a range": Reply(PAGE, 206, {"Content-Range": "0-39/100"}),
    "a range of unknown length": Reply(PAGE, 206, {"Content-Range": "0-39/*"}),
    "a part": Reply(PAGE, 206),
}
COMPLETE: dict[str, Reply] = {
    "a null": Reply({"items": PAGE, "next": None}),
    "no cursor": Reply({"items": PAGE, "response_metadata": {"next_cursor": ""}}),
    "no more": Reply({"items": PAGE, "has_more": False, "cursor": "kept"}),
    "last": Reply({"items": PAGE, "isLast": True, "nextPageToken": "kept"}),
    "all": Reply({"items": PAGE, "total": 40, "limit": 40}),
    "last page": Reply({"items": PAGE, "page": 3, "pages": 3}),
    "a whole range": Reply(PAGE, 206, {"Content-Range": "0-39/40"}),
    "an empty header": Reply(PAGE, headers={"X-Next-Page": ""}),
    "a count of what is there": Reply({"count": 40, "items": PAGE}),
}


@pytest.mark.parametrize("name", SIGNS)
def test_none_refuses_an_answer_that_says_that_there_is_more(server: ApiServer, lake: Lake, name: str) -> None:
    server.endpoints["/signs"] = lambda _: SIGNS[name]
    with pytest.raises(SourceError, match="announces more rows in"):
        lake.load(api_job("/signs"))


def test_objects_beside_the_list_of_rows_may_say_that_there_is_more(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/beside"] = lambda _: Reply([{"page": 1, "pages": 3, "total": 100}, PAGE])
    with pytest.raises(SourceError, match=r"announces more rows in '\[0\].pages'"):
        lake.load(api_job("/beside", api_data_path="$[1]"))
    with pytest.raises(SourceError, match="a list of objects and lists; name the list of rows in api_data_path"):
        lake.load(api_job("/beside", api_nested="json"))
    server.endpoints["/beside"] = lambda _: Reply([{"page": 1, "pages": 1, "total": 40}, PAGE])
    assert lake.load(api_job("/beside", api_data_path="$[1]")) == PAGE


@pytest.mark.parametrize("name", ["a limit", "done only", "dynamodb", "s3", "a part"])
def test_auto_names_what_it_cannot_follow(server: ApiServer, lake: Lake, name: str) -> None:
    server.endpoints["/signs"] = lambda _: SIGNS[name]
    with pytest.raises(SourceError, match="but not how to get them: name the pagination_type"):
        lake.load(api_job("/signs", pagination_type="auto"))


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("style", ["none", "auto"])
def test_an_answer_that_is_all_there_is_is_taken(server: ApiServer, lake: Lake, name: str, style: str) -> None:
    server.endpoints["/complete"] = lambda _: COMPLETE[name]
    assert lake.load(api_job("/complete", pagination_type=style)) == PAGE


def test_as_many_rows_as_were_asked_for_may_not_be_all(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/top"] = lambda request: Reply(ROWS[: request.number("$top", 10)])
    with pytest.raises(SourceError, match=r"the parameter '\$top', which allows just as many rows as came"):
        lake.load(api_job("/top", api_params={"$top": "40"}))
    assert lake.load(api_job("/top", api_params={"$top": "40"}, api_max_pages=1)) == PAGE
    assert lake.load(api_job("/top", api_params={"$top": "400"})) == ROWS


def paged(make: Callable[[list[dict[str, Any]], int, str], Any], size: int = 40, start: str = "o") -> Handler:
    """Pages whose parameter counts rows; `make` gives the answer from the rows, the next offset and the path."""

    def handle(request: Request) -> Reply:
        at = request.number(start, 0)
        made = make(ROWS[at : at + size], at + size, request.path)
        return made if isinstance(made, Reply) else Reply(made)

    return handle


def more(at: int, what: dict[str, Any]) -> dict[str, Any]:
    return what if at < len(ROWS) else {}


def link(at: int, path: str) -> list[dict[str, Any]]:
    return [{"relation": "self", "url": path}, *([{"relation": "next", "url": f"{path}?o={at}"}] if at < 100 else [])]


FOLLOWED: dict[str, tuple[Handler, dict[str, Any]]] = {
    "fhir": (
        paged(lambda rows, at, path: {"resourceType": "Bundle", "link": link(at, path), "entry": rows}),
        {},
    ),
    "fhir by its path": (
        paged(lambda rows, at, path: {"resourceType": "Bundle", "link": link(at, path), "entry": rows}),
        {"pagination_type": "next_url", "api_cursor_path": "link[?(@.relation=='next')].url"},
    ),
    "hal, relative": (
        paged(lambda rows, at, _: {"x": rows, "_links": more(at, {"next": {"href": f"followed?o={at}"}})}),
        {},
    ),
    "a relative query": (paged(lambda rows, at, _: {"rows": rows, **more(at, {"next": f"?o={at}"})}), {}),
    "a cursor": (
        paged(lambda rows, at, _: {"rows": rows, **more(at, {"next_cursor": str(at)})}, start="cursor"),
        {},
    ),
    "a page token": (
        paged(lambda rows, at, _: {"rows": rows, **more(at, {"nextPageToken": str(at)})}, start="pageToken"),
        {},
    ),
    "a token in snake case": (
        paged(lambda rows, at, _: {"rows": rows, **more(at, {"next_page_token": str(at)})}, start="page_token"),
        {},
    ),
    "a cursor in a header": (
        paged(lambda rows, at, _: Reply(rows, headers={"X-Next-Cursor": str(at)} if at < 100 else {}), start="cursor"),
        {},
    ),
    "a range": (
        paged(
            lambda rows, at, _: Reply(rows, 206, {"Content-Range": f"{at - 40}-{at - 41 + len(rows)}/100"}),
            start="offset",
        ),
        {},
    ),
    "spring, from 0": (
        lambda request: Reply(
            {
                "content": ROWS[(page := request.number("page", 0)) * 40 : page * 40 + 40],
                "number": page,
                "totalPages": 3,
            }
        ),
        {},
    ),
    "ckan, an endless link": (
        paged(lambda rows, at, path: {"result": {"records": rows, "_links": {"next": f"{path}?o={at}"}}}),
        {"api_data_path": "result.records"},
    ),
    "an endless link and a total": (
        paged(lambda rows, at, path: {"records": rows, "total": 100, "_links": {"next": f"{path}?o={at}"}}),
        {"api_total_path": "total"},
    ),
    "solr, a cursor that is kept": (
        paged(lambda rows, at, _: {"docs": rows, "nextCursorMark": str(min(at, 100))}, start="cursorMark"),
        {
            "pagination_type": "cursor",
            "api_cursor_path": "nextCursorMark",
            "api_cursor_param": "cursorMark",
            "api_params": {"cursorMark": "0"},
        },
    ),
    "a cursor that is counted without an end": (
        paged(lambda rows, at, _: {"rows": rows, "next_cursor": at}, start="cursor"),
        {"pagination_type": "cursor", "api_cursor_path": "next_cursor"},
    ),
    "a cursor that stays with a flag": (
        paged(lambda rows, at, _: {"rows": rows, "next_cursor": f"{at}", "has_more": at < 100}, start="cursor"),
        {"pagination_type": "cursor", "api_cursor_path": "next_cursor"},
    ),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_every_sign_that_leads_on_is_followed_to_the_end(server: ApiServer, lake: Lake, name: str) -> None:
    handler, cells = FOLLOWED[name]
    server.endpoints["/followed"] = handler
    server.requests.clear()
    assert lake.load(api_job("/followed", **{"pagination_type": "auto"} | cells)) == ROWS
    assert len(server.requests) <= 6


def test_a_total_may_be_in_the_content_range(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/range"] = FOLLOWED["a range"][0]
    job = api_job("/range", pagination_type="offset", api_page_size=40, api_total_path="Content-Range")
    assert lake.load(job) == ROWS


def test_pages_that_are_counted_from_0_do_not_lose_the_first(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/zero"] = lambda request: Reply(
        ROWS[request.number("page", 0) * 40 : request.number("page", 0) * 40 + 40]
    )
    with pytest.raises(SourceError, match="the API counts its pages from 0"):
        lake.load(api_job("/zero", pagination_type="page"))
    assert lake.load(api_job("/zero", pagination_type="page", api_params={"page": "0"})) == ROWS


SEARCH = {
    "search_after": (
        {"sort": [{"id": "asc"}], "search_after": [0], "size": 30},
        {"api_cursor_path": "hits.hits[-1].sort[0]", "api_cursor_param": "search_after[0]"},
    ),
    "search_after as a list": (
        {"sort": [{"id": "asc"}], "search_after": [0], "size": 30},
        {"api_cursor_path": "hits.hits[-1].sort", "api_cursor_param": "search_after"},
    ),
}


@pytest.mark.parametrize("name", SEARCH)
def test_a_cursor_is_written_into_lists_of_the_body(server: ApiServer, lake: Lake, name: str) -> None:
    body, cells = SEARCH[name]

    def handle(request: Request) -> Reply:
        rows = [row for row in ROWS if row["id"] > request.body["search_after"][0]][: request.body["size"]]
        return Reply({"hits": {"hits": [{"_source": row, "sort": [row["id"]]} for row in rows]}})

    server.endpoints["/search"] = handle
    path = {"api_data_path": "hits.hits[*]._source"}
    assert (
        lake.load(api_job("/search", api_method="POST", api_body=body, pagination_type="cursor", **path, **cells))
        == ROWS
    )


def test_an_offset_is_written_into_lists_of_the_body(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        paging = request.body["params"]["args"][1]
        return Reply({"jsonrpc": "2.0", "result": ROWS[paging["offset"] : paging["offset"] + paging["limit"]]})

    server.endpoints["/rpc"] = handle
    cells = {"api_offset_param": "params.args[1].offset", "api_limit_param": "params.args[1].limit"}
    body = {"params": {"args": ["db", {"offset": 0, "limit": 30}]}}
    job = api_job("/rpc", api_method="POST", api_body=body, pagination_type="offset", api_page_size=30, **cells)
    assert lake.load(job) == ROWS


def test_a_cursor_may_travel_in_a_header(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        at = int(request.headers.get("X-Cursor", 0))
        return Reply(ROWS[at : at + 30], headers={"X-Next": str(at + 30)} if at + 30 < 100 else {})

    server.endpoints["/header"] = handle
    cells = {"api_cursor_path": "header:X-Next", "api_cursor_param": "header:X-Cursor"}
    assert lake.load(api_job("/header", pagination_type="cursor", **cells)) == ROWS


@pytest.mark.parametrize("style", ["offset", "page"])
def test_a_row_that_goes_while_pages_are_counted_is_seen_by_the_total(
    server: ApiServer, lake: Lake, style: str
) -> None:
    live = list(ROWS)

    def handle(request: Request) -> Reply:
        at = request.number("offset", (request.number("page", 1) - 1) * 20)
        answer = json.loads(json.dumps({"data": live[at : at + 20] if at >= 0 else [], "total": len(live)}))
        if len(live) == 100 and at == 0:
            live.pop(4)
        return Reply(answer)

    server.endpoints["/moving"] = handle
    job = api_job("/moving", pagination_type=style, api_page_size=20, api_total_path="total")
    with pytest.raises(TransientError, match="rows came or went while its pages were counted"):
        lake.load(job)
    assert lake.load(job) == live


def test_a_row_that_comes_while_pages_are_counted_is_seen_by_its_double(server: ApiServer, lake: Lake) -> None:
    live = list(ROWS)

    def handle(request: Request) -> Reply:
        at = request.number("offset", 0)
        answer = live[at : at + 20]
        if len(live) == 100:
            live.insert(0, {"id": 0, "name": "new"})
        return Reply(answer)

    server.endpoints["/coming"] = handle
    job = api_job("/coming", pagination_type="offset", api_page_size=20)
    with pytest.raises(TransientError, match="rows were added or removed while its pages were counted"):
        lake.load(job)
    assert lake.load(job) == live


def test_pages_of_rows_that_are_all_the_same_are_pages(server: ApiServer, lake: Lake) -> None:
    readings = [{"reading": 0.0}] * 40

    def handle(request: Request) -> Reply:
        at = request.number("offset", 0)
        return Reply(readings[at : at + 20])

    server.endpoints["/alike"] = handle
    assert lake.load(api_job("/alike", pagination_type="offset", api_page_size=20)) == readings


def test_pages_that_look_alike_in_the_chosen_columns_are_pages(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/chosen"] = paged(
        lambda rows, _at, _path: [{**row, "status": "ok"} for row in rows], 20, "offset"
    )
    cells = {"included_columns": ("status",), "pagination_type": "offset", "api_page_size": 20}
    assert lake.load(api_job("/chosen", **cells)) == [{"status": "ok"}] * 100
