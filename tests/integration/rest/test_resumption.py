"""What a failed attempt has read is not asked for again by the next attempt of its run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.errors.hierarchy import TransientError
from shared.models.job import Job
from shared.sources.rest import staging
from tests.api_server import ApiServer, Handler, Reply, Request, by_page
from tests.integration.rest.conftest import Lake, api_job

ORDERS = [{"id": n} for n in range(1, 9)]


class MemoryStage:
    """The stage of one run, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def names(self) -> list[str]:
        return list(self.kept)

    def read(self, name: str) -> bytes:
        return self.kept[name]

    def write(self, name: str, content: bytes) -> None:
        self.kept[name] = content

    def clear(self) -> None:
        self.kept.clear()


class KilledError(BaseException):
    """Ends an attempt as a kill does: nothing of it runs any more."""


def lines_of(order: int) -> list[dict[str, Any]]:
    return [
        {"line": n, "price": 0.1 + n, "huge": 2**70 + n, "exact": 12345678901234567.25, "of": {"a": n, "b": [n]}}
        for n in range(1, 6)
    ]


def serve(server: ApiServer, breaks_at: int | None = None) -> Callable[[], list[str]]:
    """Orders and their lines; those of one order cannot be read. Gives the paths of the lines that were asked for."""
    server.requests.clear()
    server.endpoints["/orders"] = by_page(ORDERS, size=3)
    for order in (row["id"] for row in ORDERS):
        handler: Handler = by_page(lines_of(order), size=2)
        server.endpoints[f"/orders/{order}/lines"] = (lambda _: Reply({}, 500)) if order == breaks_at else handler
    return lambda: sorted({request.path for request in server.requests} - {"/orders"})


def lines_job(**cells: Any) -> Job:
    parent = api_job("/orders", job_id="orders", pagination_type="page", api_page_size=3)
    wanted = {"api_for_each": "orders.id", "api_parent": parent, "pagination_type": "page", "api_page_size": 2}
    return api_job("/orders/{each}/lines", **(wanted | {"column_types": {"exact": "decimal(20,2)"}} | cells))


def values(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = [{name: value for name, value in row.items() if not name.startswith("_dlt")} for row in rows]
    return sorted(kept, key=lambda row: (row["parent_id"], row["line"]))


@pytest.mark.parametrize("nested", ["tables", "json"])
@pytest.mark.parametrize("parallelism", [1, 3])
def test_parents_whose_children_were_read_are_not_asked_again(
    server: ApiServer, lake: Lake, tmp_path: Any, parallelism: int, nested: str
) -> None:
    job = lines_job(parallelism=parallelism, api_nested=nested)
    serve(server)
    whole = values(Lake(tmp_path / "other", lake.secret).load(job))
    stage = MemoryStage()
    first = serve(server, breaks_at=6)
    with pytest.raises(TransientError, match="/orders/6/lines"):
        lake.load(job, stage=stage)
    read, again = first(), serve(server)
    assert values(lake.load(job, stage=stage)) == whole
    assert len(whole) == 40
    assert "/orders/6/lines" in again()
    assert again()[0] != "/orders/1/lines"
    assert len(read) + len(again()) <= len(ORDERS) + parallelism


def test_a_killed_attempt_leaves_what_was_whole(server: ApiServer, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "FLUSH_SECONDS", 0)
    stage, rows = MemoryStage(), [0]

    def count(came: int) -> None:
        rows[0] += came
        if rows[0] >= 23:  # in the middle of the fifth order
            raise KilledError

    first = serve(server)
    with pytest.raises(KilledError):
        lake.load(lines_job(), stage=stage, report_rows=count)
    read, again = first(), serve(server)
    assert [(row["parent_id"], row["line"]) for row in values(lake.load(lines_job(), stage=stage))] == [
        (order["id"], line) for order in ORDERS for line in range(1, 6)
    ]
    assert read[:5] == [f"/orders/{n}/lines" for n in range(1, 6)]
    assert again() == [f"/orders/{n}/lines" for n in range(5, 9)]


def test_windows_that_were_read_are_not_asked_again_and_end_where_the_first_attempt_began(
    server: ApiServer, lake: Lake
) -> None:
    asked: list[tuple[str, str]] = []
    fails = [True]

    def handle(request: Request) -> Reply:
        asked.append((request.params["from"], request.params["to"]))
        if fails[0] and len(asked) > 3:
            return Reply({}, 500)
        return Reply([{"id": len(asked), "from": request.params["from"]}])

    server.endpoints["/windows"] = handle
    params = {"from": "{start:%Y-%m-%d}", "to": "{end:%Y-%m-%dT%H:%M:%S.%f}", "asked_at": "{now:%f}"}
    job = api_job("/windows", api_windows="2024-01-01/now/200d", api_params=params)
    stage = MemoryStage()
    with pytest.raises(TransientError):
        lake.load(job, stage=stage)
    fails[0], asked[3:] = False, []
    rows = lake.load(job, stage=stage)
    assert len(rows) == len(asked) == len({end for _, end in asked})
    assert [row["from"] for row in rows] == sorted(start for start, _ in asked)


def test_columns_that_are_left_out_are_not_kept(server: ApiServer, lake: Lake) -> None:
    stage = MemoryStage()
    serve(server, breaks_at=6)
    job = lines_job(excluded_columns=("price", "of__a"), column_types={})
    with pytest.raises(TransientError):
        lake.load(job, stage=stage)
    known = staging.Staging(job, stage)
    text = "".join(known._text(name) for name in stage.kept)
    assert '"huge":' in text
    assert '"price":' not in text
    assert '"a":' not in text


@pytest.mark.parametrize("change", [{"excluded_columns": ("huge",)}, {"api_page_size": 3}])
def test_what_another_version_of_the_job_has_read_does_not_count(
    server: ApiServer, lake: Lake, change: dict[str, Any]
) -> None:
    stage = MemoryStage()
    serve(server, breaks_at=6)
    with pytest.raises(TransientError):
        lake.load(lines_job(), stage=stage)
    again = serve(server)
    assert len(lake.load(lines_job(**change), stage=stage)) == 40
    assert len(again()) == len(ORDERS)


def test_a_load_of_one_question_keeps_nothing(server: ApiServer, lake: Lake) -> None:
    server.endpoints["/all"] = lambda _: Reply(ORDERS)
    stage = MemoryStage()
    lake.load(api_job("/all"), stage=stage)
    assert stage.kept == {}
