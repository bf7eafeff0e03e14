"""Answers of real APIs that once gave SUCCESS with wrong rows, or that no row could load: each has its right end.

A case is what a server answers, the job's cells, and how each of its loads ends: with the ids of the table's rows, or
with an error. That cancelling a run ends its waits is proved at the lane: tests/unit/orchestrators/test_source_lane.py.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from shared.errors.hierarchy import IngestionError, TransientError
from tests.api_server import ApiServer, Reply, Request, basic
from tests.integration.rest.conftest import Lake, api_job

ROWS: list[dict[str, Any]] = [{"id": n, "name": f"thing {n}"} for n in range(1, 101)]
ALL = [row["id"] for row in ROWS]
OFFSET = {"pagination_type": "offset", "api_page_size": 20}
DAYS = [f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3)]

Answer = Callable[[Request, int], Reply]
"""What a server answers to a request of the load of that number, from 1."""
End = Sequence[int] | str
"""The ids of the table's rows, or what the load's error says."""


@dataclass(frozen=True)
class Case:
    """One job, and how its loads end, one after the other."""

    answer: Answer
    ends: Sequence[End]
    cells: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, Any] = field(default_factory=dict)


def loads(*bodies: Any) -> Answer:
    """The first body in the first load, and so on."""
    return lambda _, load: bodies[load - 1] if isinstance(bodies[load - 1], Reply) else Reply(bodies[load - 1])


def growing(name: str, *values: Any) -> Answer:
    """One more row in each load, with a value of the column that is named."""
    return loads(*([{"id": n, "u": n, name: value} for n, value in enumerate(values[:end], 1)] for end in (1, 2)))


def by_offset(rows: Sequence[dict[str, Any]]) -> Answer:
    return lambda r, _: Reply(rows[r.number("offset", 0) :][: r.number("limit", 20)])


def since(column: str = "u", **cells: Any) -> dict[str, Any]:
    return {"load_type": "INCREMENTAL", "watermark_column": column, **cells}


def raw(body: bytes, kind: str) -> Answer:
    return lambda _, __: Reply(body, headers={"Content-Type": kind})


def elasticsearch(request: Request, _: int) -> Reply:
    rows = [row for row in ROWS if row["id"] > request.body["search_after"][0]][: request.body["size"]]
    return Reply({"hits": {"hits": [{"_source": row, "sort": [row["id"]]} for row in rows]}})


def odoo(request: Request, _: int) -> Reply:
    paging = request.body["params"]["args"][6]
    return Reply({"jsonrpc": "2.0", "result": ROWS[paging["offset"] :][: paging["limit"]]})


def ckan(request: Request, _: int) -> Reply:
    at, size = request.number("offset", 0), request.number("limit", 40)
    links = {"start": "/ckan", "next": f"{request.path}?offset={at + size}&limit={size}"}
    return Reply({"success": True, "result": {"records": ROWS[at : at + size], "total": 100, "_links": links}})


def solr(request: Request, _: int) -> Reply:
    mark = request.params["cursorMark"]
    at = 0 if mark == "*" else int(mark[1:])
    following = f"m{min(at + 40, 100)}" if at < 100 else mark
    return Reply({"response": {"numFound": 100, "docs": ROWS[at : at + 40]}, "nextCursorMark": following})


def epochs(request: Request, load: int) -> Reply:
    return Reply([{"id": n, "ms": 1767225600000 + n} for n in range(1, load + 1)])


def fhir(request: Request, _: int) -> Reply:
    at = request.number("_getpagesoffset", 0)
    links = [{"relation": "self", "url": request.path}]
    links += [{"relation": "next", "url": f"{request.path}?_getpagesoffset={at + 40}"}] if at + 40 < 100 else []
    return Reply({"resourceType": "Bundle", "link": links, "entry": [{"resource": row} for row in ROWS[at : at + 40]]})


def zurich(request: Request, load: int) -> Reply:
    moments = [1767261600, 1767263400][:load]
    rows = [
        {"id": n, "u": datetime.fromtimestamp(at, ZoneInfo("Europe/Zurich")).strftime("%Y-%m-%dT%H:%M:%S")}
        for n, at in enumerate(moments, 1)
        if at >= request.number("since", 0)
    ]
    return Reply(rows)


def partial(request: Request, _: int) -> Reply:
    at, size = request.number("offset", 0), min(request.number("limit", 30), 30)
    rows = ROWS[at : at + size]
    span = f"{at}-{at + len(rows) - 1}/100" if rows else "*/100"
    return Reply(rows, 206, {"Content-Range": span})


def shrinking() -> Answer:
    """A row goes after the first page was read."""
    live, asked = list(ROWS), []

    def answer(request: Request, _: int) -> Reply:
        asked.append(request)
        reply = Reply({"data": live[request.number("offset", 0) :][:20], "total": len(live)})
        if len(asked) == 1:
            del live[4]
        return reply

    return answer


PHP = [{"id": 1, "s": {"c": "Bern"}}, {"id": 2, "s": {"c": "Zug"}}, {"id": 3, "s": []}, {"id": 4, "s": {"c": "Chur"}}]
BUNDLE = {"resourceType": "Bundle", "entry": [{"resource": row} for row in ROWS]}
EDGES = {"data": {"orders": {"edges": [{"node": row} for row in ROWS]}}}
GRAPHQL = {"api_method": "POST", "api_body": {"query": "q"}, "api_data_path": "data.orders.edges[*].node"}
ENTRIES = {"api_data_path": "entry[*].resource"}
UMLAUT = '[{"id": 1, "name": "Zürich"}]'
ARGUMENTS = {"args": ["db", 2, "key", "res.partner", "search_read", [[]], {"offset": 0, "limit": 30}]}
NEXT_PAGES: dict[str, Any] = {
    "google": {"items": ROWS[:40], "nextPageToken": "40"},
    "slack": {"ok": True, "members": ROWS[:40], "response_metadata": {"next_cursor": "dGVhbTo0MA=="}},
    "jira": {"issues": ROWS[:40], "isLast": False, "nextPageToken": "40"},
    "airtable": {"records": ROWS[:40], "offset": "itr40/rec40"},
    "zoho crm": {"data": ROWS[:40], "info": {"per_page": 40, "count": 40, "page": 1, "more_records": True}},
    "zoho books": {"code": 0, "invoices": ROWS[:40], "page_context": {"page": 1, "has_more_page": True}},
    "b1": {"value": ROWS[:40], "odata.nextLink": "Orders?$skip=40"},
    "hal": {"_embedded": {"orders": ROWS[:40]}, "_links": {"self": {"href": "o"}, "next": {"href": "o?o=40"}}},
}
OPTIONAL = [{"id": 1, "u": DAYS[0], "note": "x"}]
CSV = {"api_response_format": "csv"}

CASES: dict[str, Case] = {
    "body lists: search_after": Case(
        elasticsearch,
        [ALL],
        {
            "api_method": "POST",
            "api_body": {"sort": [{"id": "asc"}], "search_after": [0], "size": 30},
            "pagination_type": "cursor",
            "api_cursor_path": "hits.hits[-1].sort[0]",
            "api_cursor_param": "search_after[0]",
            "api_data_path": "hits.hits[*]._source",
        },
    ),
    "body lists: execute_kw": Case(
        odoo,
        [ALL],
        {
            **OFFSET,
            "api_page_size": 30,
            "api_method": "POST",
            "api_data_path": "result",
            "api_offset_param": "params.args[6].offset",
            "api_limit_param": "params.args[6].limit",
            "api_body": {"jsonrpc": "2.0", "params": ARGUMENTS},
        },
    ),
    "optional field: stuck": Case(loads(OPTIONAL, [{"id": 2, "u": DAYS[1]}]), [[1], [1, 2]], since()),
    "optional field: lost": Case(loads(OPTIONAL, [{"id": 2, "u": DAYS[0]}]), [[1], [1, 2]], since()),
    "optional field: updated": Case(
        loads(OPTIONAL, [{"id": 1, "u": DAYS[1]}]), [[1], [1, 1]], since(table_format="delta", primary_key=("id",))
    ),
    "csv: semicolon": Case(raw(b"id;name;amount\r\n1;Bern;10\r\n", "text/csv"), [[1]], CSV),
    "csv: tab": Case(raw(b"id\tname\n1\ta\n", "text/tab-separated-values"), [[1]], CSV),
    "csv: a long field": Case(raw(b"id,body\n1," + b"x" * 140_000 + b"\n", "text/csv"), [[1]], CSV),
    "csv: latin-1": Case(raw("id,name\n1,Zürich\n".encode("latin-1"), "text/csv"), [[1]], CSV),
    "encodings: latin-1": Case(raw(UMLAUT.encode("latin-1"), "application/json; charset=iso-8859-1"), [[1]]),
    "encodings: utf-16": Case(raw(UMLAUT.encode("utf-16"), "application/json; charset=utf-16"), [[1]]),
    "encodings: gzip": Case(raw(gzip.compress(UMLAUT.encode()), "application/gzip"), [[1]]),
    "endless next: ckan": Case(
        ckan,
        [ALL],
        {
            "pagination_type": "auto",
            "api_data_path": "result.records",
            "api_total_path": "result.total",
            "api_max_pages": 60,
        },
    ),
    "endless next: solr": Case(
        solr,
        [ALL],
        {
            "pagination_type": "cursor",
            "api_cursor_path": "nextCursorMark",
            "api_cursor_param": "cursorMark",
            "api_params": {"cursorMark": "*", "rows": "40"},
            "api_data_path": "response.docs",
            "api_total_path": "response.numFound",
        },
    ),
    "epoch rows: unix": Case(
        epochs, [[1], [1, 2]], since("ms", api_cursor_filter_param="since", api_cursor_filter_format="unix")
    ),
    "epoch rows: day": Case(
        epochs, [[1], [1, 2]], since("ms", api_cursor_filter_param="since", api_cursor_filter_format="%Y-%m-%d")
    ),
    "epoch rows: typed": Case(
        epochs, [[1], [1, 2]], since("ms", api_cursor_filter_param="since", column_types={"ms": "timestamp"})
    ),
    "error with 200: ServiceNow": Case(
        loads({"result": ROWS[:43], "error": {"message": "maximum execution time exceeded"}, "status": "failure"}),
        ["maximum execution time"],
        {"api_data_path": "result"},
    ),
    "error with 200: note": Case(
        loads({"data": ROWS}, {"Information": "The limit of 25 requests a day has been reached."}), [ALL, "25 requests"]
    ),
    "error with 200: message": Case(
        loads({"data": ROWS}, {"success": False, "message": "Quota exceeded"}), [ALL, "Quota exceeded"]
    ),
    "error with 200: no rows": Case(
        loads({"data": ROWS}, {"success": False, "message": "Quota exceeded", "data": []}),
        [ALL, "Quota exceeded"],
        {"api_data_path": "data"},
    ),
    "fhir links: none": Case(fhir, ["announces more rows"], ENTRIES),
    "fhir links: auto": Case(fhir, [ALL], ENTRIES | {"pagination_type": "auto"}),
    "fhir links: named": Case(
        fhir,
        [ALL],
        ENTRIES | {"pagination_type": "next_url", "api_cursor_path": "link[?(@.relation=='next')].url"},
    ),
    "first load's types: price": Case(growing("value", 10, 10.5), [[1], [1, 2]], since()),
    "first load's types: closed": Case(growing("value", DAYS[0], ""), [[1], [1, 2]], since()),
    "first load's types: note": Case(growing("value", "2026-01-01 10:00", "call back"), [[1], [1, 2]], since()),
    "keys that differ in case": Case(
        loads([{"id": 1, "Name": "A", "name": "b"}]),
        ["'Name' and 'name' .*excluded_columns"],
        {"table_format": "delta"},
    ),
    "local times as unix": Case(
        zurich, [[1], [1, 2]], since(api_cursor_filter_param="since", api_cursor_filter_format="unix")
    ),
    **{f"none ignores cursors: {name}": Case(loads(body), ["more rows"]) for name, body in NEXT_PAGES.items()},
    "nothing: empty body": Case(loads(ROWS, b""), [ALL, "without a body"]),
    "nothing: null": Case(loads(ROWS, Reply(b"null")), [ALL, "gave no rows"]),
    "nothing: 304": Case(loads(ROWS, Reply(b"", 304)), [ALL, "304"]),
    "offset shrinks": Case(shrinking(), ["rows came or went"], OFFSET | {"api_total_path": "total"}),
    "206: none": Case(partial, ["more rows"]),
    "206: auto": Case(partial, [ALL], {"pagination_type": "auto"}),
    "206: total": Case(partial, [ALL], OFFSET | {"api_total_path": "Content-Range"}),
    "rows that repeat: alike": Case(by_offset([{"id": 0}] * 40), [[0] * 40], OFFSET),
    "rows that repeat: chosen": Case(
        by_offset([{"id": 0, "name": row["name"]} for row in ROWS]), [[0] * 100], OFFSET | {"included_columns": ("id",)}
    ),
    "rows that repeat: volatile": Case(
        lambda _, load: Reply([{"id": 1, "u": DAYS[0], "age": load}]), [[1], [1], [1]], since(primary_key=("id",))
    ),
    "star path: graphql": Case(
        loads(EDGES, {"errors": [{"message": "denied"}], "data": None}), [ALL, "denied"], GRAPHQL
    ),
    "star path: fhir": Case(
        loads(BUNDLE, {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}),
        [ALL, "OperationOutcome"],
        ENTRIES,
    ),
    "star path: typo": Case(loads(BUNDLE), ["nothing at"], {"api_data_path": "entires[*].resource"}),
    "text watermarks: ids": Case(growing("u", "999", "1000"), ["column_types"], since()),
    "text watermarks: ids, typed": Case(
        growing("u", "999", "1000"), [[1], [1, 2]], since(column_types={"u": "bigint"})
    ),
    "text watermarks: us dates": Case(growing("u", "12/31/2025", "01/05/2026"), ["column_types"], since()),
    "text watermarks: net dates": Case(
        growing("u", "/Date(999999999999+0000)/", "/Date(1000000000001+0000)/"), [[1], [1, 2]], since()
    ),
}


def ids(lake: Lake) -> list[int]:
    """The ids of the table's rows, whatever types its files have otherwise."""
    files = (lake.folder / "lake" / "dataset" / "things").glob("*.parquet")
    found: list[Any] = [value for file in files for value in pq.read_table(file, columns=["id"])["id"].to_pylist()]
    return sorted(found)


@pytest.mark.parametrize("name", CASES)
def test_a_case_ends_with_its_rows_or_with_an_error(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    monkeypatch.setattr(lake, "rows", lambda _name: [])  # the files of one table may differ in types
    for load, end in enumerate(case.ends, 1):
        server.endpoints["/case"] = lambda request, load=load: case.answer(request, load)  # type: ignore[misc]
        before = ids(lake)
        if isinstance(end, str):
            with pytest.raises(IngestionError, match=end):
                lake.load(api_job("/case", **case.cells))
            assert ids(lake) == before
        else:
            lake.load(api_job("/case", **case.cells))
            assert ids(lake) == sorted(end)


def test_where_a_value_is_does_not_depend_on_the_size_of_pages(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/php"] = lambda r: Reply(
        PHP[(r.number("page", 1) - 1) * r.number("limit", 1) :][: r.number("limit", 1)]
    )
    tables = [lake.load(api_job("/php", pagination_type="page", api_page_size=size)) for size in (2, 4)]
    assert [[(row["id"], row["s__c"]) for row in table] for table in tables] == [
        [(1, "Bern"), (2, "Zug"), (3, None), (4, "Chur")]
    ] * 2


@pytest.mark.parametrize("way", ["basic", "created"])
def test_a_token_is_asked_for_in_every_common_way(server: ApiServer, tmp_path: Any, way: str) -> None:
    def token(request: Request) -> Reply:
        if way == "created":
            return Reply({"access_token": "T", "expires_in": 600}, 201)
        known = request.headers.get("Authorization") == basic("c", "s")
        return Reply({"access_token": "T"}) if known else Reply({"error": "invalid_client"}, 401)

    server.endpoints["/token"] = token
    server.endpoints["/things"] = lambda r: (
        Reply(ROWS) if r.headers.get("Authorization") == "Bearer T" else Reply({}, 401)
    )
    fields = {"auth": "oauth2", "token_url": f"{server.url}/token", "client_id": "c", "client_secret": "s"}
    assert Lake(tmp_path, {"base_url": server.url, **fields}).load(api_job("/things")) == ROWS


def test_a_redirect_to_a_signed_file_on_another_host_is_followed_without_credentials(
    server: ApiServer, tmp_path: Any
) -> None:
    with ApiServer() as other:
        server.endpoints["/export"] = lambda _: Reply(b"", 302, {"Location": f"{other.url}/signed.json?sig=abc"})
        other.endpoints["/signed.json"] = lambda r: Reply(ROWS if "Authorization" not in r.headers else {"error": 1})
        lake = Lake(tmp_path, {"base_url": server.url, "auth": "bearer", "token": "T"})
        assert lake.load(api_job("/export")) == ROWS


def test_a_wait_that_is_longer_than_an_attempt_is_left_to_the_run(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/later"] = lambda _: Reply({}, 429, {"Retry-After": "130"})
    with pytest.raises(TransientError) as raised:
        lake.load(api_job("/later"))
    assert raised.value.retry_after_seconds == 130
    assert len(server.asked("/later")) == 1
