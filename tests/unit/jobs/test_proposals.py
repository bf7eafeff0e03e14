"""What discovery proposes: never what a load refuses, never what would miss changed rows without saying so."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.proposals import HOURLY, LARGE_ROWS, NIGHTLY, changed_cells, propose, watermark_candidates
from shared.jobs.source_types import shown_by
from shared.models.discovery import FoundColumn, FoundTable

ID = FoundColumn(name="id", type="bigint", nullable=False, holds="whole number", is_ordered=True, is_indexed=True)
COUNTED = ID.model_copy(update={"is_generated": True})


def a_time(name: str, **more: object) -> FoundColumn:
    given = {"type": "timestamp", "nullable": False, "holds": "time", "is_ordered": True} | more
    return FoundColumn.model_validate({"name": name, **given})


def a_table(*columns: FoundColumn, rows: int = 10, key: tuple[str, ...] = ("id",), **more: object) -> FoundTable:
    table = {"schema_name": "public", "table_name": "t", "columns": columns, "primary_key": key, "rows": rows}
    return FoundTable.model_validate({**table, "rows_are": "exact", **more})


def proposed(table: FoundTable, readers: bool = True, schedules: Collection[str] = (NIGHTLY,)) -> dict[str, object]:
    return dict(propose(table, readers, schedules).cells)


@pytest.mark.parametrize(
    "name",
    [
        *("updated_at", "UpdatedAt", "last_update", "LastUpdate", "modified", "ModifiedDate", "last_modified_on"),
        *(
            "date_modified",
            "changed_at",
            "change_date",
            "LAST_UPDATED_TS",
            "sys_modified_utc",
            "rec_upd_dt",
            "updatedOn",
        ),
        *("DateTimeModified", "update_time", "row_changed", "last_edited_at"),
    ],
)
def test_names_of_the_time_of_the_last_change_are_known(name: str) -> None:
    assert proposed(a_table(ID, a_time(name)))["watermark_column"] == name


@pytest.mark.parametrize("name", ["price_change_date", "order_date", "due", "updated_by", "birthday", "valid_from"])
def test_other_times_are_not_proposed(name: str) -> None:
    assert proposed(a_table(ID, a_time(name))) == {"primary_key": "id", "load_type": "FULL", "schedule": "0 2 * * *"}


def test_what_shows_changes_comes_before_what_shows_new_rows_and_an_index_before_none() -> None:
    version = FoundColumn(name="v", type="rowversion", nullable=False, holds="version", is_ordered=True)
    columns = [COUNTED, a_time("created_at", is_indexed=True), a_time("changed"), a_time("updated", is_indexed=True)]
    candidates = watermark_candidates(a_table(*columns, version))
    assert [column.name for column in candidates] == ["v", "updated", "changed", "created_at", "id"]


@pytest.mark.parametrize("cursor", [COUNTED, a_time("created_at")])
def test_new_rows_alone_are_loaded_of_large_tables_only_and_the_reason_says_to_check(cursor: FoundColumn) -> None:
    small = propose(a_table(ID, cursor), True, ())
    assert small.cells["load_type"] == "FULL"
    assert f"INCREMENTAL by {cursor.name}" in small.reasons["load_type"]
    large = propose(a_table(ID, cursor, rows=LARGE_ROWS), True, ())
    assert (large.cells["load_type"], large.cells["watermark_column"]) == ("INCREMENTAL", cursor.name)
    assert "CHECK" in large.reasons["load_type"]


def test_a_rowversion_needs_no_lookback() -> None:
    version = FoundColumn(name="v", type="rowversion", nullable=False, holds="version", is_ordered=True)
    cells = proposed(a_table(ID, version))
    assert (cells["watermark_column"], cells["table_format"], "lookback" in cells) == ("v", "delta", False)


def test_changed_rows_need_a_key_by_which_they_are_updated() -> None:
    assert proposed(a_table(a_time("updated_at"), key=()))["load_type"] == "FULL"


@pytest.mark.parametrize(("nulls", "load_type"), [(True, "FULL"), (None, "FULL"), (False, "INCREMENTAL")])
def test_a_column_that_may_be_null_is_proposed_if_it_is_known_that_no_row_is(nulls: bool, load_type: str) -> None:
    column = a_time("updated_at", nullable=True, has_nulls=nulls)
    assert proposed(a_table(ID, column))["load_type"] == load_type


def test_a_key_that_a_cell_cannot_name_is_left_out() -> None:
    odd = ID.model_copy(update={"name": "a, b"})
    assert "primary_key" not in proposed(a_table(odd, a_time("updated_at"), key=("a, b",)))
    tick = FoundColumn(name="a`b", type="text")
    assert "table_format" not in proposed(a_table(ID, tick, a_time("updated_at")))


@pytest.mark.parametrize(("size", "readers"), [(None, None), (1 << 29, None), (2 << 30, 2), (5 << 30, 4), (1 << 40, 8)])
def test_readers_follow_the_size(size: int | None, readers: int | None) -> None:
    table = a_table(ID, size_bytes=size)
    assert proposed(table).get("parallelism") == readers
    assert "parallelism" not in proposed(table, readers=False)


def test_incremental_tables_run_hourly_if_the_timer_does() -> None:
    table = a_table(ID, a_time("updated_at"))
    assert proposed(table, schedules=(NIGHTLY, HOURLY))["schedule"] == HOURLY
    assert "schedule" not in proposed(table)


def test_tables_have_no_schedule_that_the_timer_is_too_rare_for() -> None:
    assert proposed(a_table(ID))["schedule"] == NIGHTLY
    assert "schedule" not in proposed(a_table(ID), schedules=())


@given(
    column=st.builds(
        FoundColumn,
        name=st.sampled_from(["updated_at", "id", "created", "v"]),
        type=st.just("some type"),
        nullable=st.booleans(),
        holds=st.sampled_from(["version", "time", "date", "whole number", "other"]),
        is_ordered=st.just(False),
        is_generated=st.booleans(),
        is_indexed=st.booleans(),
        has_nulls=st.none() | st.booleans(),
    ),
    rows=st.integers(0, 10**9),
)
def test_what_is_not_in_the_order_of_the_source_is_never_proposed(column: FoundColumn, rows: int) -> None:
    assert proposed(a_table(column, rows=rows, key=(column.name,)))["load_type"] == "FULL"


def test_a_row_that_does_not_fit_the_table_any_more_is_named_by_its_cell() -> None:
    table = a_table(ID, a_time("updated_at"), FoundColumn(name="note", type="text"), key=("id",))
    row = {"load_type": "INCREMENTAL", "primary_key": ("id",), "watermark_column": "UPDATED_AT"}
    assert changed_cells(row, table) == {}
    assert changed_cells(row | {"primary_key": ("code",)}, table).keys() == {"primary_key"}
    assert "is id now" in changed_cells(row | {"primary_key": ("note",)}, table)["primary_key"]
    assert "is text now" in changed_cells(row | {"watermark_column": "note"}, table)["watermark_column"]
    assert changed_cells(row | {"partition_by": ("gone",)}, table).keys() == {"partition_by"}


@pytest.mark.parametrize(
    ("secret", "source_type"),
    [
        ({"url": "postgresql+psycopg://u@h/d"}, "PostgreSQL"),
        ({"url": "mssql://u@h/d"}, "MSSQL"),
        ({"url": "https://api.example.com"}, "API"),
        ({"dialect": "oracle"}, "Oracle"),
        ({"host": "h", "service_name": "s"}, "Oracle"),
        ({"host": "h", "driver": "pyodbc"}, "MSSQL"),
        ({"base_url": "https://api.example.com"}, "API"),
        ({"host": "h", "port": "5432"}, "PostgreSQL"),
        ({"host": "h", "port": 1433}, "MSSQL"),
        ({"host": "h", "port": 6432}, None),
        ({"url": "mysql://u@h/d"}, None),
    ],
)
def test_the_fields_of_a_connection_show_its_type(secret: dict[str, object], source_type: str | None) -> None:
    assert shown_by(secret) == source_type
