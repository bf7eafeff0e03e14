"""What becomes of values: types that hold still, nested objects and lists, formats, chosen columns."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from tests.api_server import ApiServer, Reply, Request, at_once
from tests.integration.rest.conftest import Lake, api_job

NESTED: list[dict[str, Any]] = [
    {
        "id": 1,
        "address": {"city": "Bonn", "geo": {"lat": 50.7}},
        "lines": [{"sku": "a", "tags": ["x", "y"]}, {"sku": "b", "tags": []}],
    },
    {"id": 2, "address": None, "lines": []},
]


def test_objects_become_columns_and_lists_become_tables(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/nested"] = at_once(NESTED)
    rows = lake.load(api_job("/nested"))

    assert [{name: value for name, value in row.items() if name != "_dlt_id"} for row in rows] == [
        {"id": 1, "address__city": "Bonn", "address__geo__lat": 50.7},
        {"id": 2, "address__city": None, "address__geo__lat": None},
    ]
    lines = sorted(lake.rows("things__lines"), key=lambda line: line["_dlt_list_idx"])
    assert [(line["sku"], line["_dlt_parent_id"]) for line in lines] == [
        ("a", rows[0]["_dlt_id"]),
        ("b", rows[0]["_dlt_id"]),
    ]
    tags = lake.rows("things__lines__tags")
    assert sorted((tag["_dlt_list_idx"], tag["value"]) for tag in tags) == [(0, "x"), (1, "y")]
    assert {tag["_dlt_parent_id"] for tag in tags} == {lines[0]["_dlt_id"]}


def test_lists_have_no_primary_key_of_their_own(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/keyed"] = at_once(NESTED)
    assert [row["id"] for row in lake.load(api_job("/keyed", primary_key=("id",)))] == [1, 2]
    assert "id" not in lake.table("things__lines").column_names


def test_a_reload_without_lists_empties_their_tables(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/lists"] = at_once(NESTED)
    lake.load(api_job("/lists"))
    server.endpoints["/lists"] = at_once([{"id": 3}])
    assert [row["id"] for row in lake.load(api_job("/lists"))] == [3]
    assert lake.rows("things__lines") == []
    assert lake.rows("things__lines__tags") == []


def test_nested_values_stay_json_on_request(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/json"] = at_once(NESTED)
    first, second = lake.load(api_job("/json", api_nested="json"))
    assert first["address"] == '{"city": "Bonn", "geo": {"lat": 50.7}}'
    assert second == {"id": 2, "address": None, "lines": "[]"}


def test_a_type_depends_on_all_pages_and_not_on_their_order(server: ApiServer, lake: Lake) -> None:
    values: list[Any] = [None, 1, 2.5, 3]

    def handle(request: Request) -> Reply:
        page = request.number("page", 1)
        return Reply([{"id": page, "v": values[page - 1]}] if page <= len(values) else [])

    server.endpoints["/mixed"] = handle
    rows = lake.load(api_job("/mixed", pagination_type="page", parallelism=3))
    assert [row["v"] for row in rows] == [None, 1.0, 2.5, 3.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2026-01-01T08:00:00Z", "2026-01-01T10:00:00.123456789+02:00"], "timestamp[us, tz=UTC]"),
        (["2026-01-01T08:00:00", "2026-01-01 08:00"], "timestamp[us]"),
        (["2026-01-01T08:00:00Z", "soon"], "string"),
        (["2026-01-01", "2026-01-02"], "string"),
        ([1, 2], "int64"),
        ([1, 2**63], "string"),
        ([1, "a"], "string"),
        ([True, None], "bool"),
        ([True, 1], "string"),
        (["001", "002"], "string"),
    ],
)
def test_types_are_those_of_all_values(server: ApiServer, lake: Lake, values: list[Any], expected: str) -> None:
    server.endpoints["/types"] = at_once([{"id": n, "v": value} for n, value in enumerate(values)])
    lake.load(api_job("/types"))
    assert str(lake.table().schema.field("v").type) == expected


def test_values_are_the_servers_whatever_their_type(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/values"] = lambda _: Reply(b'[{"id": 1, "a": 18446744073709551616, "b": "x", "c": 0.1}]')
    assert lake.load(api_job("/values")) == [{"id": 1, "a": "18446744073709551616", "b": "x", "c": 0.1}]


def test_declared_types_win_digit_by_digit(server: ApiServer, lake: Lake) -> None:
    body = b'[{"id": 1, "price": 12345678901234567.89, "day": "2026-01-31", "code": 7, "extra": {"a": [1.50]}}]'
    server.endpoints["/declared"] = lambda _: Reply(body)
    types = {"price": "decimal(20,2)", "day": "date", "code": "text", "extra": "json", "later": "bool"}
    assert lake.load(api_job("/declared", column_types=types)) == [
        {
            "id": 1,
            "price": Decimal("12345678901234567.89"),
            "day": date(2026, 1, 31),
            "code": "7",
            "extra": '{"a": [1.5]}',
            "later": None,
        }
    ]


def test_a_declared_timestamp_keeps_its_zone(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/zoned"] = at_once([{"id": 1, "at": "2026-01-31T10:00:00+02:00"}])
    (row,) = lake.load(api_job("/zoned", column_types={"at": "timestamp"}))
    assert row["at"] == datetime(2026, 1, 31, 8, tzinfo=UTC)


def test_columns_are_chosen_also_by_the_object_that_holds_them(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/chosen"] = at_once(NESTED)
    rows = lake.load(api_job("/chosen", included_columns=("id", "address"), excluded_columns=("*geo*",)))
    assert rows == [{"id": 1, "address__city": "Bonn"}, {"id": 2, "address__city": None}]


def test_csv_has_numbers_and_texts(server: ApiServer, lake: Lake) -> None:
    text = 'id,name,price,zip,active,at\n1,"Müller, A.",9.5,01234,true,2026-01-01T00:00:00Z\n2,,10,99999,false,\n'
    server.endpoints["/csv"] = lambda _: Reply(text.encode("utf-8-sig"), headers={"Content-Type": "text/csv"})
    assert lake.load(api_job("/csv", api_response_format="csv")) == [
        {
            "id": 1,
            "name": "Müller, A.",
            "price": 9.5,
            "zip": "01234",
            "active": True,
            "at": datetime(2026, 1, 1, tzinfo=UTC),
        },
        {"id": 2, "name": None, "price": 10.0, "zip": "99999", "active": False, "at": None},
    ]


def test_json_lines(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/lines"] = lambda _: Reply(
        b'{"id": 1}\n{"id": 2, "a": "\\u2028"}\n\n', headers={"Content-Type": "application/x-ndjson"}
    )
    assert lake.load(api_job("/lines", api_response_format="jsonl")) == [{"id": 1, "a": None}, {"id": 2, "a": "\u2028"}]


@pytest.mark.parametrize("body", [b"[]", b'{"items": []}', b"{}", b'{"items": null}'])
def test_an_empty_answer_makes_an_empty_table(server: ApiServer, lake: Lake, body: bytes) -> None:
    server.endpoints["/nothing"] = lambda _: Reply(body)
    path = "items" if b"null}" in body else None
    assert lake.load(api_job("/nothing", api_data_path=path, primary_key=("id",))) == []
    server.endpoints["/nothing"] = at_once([{"id": 1}])
    assert [row["id"] for row in lake.load(api_job("/nothing", primary_key=("id",)))] == [1]


def test_a_full_load_follows_a_type_that_became_wider(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/wider"] = at_once([{"id": 1, "v": 1}])
    lake.load(api_job("/wider"))
    server.endpoints["/wider"] = at_once([{"id": 1, "v": 1.5}])
    assert [row["v"] for row in lake.load(api_job("/wider"))] == [1.5]
    server.endpoints["/wider"] = at_once([{"id": 1, "v": 2}])
    assert [row["v"] for row in lake.load(api_job("/wider"))] == [2.0]
    assert str(lake.table().schema.field("v").type) == "double"


def test_a_new_field_follows_the_schema_contract(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/contract"] = at_once([{"id": 1}])
    lake.load(api_job("/contract"))
    server.endpoints["/contract"] = at_once([{"id": 2, "new": "x"}])
    with pytest.raises(PipelineStepFailed, match="new"):
        lake.load(api_job("/contract", schema_contract="freeze"))
    assert lake.load(api_job("/contract", schema_contract="discard_value")) == [{"id": 2}]
    assert lake.load(api_job("/contract")) == [{"id": 2, "new": "x"}]
