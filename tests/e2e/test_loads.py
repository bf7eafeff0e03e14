"""What the app is for: the lake equals the source, and the audit shows what moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.e2e.app import App, jobs_of


def test_a_full_load_makes_the_lake_equal_the_source_again_and_again(app: App) -> None:
    app.execute(
        "create table customers (id bigint primary key, name text)",
        "insert into customers values (1, 'Ada'), (2, 'Bo')",
    )
    app.put_workbook(app.row("customers", "customers"))

    first = app.run()
    assert first["status"] == "SUCCEEDED", first
    assert jobs_of(first)["customers"]["rows_written"] == 2
    assert app.lake_rows("customers") == [(1, "Ada"), (2, "Bo")]

    app.execute("delete from customers where id = 1", "insert into customers values (3, 'Cy')")
    assert app.run()["status"] == "SUCCEEDED"
    assert app.lake_rows("customers") == [(2, "Bo"), (3, "Cy")]

    app.execute("update customers set name = 'Bob' where id = 2")
    assert app.run()["status"] == "SUCCEEDED"
    assert app.lake_rows("customers") == [(2, "Bob"), (3, "Cy")]

    app.execute("delete from customers")
    emptied = app.run()
    assert emptied["status"] == "SUCCEEDED", emptied
    assert jobs_of(emptied)["customers"]["rows_written"] == 0
    assert app.lake_rows("customers") == []

    app.execute("insert into customers values (4, 'Di')")
    assert app.run()["status"] == "SUCCEEDED"
    assert app.lake_rows("customers") == [(4, "Di")]


def test_an_incremental_load_moves_exactly_the_new_rows_and_boundary_rows_once(app: App) -> None:
    app.execute(
        "create table orders (id bigint primary key, changed timestamptz not null)",
        "insert into orders values (1, '2024-01-01 00:00Z'), (2, '2024-01-02 00:00Z'), (3, '2024-01-02 00:00Z')",
    )
    app.put_workbook(app.row("orders", "orders", load_type="INCREMENTAL", watermark_column="changed"))

    first = jobs_of(app.run())["orders"]
    assert first["rows_written"] == 3
    assert first["watermark_after"] == "2024-01-02T00:00:00+00:00"

    # 4 has the very watermark at which the first load ended
    app.execute("insert into orders values (4, '2024-01-02 00:00Z'), (5, '2024-01-03 00:00Z')")
    second = jobs_of(app.run())["orders"]
    assert (second["rows_extracted"], second["rows_written"]) == (2, 2)
    assert second["watermark_before"] == "2024-01-02T00:00:00+00:00"
    assert second["watermark_after"] == "2024-01-03T00:00:00+00:00"
    assert app.lake_rows("orders") == app.source_rows("orders")


def test_an_incremental_load_without_new_rows_moves_nothing_and_keeps_its_watermark(app: App) -> None:
    app.create_tables("quiet")
    app.put_workbook(app.row("quiet", "quiet", load_type="INCREMENTAL", watermark_column="id"))
    assert jobs_of(app.run())["quiet"]["rows_written"] == 3

    nothing_new = jobs_of(app.run())["quiet"]
    counted = {name: nothing_new[name] for name in ("status", "rows_extracted", "rows_written", "files_written")}
    assert counted == {"status": "SUCCESS", "rows_extracted": 0, "rows_written": 0, "files_written": 0}
    assert nothing_new["watermark_after"] == "3"
    assert app.lake_rows("quiet") == app.source_rows("quiet")

    app.execute("insert into quiet values (4, 'new')")
    assert jobs_of(app.run())["quiet"]["rows_written"] == 1
    assert app.lake_rows("quiet") == app.source_rows("quiet")


def test_a_full_refresh_loads_an_incremental_table_from_the_start(app: App) -> None:
    app.create_tables("refreshed")
    app.put_workbook(app.row("refreshed", "refreshed", load_type="INCREMENTAL", watermark_column="id"))
    assert jobs_of(app.run())["refreshed"]["rows_written"] == 3

    app.execute("update refreshed set name = 'changed without its watermark' where id = 1")
    assert jobs_of(app.run(full_refresh=True))["refreshed"]["rows_written"] == 3
    assert app.lake_rows("refreshed") == app.source_rows("refreshed")

    app.execute("insert into refreshed values (4, 'new')")
    assert jobs_of(app.run())["refreshed"]["rows_written"] == 1
    assert app.lake_rows("refreshed") == app.source_rows("refreshed")


@pytest.fixture(scope="module")
def typed_watermarks(app: App) -> dict[str, dict[str, object]]:
    """One run of jobs whose first load starts at a `last_watermark` of each type."""
    columns = {
        "bigint": ("1000", "999, 1000, 1001"),
        "numeric(10, 2)": ("10.5", "10.49, 10.5, 10.51"),
        "date": ("2024-01-31", "date '2024-01-30', date '2024-01-31', date '2024-02-01'"),
        "timestamp": (
            "2024-01-31T08:00:00",
            "timestamp '2024-01-31 07:59:59.999999', '2024-01-31 08:00', '2024-02-01'",
        ),
        "timestamptz": ("2024-01-31T08:00:00", "timestamptz '2024-01-31 07:59Z', '2024-01-31 08:00Z', '2024-02-01Z'"),
        "text": ("b", "'a', 'b', 'c'"),
    }
    rows = []
    for column_type, (watermark, values) in columns.items():
        name = f"by_{column_type.partition('(')[0]}"
        app.execute(
            f"create table {name} (mark {column_type} not null)",
            f"insert into {name} select unnest(array[{values}])",
        )
        cells = {"load_type": "INCREMENTAL", "watermark_column": "mark", "last_watermark": watermark}
        rows.append(app.row(name, name, **cells))
    app.put_workbook(*rows)
    run = app.run()
    assert run["status"] == "SUCCEEDED", run
    return jobs_of(run)


@pytest.mark.parametrize("name", ["by_bigint", "by_numeric", "by_date", "by_timestamp", "by_timestamptz", "by_text"])
def test_the_first_load_starts_at_the_last_watermark_of_the_workbook(
    app: App, typed_watermarks: dict[str, dict[str, object]], name: str
) -> None:
    assert typed_watermarks[name]["rows_written"] == 2
    assert app.lake_rows(name) == app.source_rows(name)[1:]


def test_a_watermark_keeps_the_type_of_its_column(app: App, typed_watermarks: dict[str, dict[str, object]]) -> None:
    assert app.lake_rows("by_timestamptz")[-1] == (datetime(2024, 2, 1, tzinfo=UTC),)
    assert {name: job["watermark_after"] for name, job in typed_watermarks.items()} == {
        "by_bigint": "1001",
        "by_numeric": "10.51",
        "by_date": "2024-02-01",
        "by_timestamp": "2024-02-01T00:00:00",
        "by_timestamptz": "2024-02-01T00:00:00+00:00",
        "by_text": "c",
    }
