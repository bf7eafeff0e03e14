"""Which answers are data: a table of answers that are not, though their status is good, and of those that are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors.hierarchy import IngestionError, ShrunkTableError, SourceError
from tests.api_server import ApiServer, Reply, Request
from tests.integration.rest.conftest import Lake, api_job

ROWS = [{"id": n, "name": f"thing {n}"} for n in range(1, 41)]
LIST = {"api_data_path": "data"}

FAILURES: dict[str, tuple[Any, dict[str, Any]]] = {
    "error beside rows": ({"data": ROWS, "error": {"message": "cancelled"}}, LIST),
    "errors beside rows": ({"data": ROWS, "errors": ["shard 2 failed"]}, LIST),
    "status failure": ({"data": ROWS, "status": "failure"}, LIST),
    "success false": ({"success": False, "message": "Quota exceeded", "data": []}, LIST),
    "success as text": ({"Success": "false", "data": []}, LIST),
    "ok false": ({"ok": False, "error": "invalid_auth"}, {"api_data_path": "$"}),
    "isSuccess false": ({"isSuccess": False, "data": ROWS}, LIST),
    "an error code": ({"error_code": 17, "data": []}, LIST),
    "a status number": ({"status": 429, "data": []}, LIST),
    "a code as text": ({"code": "500", "message": "oops", "data": []}, LIST),
    "an error in meta": ({"meta": {"code": 401, "errorDetail": "bad token"}, "data": []}, LIST),
    "an error in a wrapper": ({"response": {"status": "error", "items": []}}, {"api_data_path": "response.items"}),
    "a header that is not zero": ({"responseHeader": {"status": 400}, "data": ROWS}, LIST),
    "shards failed": ({"_shards": {"total": 5, "failed": 1}, "data": ROWS}, LIST),
    "timed out": ({"timed_out": True, "data": ROWS}, LIST),
    "incomplete results": ({"incomplete_results": True, "data": ROWS}, LIST),
    "GraphQL": ({"data": {"orders": ROWS}, "errors": [{"message": "denied"}]}, {"api_data_path": "data.orders"}),
    "user errors": ({"data": {"x": {"userErrors": [{"message": "no"}], "rows": []}}}, {"api_data_path": "data.x.rows"}),
    "JSON-RPC": ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no"}}, {"api_data_path": "result"}),
    "a note": ({"Information": "The limit of 25 requests a day has been reached."}, {}),
    "a message": ({"message": "Not now"}, {}),
    "an outcome": ({"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}, {}),
    "an error flag": ({"hasErrors": True, "data": ROWS}, LIST),
    "an error flag in snake case": ({"has_error": True, "data": []}, LIST),
    "is an error": ({"isError": True, "data": ROWS}, LIST),
    "errors counted": ({"errorCount": 2, "data": ROWS}, LIST),
    "failures beside rows": ({"data": ROWS, "failures": [{"shard": 1, "reason": "gone"}]}, LIST),
    "failed": ({"failed": True, "data": ROWS}, LIST),
    "not signed in": ({"authenticated": False, "data": []}, LIST),
    "a list of one message": ([{"message": "Not authorized"}], {}),
    "a list of one message with a code": ([{"code": "FORBIDDEN", "message": "No access to this entity"}], {}),
    "a list of one message in parts": ([{"message": [{"id": "120", "value": "The value is not valid"}]}], {}),
    "a text in the place of rows": ({"status": "0", "message": "NOTOK", "result": "Max rate limit reached"}, {}),
    "a list of errors": ([{"message": "expired", "errorCode": "INVALID_SESSION_ID"}], {}),
}
NO_FAILURES: dict[str, tuple[Any, dict[str, Any]]] = {
    "no error": ({"error": None, "errors": [], "error_code": 0, "errmsg": "ok", "success": True, "data": ROWS}, LIST),
    "none counted": (
        {"errorCount": 0, "hasErrors": False, "failures": [], "failed": 0, "authenticated": True, "data": ROWS},
        LIST,
    ),
    "rows with a message": ([{**row, "message": "hello"} for row in ROWS], {"excluded_columns": ("message",)}),
    "error is false": ({"error": False, "status": "OK", "code": 200, "data": ROWS}, LIST),
    "an empty error object": ({"status": {"error_code": 0, "error_message": None}, "data": ROWS}, LIST),
    "solr": ({"responseHeader": {"status": 0, "QTime": 3}, "data": ROWS}, LIST),
    "warnings": ({"warnings": ["deprecated"], "data": ROWS}, LIST),
    "errors are the rows": ({"errors": ROWS}, {"api_data_path": "errors"}),
    "nowhere": ({"status": "failed", "data": ROWS}, {**LIST, "api_error_path": "-"}),
    "another place": ({"status": "failed", "problems": [], "data": ROWS}, {**LIST, "api_error_path": "problems"}),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("page", [1, 2])
def test_an_answer_that_says_that_it_failed_is_no_data(server: ApiServer, lake: Lake, name: str, page: int) -> None:
    answer, cells = FAILURES[name]
    first = json.loads(json.dumps({"data": ROWS, "next": "/failing?page=2"}))
    server.endpoints["/failing"] = lambda request: Reply(first if request.number("page", 1) < page else answer)
    if page == 2:
        cells = {**LIST, "pagination_type": "next_url", "api_cursor_path": "next"}
    with pytest.raises(IngestionError, match="Job 'api_things_full'"):
        lake.load(api_job("/failing", **cells))
    assert not list(lake.folder.rglob("things/*.parquet"))


@pytest.mark.parametrize("name", NO_FAILURES)
def test_an_answer_that_says_that_it_did_not_fail_is_data(server: ApiServer, lake: Lake, name: str) -> None:
    answer, cells = NO_FAILURES[name]
    server.endpoints["/fine"] = lambda _: Reply(answer)
    assert lake.load(api_job("/fine", **cells)) == ROWS


def test_a_named_place_of_errors_is_looked_at(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/named"] = lambda _: Reply({"problems": [{"why": "x"}], "data": ROWS})
    with pytest.raises(SourceError, match="with an error in 'problems'"):
        lake.load(api_job("/named", api_error_path="problems", **LIST))


def test_a_stream_whose_last_line_is_an_error_is_no_data(server: ApiServer, lake: Lake) -> None:
    lines = "\n".join(map(json.dumps, [*ROWS, {"error": "connection to the database lost"}]))
    server.endpoints["/stream"] = lambda _: Reply(lines.encode())
    with pytest.raises(SourceError, match="error in 'a row'"):
        lake.load(api_job("/stream", api_response_format="jsonl"))


@pytest.mark.parametrize("status", [202, 207, 208, 226, 300, 304])
def test_only_the_statuses_of_rows_are_data(server: ApiServer, lake: Lake, status: int) -> None:
    server.endpoints["/status"] = lambda _: Reply(b"" if status == 304 else ROWS, status)
    with pytest.raises(IngestionError, match=f"answered {status}"):
        lake.load(api_job("/status"))


@pytest.mark.parametrize("status", [200, 201, 203])
def test_other_good_statuses_are_data(server: ApiServer, lake: Lake, status: int) -> None:
    server.endpoints["/status"] = lambda _: Reply(ROWS, status)
    assert lake.load(api_job("/status")) == ROWS


def test_an_answer_that_is_not_ready_is_asked_for_again(server: ApiServer, lake: Lake) -> None:
    replies = iter([Reply({"state": "running"}, 202), Reply({"state": "running"}, 202)])
    server.endpoints["/later"] = lambda _: next(replies, Reply(ROWS))
    assert lake.load(api_job("/later")) == ROWS


LISTS: dict[str, tuple[Any, Any]] = {
    "one list": ({"things": ROWS, "count": 40}, ROWS),
    "a list of a usual name": ({"warnings": [{"text": "x"}], "included": [{"id": 9}], "data": ROWS}, ROWS),
    "errors before rows": ({"errors": [], "messages": [{"a": 1}], "things": ROWS}, ROWS),
    "in an object": ({"result": {"records": ROWS, "fields": [{"id": "a"}]}}, ROWS),
    "HAL": ({"_embedded": {"orders": ROWS}, "_links": {"self": {"href": "/"}}}, ROWS),
    "a bundle": ({"resourceType": "Bundle", "id": "b", "link": [], "entry": ROWS}, ROWS),
    "the endpoint's name": ({"others": [{"id": 99}], "orders": ROWS}, ROWS),
}


@pytest.mark.parametrize("name", LISTS)
def test_the_list_that_can_be_meant_is_the_rows(server: ApiServer, lake: Lake, name: str) -> None:
    answer, expected = LISTS[name]
    server.endpoints["/v1/orders"] = lambda _: Reply(answer)
    assert lake.load(api_job("/v1/orders")) == expected


def test_a_list_in_a_single_object_is_a_part_of_it(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/me"] = lambda _: Reply({"id": 7, "name": "x", "tags": ["a", "b"], "roles": [{"role": "admin"}]})
    (row,) = lake.load(api_job("/me"))
    assert (row["id"], row["name"]) == (7, "x")
    assert [tag["value"] for tag in lake.table("things__tags").to_pylist()] == ["a", "b"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"users": [{"id": 1}], "groups": [{"id": 2}]}, "several lists: users, groups"),
        ({"id": 7, "state": "open", "items": [{"sku": 1}]}, "either of which may be meant"),
        ("a text", "gave no rows but"),
        (17, "gave no rows but"),
    ],
)
def test_a_list_that_is_not_the_only_one_is_asked_for(server: ApiServer, lake: Lake, answer: Any, says: str) -> None:
    server.endpoints["/which"] = lambda _: Reply(answer)
    with pytest.raises(SourceError, match=says):
        lake.load(api_job("/which"))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("entires[*].resource", {"entry": [{"resource": {"id": 1}}]}),
        ("entires[*].resource", {"resourceType": "Bundle", "entry": [{"resource": {"id": 1}}]}),
        ("entry[*].resuorce", {"entry": [{"resource": {"id": 1}}]}),
        ("data.orders.edges[*].node", {"data": None}),
        ("entry[*].resource", {"issue": [{"code": "throttled"}]}),
        ("entry[*].resource", {"entry": {"resource": {}}}),
        ("data[*].row", {"data": [{"row": {"id": 1}}, {"other": {"id": 2}}]}),
        ("data.items", {"data": {"itmes": []}}),
        ("data", {"data": 17}),
        ("data", {}),
        ("data", {"total": 30, "count": 0}),
    ],
)
def test_a_path_that_matches_nothing_is_no_empty_table(server: ApiServer, lake: Lake, path: str, answer: Any) -> None:
    server.endpoints["/path"] = lambda _: Reply(answer)
    with pytest.raises(SourceError, match="api_data_path"):
        lake.load(api_job("/path", api_data_path=path))


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("entry[*].resource", {"resourceType": "Bundle", "type": "searchset"}),
        ("entry[*].resource", {"entry": []}),
        ("entry[*].resource", {"entry": None}),
        ("data.items", {"data": {"items": []}}),
        ("data.items", {"total": 0}),
        ("data", {"meta": {"result_count": 0}}),
        ("response.docs", {"response": {"numFound": 0, "start": 0}}),
        ("time_entries", {"total_entries": 0, "page": 1}),
        ("items", {"count": "0"}),
    ],
)
def test_an_answer_that_says_that_there_is_nothing_is_an_empty_table(
    server: ApiServer, lake: Lake, path: str, answer: Any
) -> None:
    server.endpoints["/path"] = lambda _: Reply(answer)
    assert lake.load(api_job("/path", api_data_path=path)) == []


NOTHING = {
    "an empty body": Reply(b""),
    "blanks": Reply(b" \r\n"),
    "null": Reply(b"null"),
    "304": Reply(b"", 304),
    "204": Reply(b"", 204),
    "[]": Reply([]),
    "no items": Reply({"items": []}),
    "null items": Reply({"items": None}),
    "an object without a list": Reply({"message": "No more calls today"}),
    "another object": Reply({"version": "2"}),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_does_not_empty_a_table(server: ApiServer, lake: Lake, name: str) -> None:
    reply = Reply({"items": ROWS})
    server.endpoints["/nothing"] = lambda _: reply
    lake.load(api_job("/nothing"))
    reply = NOTHING[name]
    with pytest.raises(IngestionError):
        lake.load(api_job("/nothing"))
    assert lake.rows() == ROWS


def test_a_full_refresh_takes_an_empty_list_for_what_it_is(server: ApiServer, lake: Lake) -> None:
    rows = list(ROWS)
    server.endpoints["/emptied"] = lambda _: Reply(rows)
    lake.load(api_job("/emptied"))
    rows.clear()
    assert lake.load(api_job("/emptied"), full_refresh=True) == []
    assert lake.load(api_job("/emptied")) == []


@pytest.mark.parametrize(("limit", "ends"), [(None, "too_few_rows"), (100, []), (10, [])])
def test_a_load_without_rows_is_the_brakes_matter_if_the_job_has_one(
    server: ApiServer, lake: Lake, limit: int | None, ends: Any
) -> None:
    """The lake compares the rows by a limit of the job; the source has only the rule of a job without one."""
    rows = list(ROWS)
    server.endpoints["/braked"] = lambda _: Reply(rows)
    lake.load(api_job("/braked"))
    rows.clear()
    if limit is None:
        with pytest.raises(ShrunkTableError, match="max_shrink_percent to 100") as raised:
            lake.load(api_job("/braked"))
        assert raised.value.kind == ends
    else:
        assert lake.load(api_job("/braked", max_shrink_percent=limit)) == ends


@pytest.mark.parametrize("path", [None, "$"])
def test_an_object_is_no_row_where_a_list_came_before(server: ApiServer, lake: Lake, path: str | None) -> None:
    answer: Any = ROWS
    server.endpoints["/changed"] = lambda _: Reply(answer)
    lake.load(api_job("/changed", api_data_path=path))
    answer = {"notice": "moved", "see": "/v2"}
    with pytest.raises(SourceError, match="one object where rows came before"):
        lake.load(api_job("/changed", api_data_path=path))
    answer = ROWS[0]  # as XML that was turned into JSON writes a list of one
    assert lake.load(api_job("/changed", api_data_path=path)) == ROWS[:1]


@pytest.mark.parametrize("body", [b"", b"null"])
def test_a_first_answer_of_nothing_is_an_error(server: ApiServer, lake: Lake, body: bytes) -> None:
    server.endpoints["/blank"] = lambda _: Reply(body)
    with pytest.raises(IngestionError, match="not taken for an empty table"):
        lake.load(api_job("/blank"))


def test_where_a_value_is_does_not_depend_on_how_pages_are_cut(server: ApiServer, lake: Lake) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "ship": {"city": "Bern"}, "line": {"sku": "a"}, "note": {"x": 1}},
        {"id": 2, "ship": [], "line": [{"sku": "b"}, {"sku": "c"}], "note": "plain"},
        {"id": 3, "ship": [], "line": {"sku": "d"}, "note": None},
        {"id": 4, "ship": {"city": "Chur"}, "line": None, "note": [1]},
    ]

    def handle(request: Request) -> Reply:
        page, size = request.number("page", 1), request.number("limit", 2)
        return Reply(rows[(page - 1) * size : page * size] if page else [])

    server.endpoints["/cut"] = handle
    seen = []
    for size in (1, 2, 3, 4):
        loaded = lake.load(api_job("/cut", pagination_type="page", api_page_size=size))
        lines = sorted(line["sku"] for line in lake.rows("things__line"))
        seen.append(([{k: v for k, v in row.items() if k != "_dlt_id"} for row in loaded], lines))
    assert all(one == seen[0] for one in seen)
    assert seen[0][1] == ["a", "b", "c", "d"]
    assert [row["note"] for row in seen[0][0]] == ['{"x": 1}', "plain", None, "[1]"]
    assert [row["ship__city"] for row in seen[0][0]] == ["Bern", None, None, "Chur"]
