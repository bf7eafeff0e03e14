"""INCREMENTAL: the server is asked for newer rows, older ones are dropped, and ties at the watermark come once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from shared.sources import boundary
from tests.api_server import ApiServer, Reply, Request, at_once
from tests.integration.rest.conftest import Lake, api_job


def row(number: int, day: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "changed": f"2026-01-{day:02}T08:00:00Z", **more}


def incremental(path: str, **cells: Any) -> Job:
    return api_job(path, load_type="INCREMENTAL", **({"watermark_column": "changed"} | cells))


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def test_new_rows_come_once_also_those_at_the_watermark(server: ApiServer, lake: Lake) -> None:
    rows = [row(1, 1), row(2, 2), row(3, 2)]
    server.endpoints["/growing"] = lambda _: Reply(rows)  # it never filters: what is older comes all the same
    job = incremental("/growing")

    assert ids(lake.load(job)) == [1, 2, 3]
    assert lake.watermark == "2026-01-02T08:00:00+00:00"
    rows += [row(4, 2), row(5, 3), row(6, 1)]  # 4 ties with the watermark, 6 is older than it
    assert ids(lake.load(job)) == [1, 2, 3, 4, 5]
    assert ids(lake.load(job)) == [1, 2, 3, 4, 5]
    assert lake.rows()[0]["changed"] == datetime(2026, 1, 1, 8, tzinfo=UTC)


def test_ties_too_many_to_distinguish_are_counted(
    server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "EXACT_ROWS", 2)
    rows = [row(n, 1) for n in range(1, 6)]
    server.endpoints["/bulk"] = lambda _: Reply(rows)
    job = incremental("/bulk")

    assert ids(lake.load(job)) == [1, 2, 3, 4, 5]
    rows.append(row(6, 2))
    assert ids(lake.load(job)) == [1, 2, 3, 4, 5, 6]


FORMATS = {
    None: ("2026-01-02T08:00:00Z", "2026-01-03T08:00:00Z"),
    "iso": ("2026-01-02T08:00:00Z", "2026-01-03T08:00:00Z"),
    "unix": ("1767340800", "1767427200"),
    "unix_ms": ("1767340800000", "1767427200000"),
    "%d.%m.%Y": ("02.01.2026", "03.01.2026"),
}


@pytest.mark.parametrize("pattern", FORMATS)
def test_the_watermark_is_sent_in_the_format_that_the_server_wants(
    server: ApiServer, lake: Lake, pattern: str | None
) -> None:
    server.endpoints["/since"] = at_once([row(2, 2), row(3, 3)])
    server.requests.clear()
    job = incremental(
        "/since",
        last_watermark="2026-01-02T08:00:00Z",
        api_cursor_filter_param="since",
        api_cursor_filter_format=pattern,
    )
    lake.load(job)
    lake.load(job)
    assert tuple(request.params["since"] for request in server.asked("/since")) == FORMATS[pattern]


def test_a_post_carries_the_watermark_in_its_body(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/search"] = at_once([row(2, 2)])
    server.requests.clear()
    cells = {"api_cursor_filter_param": "filter.since", "last_watermark": "2026-01-01"}
    lake.load(incremental("/search", api_method="POST", api_body={"filter": {"kind": "a"}}, **cells))
    (request,) = server.asked("/search")
    assert request.body == {"filter": {"kind": "a", "since": "2026-01-01T00:00:00"}}


def test_numbers_are_watermarks_too(server: ApiServer, lake: Lake) -> None:
    rows = [{"id": 1}, {"id": 2}, {"id": 3}]
    server.endpoints["/numbers"] = lambda request: Reply(
        [row for row in rows if row["id"] >= request.number("from", 0)]
    )
    job = incremental("/numbers", watermark_column="id", last_watermark="2", api_cursor_filter_param="from")
    assert ids(lake.load(job)) == [2, 3]
    rows += [{"id": 4}]
    assert ids(lake.load(job)) == [2, 3, 4]
    assert lake.watermark == "4"


def test_an_empty_answer_keeps_table_and_watermark(server: ApiServer, lake: Lake) -> None:
    rows: list[dict[str, Any]] = []
    server.endpoints["/empty"] = lambda _: Reply({"items": rows})
    job = incremental("/empty", pagination_type="offset")

    assert lake.load(job) == []
    rows.append(row(1, 1))
    server.endpoints["/empty"] = lambda request: Reply({"items": rows if request.number("offset", 0) == 0 else []})
    assert ids(lake.load(job)) == [1]
    rows.clear()
    assert ids(lake.load(job)) == [1]
    assert lake.watermark == "2026-01-01T08:00:00+00:00"


def test_a_full_refresh_starts_over(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/again"] = at_once([row(1, 1), row(2, 2)])
    job = incremental("/again")
    lake.load(job)
    assert ids(lake.load(job, full_refresh=True)) == [1, 2]
    assert ids(lake.load(job)) == [1, 2]


def test_a_full_refresh_of_nothing_forgets_the_watermark(server: ApiServer, lake: Lake) -> None:
    rows = [row(1, 5)]
    server.endpoints["/forgotten"] = lambda _: Reply(rows)
    job = incremental("/forgotten")
    lake.load(job)
    rows.clear()
    assert lake.load(job, full_refresh=True) == []
    rows += [row(2, 1)]
    lake.watermark = None
    assert ids(lake.load(job)) == [2]


def test_a_type_that_earlier_rows_do_not_have_is_an_error(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/typed"] = at_once([row(1, 1, amount=5)])
    job = incremental("/typed")
    lake.load(job)
    server.endpoints["/typed"] = at_once([row(2, 2, amount="five")])
    with pytest.raises(SourceError, match=r"Column 'amount' holds five, .* amount:text"):
        lake.load(job)
    assert ids(lake.rows()) == [1]


def test_a_page_without_fractions_keeps_the_column_a_double(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/fractions"] = at_once([row(1, 1, amount=5.5)])
    job = incremental("/fractions")
    lake.load(job)
    server.endpoints["/fractions"] = at_once([row(2, 2, amount=6)])
    assert [row["amount"] for row in lake.load(job)] == [5.5, 6.0]
    assert str(lake.table().schema.field("amount").type) == "double"


def test_the_children_of_rows_that_came_already_do_not_come_again(server: ApiServer, lake: Lake) -> None:
    rows = [row(1, 1, tags=["a", "b"]), row(2, 2, tags=["c"])]
    server.endpoints["/parents"] = lambda _: Reply(rows)
    job = incremental("/parents")
    lake.load(job)
    rows.append(row(3, 2, tags=["d", "e"]))
    assert ids(lake.load(job)) == [1, 2, 3]
    assert sorted(child["value"] for child in lake.rows("things__tags")) == ["a", "b", "c", "d", "e"]


def test_the_filter_takes_part_in_every_page(server: ApiServer, lake: Lake) -> None:
    rows = [row(n, n) for n in range(1, 20)]

    def handle(request: Request) -> Reply:
        newer = [one for one in rows if one["changed"] >= request.params.get("since", "")]
        start = request.number("offset", 0)
        return Reply({"items": newer[start : start + request.number("limit", 5)], "total": len(newer)})

    server.endpoints["/filtered"] = handle
    cells = {"pagination_type": "offset", "api_page_size": 4, "api_total_path": "total", "parallelism": 3}
    job = incremental("/filtered", api_cursor_filter_param="since", last_watermark="2026-01-05T00:00:00Z", **cells)
    assert ids(lake.load(job)) == list(range(5, 20))
    rows.append(row(20, 20))
    assert ids(lake.load(job)) == list(range(5, 21))


def test_a_backfill_without_a_key_ends_at_the_watermark(server: ApiServer, lake: Lake) -> None:
    rows = [row(1, 1), row(2, 2)]
    server.endpoints["/ranged"] = lambda _: Reply(rows)
    job = incremental("/ranged")
    lake.load(job)
    rows.append(row(3, 3))
    assert ids(lake.load(job, start="2026-01-01", end="2026-02-01")) == [1, 1, 2]  # a lake replaces the first 1
    assert ids(lake.load(job)) == [1, 1, 2, 3]


def test_a_backfill_of_rows_with_lists_is_refused(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/listed"] = at_once([row(1, 1, tags=["a"]), row(2, 2, tags=["b"])])
    job = incremental("/listed")
    lake.load(job)
    with pytest.raises(SourceError, match="loads a range again, but the rows hold the lists tags"):
        lake.load(job, start="2026-01-01", end="2026-01-02")
    assert len(lake.rows("things__tags")) == 2
