"""API jobs through the whole app: from the workbook's row to the lake's files, by every rule that loads have."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pyarrow.parquet as pq
import pytest

from localhost.services import LocalServices
from tests.api_server import ApiServer, Reply, by_cursor, by_offset
from tests.builders import a_workbook
from tests.e2e.app import App, jobs_of

USERS: list[dict[str, Any]] = [{"id": n, "name": f"user {n}"} for n in range(1, 251)]


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    with ApiServer() as started:
        yield started


@pytest.fixture(scope="module")
def app(services: LocalServices, tmp_path_factory: pytest.TempPathFactory, server: ApiServer) -> Iterator[App]:
    """An app that may ask this machine, with the server as the source `crm_api`."""
    started = App(services, tmp_path_factory.mktemp("host"), API_PRIVATE_HOSTS=server.host)
    started.put_source("crm_api", {"base_url": server.url, "auth": "bearer", "token": "crm-t0ken"})
    with started.host:
        yield started


def row(app: App, job_id: str, endpoint: str, **cells: object) -> dict[str, object]:
    return {
        "job_id": job_id,
        "source_type": "API",
        "source_name": "crm_api",
        "schema_name": None,
        "table_name": None,
        "load_type": "FULL",
        "enabled": "Y",
        "target_container": app.lake_name,
        "target_folder_path": "raw",
        "api_endpoint": endpoint,
        **cells,
    }


def rows_of(app: App, dataset: str, table: str) -> list[dict[str, Any]]:
    """The rows of one table of a job's dataset, without the ids by which lists find their rows."""
    prefix = f"raw/crm_api_{dataset}/{table}/"
    names = [name for name in app.lake_container.list_blob_names(name_starts_with=prefix) if name.endswith(".parquet")]
    tables = [pq.read_table(BytesIO(app.lake_container.download_blob(name).readall())) for name in names]
    rows = [row for table in tables for row in table.to_pylist()]
    values = [{name: value for name, value in row.items() if not name.startswith("_dlt")} for row in rows]
    return sorted(values, key=lambda row: row.get("id") or 0)


def states(app: App) -> list[tuple[Any, Any]]:
    """The ids and states of the Delta table `readings`."""
    return sorted((reading[0], reading[2]) for reading in app.delta_rows("readings", "crm_api"))


def test_the_sample_row_needs_no_optional_column(app: App, server: ApiServer) -> None:
    server.endpoints["/api/v1/users"] = by_offset(USERS)
    app.put_workbook(row(app, "api_users_full", "/api/v1/users", api_method="GET", pagination_type="offset"))

    job = jobs_of(app.run())["api_users_full"]
    assert (job["status"], job["rows_extracted"], job["rows_written"]) == ("SUCCESS", 250, 250)
    assert rows_of(app, "users", "users") == USERS
    assert server.asked("/api/v1/users")[0].headers["Authorization"] == "Bearer crm-t0ken"

    server.endpoints["/api/v1/users"] = by_offset(USERS[:7])
    assert jobs_of(app.run())["api_users_full"]["rows_written"] == 7
    assert rows_of(app, "users", "users") == USERS[:7]


def test_lists_are_tables_that_are_counted_and_replaced_with_their_rows(app: App, server: ApiServer) -> None:
    orders = [{"id": n, "lines": [{"sku": f"{n}-{line}"} for line in range(n % 3)]} for n in range(1, 31)]
    server.endpoints["/orders"] = by_cursor(orders)
    app.put_workbook(row(app, "orders", "/orders", pagination_type="cursor"))

    job = jobs_of(app.run())["orders"]
    assert job["status"] == "SUCCESS", job
    assert job["rows_written"] == 30 + 30
    assert [order["id"] for order in rows_of(app, "orders", "orders")] == list(range(1, 31))
    assert len(rows_of(app, "orders", "orders__lines")) == 30

    server.endpoints["/orders"] = by_cursor([{"id": 1}])
    assert jobs_of(app.run())["orders"]["rows_written"] == 1
    assert rows_of(app, "orders", "orders__lines") == []


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_an_incremental_job_moves_what_is_new(app: App, server: ApiServer, table_format: str) -> None:
    events = [{"id": n, "at": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 4)]
    path = f"/events_{table_format}"
    server.endpoints[path] = lambda request: Reply(
        [event for event in events if event["at"] >= request.params.get("since", "")]  # type: ignore[operator]
    )
    cells = {"load_type": "INCREMENTAL", "watermark_column": "at", "api_cursor_filter_param": "since"}
    if table_format == "delta":
        cells |= {"table_format": "delta", "primary_key": "id"}
    app.put_workbook(row(app, "events", path, **cells))

    first = jobs_of(app.run())["events"]
    assert (first["status"], first["rows_written"], first["watermark_after"]) == (
        "SUCCESS",
        3,
        "2026-01-03T00:00:00+00:00",
    )
    events += [{"id": 4, "at": "2026-01-03T00:00:00Z"}, {"id": 5, "at": "2026-01-05T00:00:00Z"}]
    second = jobs_of(app.run())["events"]
    assert (second["status"], second["rows_written"]) == ("SUCCESS", 2)
    assert server.asked(path)[-1].params == {"since": "2026-01-03T00:00:00Z"}
    nothing_new = jobs_of(app.run())["events"]
    assert (nothing_new["status"], nothing_new["rows_written"]) == ("SUCCESS", 0)
    assert nothing_new["watermark_after"] == "2026-01-05T00:00:00+00:00"


def test_an_order_loads_a_range_of_an_api_again(app: App, server: ApiServer) -> None:
    readings = [{"id": n, "at": f"2026-01-0{n}T00:00:00Z", "state": "old"} for n in range(1, 5)]
    server.endpoints["/readings"] = lambda request: Reply(
        [one for one in readings if one["at"] >= request.params.get("since", "")]  # type: ignore[operator]
    )
    cells = {"load_type": "INCREMENTAL", "watermark_column": "at", "api_cursor_filter_param": "since"}
    job = row(app, "readings", "/readings", table_format="delta", **cells)
    app.put_workbook(job)
    watermark = jobs_of(app.run())["readings"]["watermark_after"]
    for reading in readings:
        reading["state"] = "new"
    readings.append({"id": 5, "at": "2026-01-05T00:00:00Z", "state": "new"})

    span = {"from": "2026-01-02", "to": "2026-02-01"}  # it ends before the watermark, 2026-01-04
    order = {"request_id": "again", "job_id": "readings", "action": "backfill", **span}
    app.upload_workbook(a_workbook(job, requests=[order]))
    app.until(lambda: [one for one in app.audit_rows("request") if one["status"] == "SUCCESS"], "the order is done")
    assert server.asked("/readings")[-1].params == {"since": "2026-01-02T00:00:00Z"}
    assert states(app) == [(1, "old"), (2, "new"), (3, "new"), (4, "old")]
    assert jobs_of(app.run())["readings"]["watermark_before"] == watermark
    assert (5, "new") in states(app)


def test_a_load_that_breaks_leaves_the_table_as_it_was(app: App, server: ApiServer) -> None:
    server.endpoints["/stable"] = by_offset(USERS)
    app.put_workbook(row(app, "stable", "/stable", pagination_type="offset", max_attempts=1))
    assert jobs_of(app.run())["stable"]["rows_written"] == 250

    server.endpoints["/stable"] = lambda _: Reply(b"<html>Sign in</html>", headers={"Content-Type": "text/html"})
    failed = jobs_of(app.run())["stable"]
    assert failed["status"] == "FAILED"
    assert "gave text/html where json was expected" in failed["error_message"]
    assert rows_of(app, "stable", "stable") == USERS


def test_a_dry_run_shows_the_columns_of_the_first_page(app: App, server: ApiServer) -> None:
    server.endpoints["/looked_at"] = by_offset(USERS, cap=10)
    app.put_workbook(row(app, "looked_at", "/looked_at", pagination_type="offset", api_total_path="total"))
    plan = app.request("POST", "/api/runs", {"dry_run": True}).json()
    assert "'name': 'string'" in str(plan), plan
    assert len(server.asked("/looked_at")) == 1


def test_the_token_is_nowhere(app: App) -> None:
    assert "crm-t0ken" not in app.host.log_text()
    assert all("crm-t0ken" not in response.text for response in app.responses)
    assert "crm-t0ken" not in str(app.run_rows())
