"""What one load leaves for the next: types, optional fields, watermarks of every kind, keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors.hierarchy import SourceError
from shared.models.job import Job
from tests.api_server import ApiServer, Reply, Request, by_page
from tests.integration.rest.conftest import Lake, api_job


def growing(server: ApiServer, path: str, *loads: list[dict[str, Any]]) -> list[int]:
    """A server that gives the first list in the first load and so on; the number in the list says which."""
    load = [0]
    server.endpoints[path] = lambda _: Reply(loads[load[0]])
    return load


def incremental(path: str, **cells: Any) -> Job:
    return api_job(path, load_type="INCREMENTAL", **({"watermark_column": "u"} | cells))


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"id": 2, "u": "2026-01-02T00:00:00Z"}, [1, 2]),
        ({"id": 2, "u": "2026-01-01T00:00:00Z"}, [1, 2]),
        ({"id": 1, "u": "2026-01-01T00:00:00Z", "note": "x"}, [1]),
    ],
)
def test_a_field_that_no_row_has_is_null_in_all(
    server: ApiServer, lake: Lake, second: dict[str, Any], expected: list[int]
) -> None:
    load = growing(server, "/optional", [{"id": 1, "u": "2026-01-01T00:00:00Z", "note": "x"}], [second])
    job = incremental("/optional")
    lake.load(job)
    load[0] = 1
    assert [row["id"] for row in lake.load(job)] == expected


def test_whole_numbers_become_doubles_when_a_fraction_comes(server: ApiServer, lake: Lake) -> None:
    load = growing(server, "/price", [{"id": 1, "u": 1, "v": 10}], [{"id": 2, "u": 2, "v": 10.5}])
    lake.load(incremental("/price"))
    load[0] = 1
    with pytest.raises(pa.ArrowTypeError):  # the test's own reader does not cast, as Spark 3.5 does not
        lake.load(incremental("/price"))
    files = sorted((lake.folder / "lake" / "dataset" / "things").glob("*.parquet"))
    columns = [pq.read_table(file).column("v").cast(pa.float64()) for file in files]
    assert [column.to_pylist() for column in columns] == [[10.0], [10.5]]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [("2026-01-01T00:00:00Z", "", None), ("2026-01-01 10:00", "call back", "call back"), ("", "x", "x")],
)
def test_the_first_values_do_not_stop_a_job_for_ever(
    server: ApiServer, lake: Lake, first: Any, second: Any, kept: Any
) -> None:
    load = growing(server, "/types", [{"id": 1, "u": 1, "v": first}], [{"id": 2, "u": 2, "v": second}])
    lake.load(incremental("/types"))
    load[0] = 1
    assert [row["v"] for row in lake.load(incremental("/types"))][1] == kept


@pytest.mark.parametrize(
    ("values", "column_types"),
    [
        (("999", "1000"), {}),
        (("12/31/2025", "01/05/2026"), {}),
        (("31.12.2025 08:00", "01.01.2026 08:00"), {}),
        (("v9", "v10"), {}),
        (("1.999,5", "2.000,0"), {}),
    ],
)
def test_a_watermark_of_texts_without_an_order_is_refused(
    server: ApiServer, lake: Lake, values: tuple[str, str], column_types: dict[str, str]
) -> None:
    rows = [{"id": n, "u": value} for n, value in enumerate(values, 1)]
    load = growing(server, "/texts", rows[:1], rows)
    job = incremental("/texts", column_types=column_types)
    with pytest.raises(SourceError, match="Say what it is in column_types"):  # at the first load, or at the second
        [lake.load(job) for load[0] in (0, 1)]


@pytest.mark.parametrize("size", [1, 2000])
def test_a_watermark_of_texts_is_compared_over_all_pages(server: ApiServer, lake: Lake, size: int) -> None:
    rows = [{"id": n, "u": f"v{n // size}", "more": "x" * 1000} for n in range(8 * size, 12 * size)]
    server.endpoints["/texts"] = by_page(rows, size=size)  # a page has one length
    with pytest.raises(SourceError, match="Say what it is in column_types"):
        lake.load(incremental("/texts", pagination_type="page", api_page_size=size))


@pytest.mark.parametrize(
    ("values", "column_types"),
    [
        (("999", "1000"), {"u": "bigint"}),
        (("2025-12-31", "2026-01-05"), {}),
        (("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"), {}),
        (("/Date(999999999999+0000)/", "/Date(1000000000001+0000)/"), {}),
        (("/Date(999999999999)/", "/Date(1000000000001)/"), {"u": "timestamp"}),
        ((999999999999, 1000000000001), {"u": "timestamp"}),
        (("999999999", "1000000001"), {"u": "timestamp"}),
        (("a", "b"), {"u": "text"}),
    ],
)
def test_a_watermark_with_an_order_takes_what_is_new(
    server: ApiServer, lake: Lake, values: tuple[Any, Any], column_types: dict[str, str]
) -> None:
    rows = [{"id": n, "u": value} for n, value in enumerate(values, 1)]
    load = growing(server, "/ordered", rows[:1], rows)
    job = incremental("/ordered", column_types=column_types)
    lake.load(job)
    load[0] = 1
    assert [row["id"] for row in lake.load(job)] == [1, 2]


def test_net_dates_and_epochs_are_moments(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/net"] = lambda _: Reply([{"id": 1, "n": "/Date(1576107758447+0000)/", "e": 1576107758447}])
    (row,) = lake.load(api_job("/net", column_types={"e": "timestamp"}))
    moment = datetime(2019, 12, 11, 23, 42, 38, 447000, UTC)
    assert (row["n"], row["e"]) == (moment, moment)


@pytest.mark.parametrize("zone", [None, "Europe/Zurich", "America/New_York", "Pacific/Kiritimati", "Asia/Kolkata"])
@pytest.mark.parametrize("said", [False, True])
def test_local_times_lose_no_row_of_a_server_that_filters_by_moments(
    server: ApiServer, lake: Lake, zone: str | None, said: bool
) -> None:
    start, asked = 1767261600, []

    def local(moment: int) -> str:
        return datetime.fromtimestamp(moment, ZoneInfo(zone or "UTC")).strftime("%Y-%m-%dT%H:%M:%S")

    moments = [start]

    def changes(request: Request) -> Reply:
        asked.append(request.number("since", 0))
        return Reply([{"id": n, "u": local(at)} for n, at in enumerate(moments, 1) if at >= asked[-1]])

    server.endpoints["/local"] = changes
    cells: dict[str, Any] = {"api_cursor_filter_param": "since", "api_cursor_filter_format": "unix"}
    job = incremental("/local", **cells, column_types={"u": f"timestamp({zone or 'UTC'})"} if said else {})
    lake.load(job)
    moments.append(start + 1800)
    assert [row["id"] for row in lake.load(job)] == [1, 2]
    assert not said or asked[-1] == start


@pytest.mark.parametrize("cells", [{}, {"load_type": "INCREMENTAL", "watermark_column": "id"}])
def test_fields_that_differ_in_case_only_are_named(server: ApiServer, lake: Lake, cells: dict[str, Any]) -> None:
    server.endpoints["/case"] = lambda _: Reply([{"id": 1, "Name": "A", "name": "b"}])
    with pytest.raises(SourceError, match=r"'Name' and 'name' of table 'things' differ in case only.*excluded_columns"):
        lake.load(api_job("/case", **cells))
    assert lake.load(api_job("/case", excluded_columns=("Name",), **cells)) == [{"id": 1, "name": "b"}]


def test_of_a_key_that_comes_twice_the_later_row_counts(server: ApiServer, lake: Lake) -> None:
    pages = [[{"id": 1, "v": "old"}, {"id": 2, "v": "a"}], [{"id": 1, "v": "new"}]]

    def handle(request: Request) -> Reply:
        page = request.number("cursor", 0)
        return Reply({"rows": pages[page]} | ({"next_cursor": 1} if page == 0 else {}))

    server.endpoints["/twice"] = handle
    rows = lake.load(api_job("/twice", pagination_type="cursor", primary_key=("id",), api_cursor_path="next_cursor"))
    assert rows == [{"id": 1, "v": "new"}, {"id": 2, "v": "a"}]


def test_rows_of_lists_find_their_parents_over_all_loads(server: ApiServer, lake: Lake) -> None:
    load = growing(server, "/lists", [{"id": 1, "u": 1, "tags": ["a"]}], [{"id": 2, "u": 2, "tags": ["b"]}])
    lake.load(incremental("/lists"))
    load[0] = 1
    rows = {row["_dlt_id"]: row["id"] for row in lake.load(incremental("/lists"))}
    tags = [(rows[tag["_dlt_parent_id"]], tag["value"]) for tag in lake.rows("things__tags")]
    assert (len(rows), sorted(tags)) == (2, [(1, "a"), (2, "b")])
