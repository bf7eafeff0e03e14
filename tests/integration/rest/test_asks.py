"""Loads of many questions: for each row of another job, each value of a list, each window of a range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.errors.hierarchy import ConfigurationError, SourceError, TransientError
from shared.models.job import Job
from tests.api_server import ApiServer, Reply, Request, by_page
from tests.integration.rest.conftest import Lake, api_job

ORDERS: list[dict[str, Any]] = [{"id": n, "key": f"a/{n}"} for n in range(1, 8)]


def lines_of(order: int) -> list[dict[str, Any]]:
    return [{"line": n, "sku": "same"} for n in range(1, 1 + order % 4 * 2)]


def serve_orders(server: ApiServer, gone: tuple[int, ...] = ()) -> None:
    server.endpoints["/orders"] = by_page(ORDERS, size=3)
    for order in ORDERS:
        handler = by_page(lines_of(order["id"]), size=2)
        server.endpoints[f"/orders/{order['id']}/lines"] = (
            (lambda _: Reply({"message": "no such order"}, 404)) if order["id"] in gone else handler
        )


def lines_job(**cells: Any) -> Job:
    parent = api_job("/orders", job_id="orders", pagination_type="page", api_page_size=3)
    wanted = {"api_for_each": "orders.id", "api_parent": parent, "pagination_type": "page", "api_page_size": 2}
    return api_job("/orders/{each}/lines", **(wanted | cells))


def found(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return sorted((row["parent_id"], row["line"]) for row in rows)


@pytest.mark.parametrize("parallelism", [1, 3])
def test_an_endpoint_is_asked_for_each_row_of_another_job(server: ApiServer, lake: Lake, parallelism: int) -> None:
    serve_orders(server)
    rows = lake.load(lines_job(parallelism=parallelism))
    assert found(rows) == [(order["id"], line["line"]) for order in ORDERS for line in lines_of(order["id"])]


def test_a_parent_that_is_gone_has_no_rows(server: ApiServer, lake: Lake) -> None:
    serve_orders(server, gone=(1, 6))
    assert {parent for parent, _ in found(lake.load(lines_job()))} == {2, 3, 5, 7}


def test_a_path_that_leads_nowhere_for_all_parents_is_an_error(server: ApiServer, lake: Lake) -> None:
    serve_orders(server, gone=tuple(range(1, 8)))
    with pytest.raises(SourceError, match="status 404, and so were all others; check api_endpoint"):
        lake.load(lines_job())


def test_one_child_that_fails_fails_the_load(server: ApiServer, lake: Lake) -> None:
    serve_orders(server)
    server.endpoints["/orders/5/lines"] = lambda _: Reply({}, 500)
    with pytest.raises(TransientError, match="/orders/5/lines, page 1, cannot be read"):
        lake.load(lines_job(parallelism=3))
    assert not list(lake.folder.rglob("things/*.parquet"))


def test_a_value_is_written_into_an_address_as_one_part_of_it(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/orders"] = by_page(ORDERS[:1], size=3)
    server.endpoints["/orders/a%2F1/lines"] = lambda _: Reply([{"line": 1}])
    rows = lake.load(lines_job(api_for_each="orders.key", pagination_type="none", api_page_size=None))
    assert rows == [{"line": 1, "parent_key": "a/1"}]


def test_a_field_that_no_parent_has_is_named(server: ApiServer, lake: Lake) -> None:
    serve_orders(server)
    with pytest.raises(SourceError, match="no single value at 'number', which api_for_each"):
        lake.load(lines_job(api_for_each="orders.number"))


def test_an_endpoint_is_asked_for_each_value_of_a_list(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/rates"] = lambda request: Reply([{"base": request.params["base"], "rate": 1.5}])
    rows = lake.load(api_job("/rates", api_for_each="list: EUR, CHF , EUR", api_params={"base": "{each}"}))
    assert sorted((row["base"], row["each"]) for row in rows) == [("CHF", "CHF"), ("EUR", "EUR")]


CHANGES = [{"id": n, "at": (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=n)).isoformat()} for n in range(0, 90)]


def capped(request: Request) -> Reply:
    """At most ten rows of a range, whose end does not belong to it."""
    start, end = request.params["from"], request.params["to"]
    new = [row for row in CHANGES if start <= str(row["at"]).replace("+00:00", "Z") < end]
    return Reply({"rows": new[:10], "total": len(new)})


def test_a_range_is_asked_for_in_windows(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/capped"] = capped
    cells = {"api_params": {"from": "{start}", "to": "{end}"}, "api_total_path": "total", "parallelism": 2}
    job = api_job("/capped", api_windows="2024-01-01/2024-03-31/10d", **cells)
    assert [row["id"] for row in lake.load(job)] == list(range(90))
    with pytest.raises(SourceError, match="announces more rows"):
        lake.load(api_job("/capped", api_windows="2024-01-01/2024-03-31/11d", **cells))


def test_an_incremental_load_goes_in_windows_from_its_watermark_to_now(server: ApiServer, lake: Lake) -> None:
    asked: list[tuple[str, str]] = []
    new = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
    rows = [{"id": n, "at": (new + timedelta(days=n)).isoformat().replace("+00:00", "Z")} for n in range(3)]

    def handle(request: Request) -> Reply:
        asked.append((request.params["from"], request.params["to"]))
        return Reply([row for row in rows if asked[-1][0] <= str(row["at"]) < asked[-1][1]])

    server.endpoints["/recent"] = handle
    job = api_job(
        "/recent",
        load_type="INCREMENTAL",
        watermark_column="at",
        last_watermark=rows[0]["at"],
        api_windows="1d",
        api_params={"from": "{start}", "to": "{end}"},
    )
    assert [row["id"] for row in lake.load(job)] == [0, 1, 2]
    assert asked[0][0] == rows[0]["at"]
    assert len(asked) == 4
    asked.clear()
    assert [row["id"] for row in lake.load(job)] == [0, 1, 2]
    assert [start for start, _ in asked] == [rows[2]["at"], asked[0][1]][: len(asked)]


def test_windows_may_count_numbers_in_the_body(server: ApiServer, lake: Lake) -> None:
    def handle(request: Request) -> Reply:
        ids = request.body["filter"]["ids"]
        return Reply([{"id": n} for n in range(ids["gte"], ids["lte"] + 1)])

    server.endpoints["/ids"] = handle
    body = {"filter": {"ids": {"gte": "{start}", "lte": "{last}"}}}
    job = api_job("/ids", api_method="POST", api_body=body, api_windows="0/25/10")
    assert [row["id"] for row in lake.load(job)] == list(range(25))


def test_windows_without_a_beginning_are_refused(server: ApiServer, lake: Lake) -> None:
    job = api_job("/x", load_type="INCREMENTAL", watermark_column="at", api_windows="1d", api_params={"a": "{start}"})
    with pytest.raises(ConfigurationError, match="has no start; give last_watermark"):
        lake.load(job)


def test_now_and_the_watermark_are_allowed_in_any_cell(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/since"] = lambda request: Reply(
        [{"id": 1, "at": "2026-01-02T00:00:00Z", "asked": request.params["q"], "header": request.headers["X-Since"]}]
    )
    cells = {"api_params": {"q": "at>{watermark:%Y-%m-%d}"}, "api_headers": {"X-Since": "{watermark:unix}"}}
    job = api_job("/since", load_type="INCREMENTAL", watermark_column="at", last_watermark="2026-01-01", **cells)
    assert lake.load(job)[0]["asked"] == "at>2026-01-01"
