"""Shapes of answers: what is no data, or not all of it, is refused by its kind; what is data is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.errors.hierarchy import IngestionError, SourceError
from tests.api_server import ApiServer, Reply, Request
from tests.integration.rest.conftest import Lake, api_job
from tests.integration.rest.test_sequences import load

ROWS: list[dict[str, Any]] = [{"id": n, "name": f"thing {n}"} for n in range(1, 101)]
PAGE = ROWS[:20]
DATA = {"api_data_path": "data"}

REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "a code of text and no data": ({"code": "ERR_LIMIT", "msg": "x", "data": None}, DATA, "'code'"),
    "a code of text and no data, blank": ({"code": "ERR_LIMIT", "msg": "x", "data": None}, {}, "message instead"),
    "a number and no data": ({"code": 40001, "msg": "sign error", "data": []}, DATA, "sign error"),
    "a negative number": ({"ret": -1, "msg": "no auth", "data": []}, DATA, "no auth"),
    "a code of a service": (
        {"response": {"header": {"resultCode": "99", "resultMsg": "EXPIRED"}, "body": {"items": []}}},
        {"api_data_path": "response.body.items"},
        "EXPIRED",
    ),
    "errno": ({"errno": 111, "data": []}, DATA, "'errno'"),
    "cod": ({"cod": "404", "message": "city unknown"}, {}, "city unknown"),
    "an error's type": ({"result": "error", "error-type": "quota-reached"}, {}, "quota-reached"),
    "partly failed": ({"data": PAGE, "partial_failure": True}, DATA, "partial_failure"),
    "pending": ({"status": "pending", "results": []}, {}, "needs? api_export"),
    "processing": ({"state": "PROCESSING", "rows": []}, {"api_data_path": "rows"}, "api_export"),
    "a report about a job": ({"status": "queued", "id": "7", "href": "/jobs/7"}, {}, "api_export"),
    "rows without names": ({"values": [["id", "name"], ["1", "a"]]}, {}, "lists without names"),
    "rows by their keys": ({"users": {"1": {"name": "a"}, "2": {"name": "b"}}}, {}, r"api_data_path to users\.\*"),
    "rows by long keys": ({"-Nabc1": {"id": 1}, "-Nabc2": {"id": 2}}, {}, r"api_data_path to \*"),
    "JSON as a text": ({"d": json.dumps(PAGE)}, {}, "JSON as a text in 'd'"),
    "more: 1": ({"rows": PAGE, "has_more": 1}, {}, "has_more"),
    "a number of further rows": ({"rows": PAGE, "remaining": 80}, {}, "remaining"),
    "a page token": ({"rows": PAGE, "pageToken": "abc"}, {}, "pageToken"),
    "next: true": ({"rows": PAGE, "next_page": True}, {}, "next_page"),
    "a list as cursor": ({"rows": PAGE, "next": ["a", 1]}, {}, "next"),
    "records": ({"page": 1, "total": 5, "records": 100, "rows": PAGE}, {}, "records"),
    "hits": ({"rows": PAGE, "hits": 100}, {}, "hits"),
    "totalNum": ({"rows": PAGE, "totalNum": 100}, {}, "totalNum"),
    "of": ({"rows": PAGE, "from": 1, "to": 20, "of": 100}, {}, "of"),
    "a range in the body": ({"rows": PAGE, "range": "1-20/100"}, {}, "range"),
    "the last page": ({"rows": PAGE, "page": {"current": 1, "max": 5}}, {}, r"page\.max"),
    "a limit that was exceeded": ({"rows": PAGE, "exceededTransferLimit": True}, {}, "exceededTransferLimit"),
    "a warning": ({"rows": PAGE, "warnings": ["Result truncated to 20 rows"]}, {}, "warnings"),
}
TAKEN: dict[str, tuple[Any, dict[str, Any]]] = {
    "no rows, and a status that says so": ({"status": "ZERO_RESULTS", "results": []}, {}),
    "no rows, and a good code": ({"code": 0, "msg": "ok", "data": []}, DATA),
    "no rows, and another good code": ({"code": 1, "data": []}, DATA),
    "no rows, and a code that says just that": ({"resultCode": "03", "resultMsg": "NODATA_ERROR", "data": []}, DATA),
    "no rows of a named place of errors": ({"code": 7, "data": []}, {**DATA, "api_error_path": "-"}),
    "rows and any code": ({"code": 40001, "msg": "x", "data": PAGE}, DATA),
    "rows and a good code": ({"header": {"resultCode": "00", "resultMsg": "NORMAL"}, "data": PAGE}, DATA),
    "an order that is pending": ({"id": 1, "status": "pending", "amount": 3}, {}),
    "an address twice": ({"id": 1, "home": {"city": "a"}, "work": {"city": "b"}}, {}),
    "rows by their keys": ({"users": {"1": {"id": 1}, "2": {"id": 2}}}, {"api_data_path": "users.*"}),
    "JSON as a text": ({"d": json.dumps(PAGE)}, {"api_data_path": "d"}),
    "nothing remains": ({"rows": PAGE, "remaining": 0, "has_more": 0, "hits": 20, "records": 20}, {}),
    "a budget that remains": ({"rows": PAGE, "rate": {"remaining": 4999}}, {}),
    "a range that is all": ({"rows": PAGE, "range": "1-20/20", "page": {"current": 1, "max": 1}}, {}),
    "a warning of something else": ({"rows": PAGE, "warnings": ["deprecated"]}, {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_answer_that_is_not_data_or_not_all_of_it_is_refused(server: ApiServer, name: str) -> None:
    body, cells, says = REFUSED[name]
    server.endpoints["/shape"] = lambda _: Reply(body)
    with pytest.raises(IngestionError, match=says):
        load(server, api_job("/shape", **cells))


@pytest.mark.parametrize("name", TAKEN)
def test_an_answer_that_is_data_is_taken(server: ApiServer, name: str) -> None:
    body, cells = TAKEN[name]
    server.endpoints["/shape"] = lambda _: Reply(body)
    found = load(server, api_job("/shape", **cells))
    assert found in ([], [1], [1, 2], [row["id"] for row in PAGE])
    assert bool(found) == (not name.startswith("no rows"))


def test_auto_follows_the_number_of_a_page_in_a_header(server: ApiServer) -> None:
    def pages(request: Request) -> Reply:
        page = request.number("page", 1)
        return Reply(ROWS[(page - 1) * 20 : page * 20], headers={"X-Next-Page": str(page + 1) if page < 5 else ""})

    server.endpoints["/gitlab"] = pages
    assert load(server, api_job("/gitlab", pagination_type="auto")) == [row["id"] for row in ROWS]


def test_a_cursor_that_includes_its_row_gives_it_once_or_is_an_error(server: ApiServer, lake: Lake) -> None:
    def pages(request: Request) -> Reply:
        rows = [row for row in ROWS if row["id"] >= request.number("since", 1)][:20]
        return Reply({"rows": rows, "next": rows[-1]["id"] if len(rows) == 20 else None})

    server.endpoints["/inclusive"] = pages
    cells = {"pagination_type": "cursor", "api_cursor_path": "next", "api_cursor_param": "since"}
    with pytest.raises(SourceError, match="Set primary_key to id"):
        load(server, api_job("/inclusive", **cells))
    assert lake.load(api_job("/inclusive", primary_key=("id",), **cells)) == ROWS


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("Dec 31 2025", "Jan 01 2026"),
        ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "0b2c3d47-58cc-4372-a567-0e02b2c3d479"),
        ("Wed, 31 Dec 2025 10:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 GMT"),
        ("23:59", "00:01"),
    ],
)
def test_a_watermark_without_an_order_of_its_own_is_refused(
    server: ApiServer, lake: Lake, earlier: str, later: str
) -> None:
    server.endpoints["/texts"] = lambda _: Reply([{"id": 1, "u": earlier}, {"id": 2, "u": later}])
    with pytest.raises(SourceError, match="Say what it is in column_types"):
        lake.load(api_job("/texts", load_type="INCREMENTAL", watermark_column="u"))


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("507f1f77bcf86cd799439011", "507f1f77bcf86cd799439012"),
        ("0190163d-8694-739b-aea5-966c26f8ad91", "0190163e-8694-739b-aea5-966c26f8ad91"),
    ],
)
def test_ids_that_grow_are_a_watermark(server: ApiServer, lake: Lake, earlier: str, later: str) -> None:
    server.endpoints["/growing"] = lambda _: Reply([{"id": 1, "u": earlier}, {"id": 2, "u": later}])
    assert len(lake.load(api_job("/growing", load_type="INCREMENTAL", watermark_column="u"))) == 2
