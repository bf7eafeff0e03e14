"""Discovery of each kind of database: what it finds, what it proposes, and that loads accept it."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from shared.errors.hierarchy import SourceError
from shared.models.discovery import FoundTable
from shared.secrets import Secret
from shared.sources.probe import examine_job
from shared.workbook.validation import validate
from tests.integration.discovery.conftest import Database


def tables_of(database: Database, **asked: object) -> dict[str, FoundTable]:
    return {table.table_name: table for table in database.look(**asked).tables}  # type: ignore[arg-type]


def test_tables_have_their_keys_rows_and_indexed_columns(database: Database) -> None:
    orders = tables_of(database)["orders"]
    assert (orders.primary_key, orders.rows, orders.rows_are) == (("id",), 2, "exact")
    indexed = {column.name for column in orders.columns if column.is_indexed}
    assert indexed == {"id", "updated_at"}
    assert [column.name for column in orders.columns if column.holds == "time"][-1] == "updated_at"


def test_views_are_found_if_they_are_wanted(database: Database) -> None:
    assert "order_view" not in tables_of(database)
    view = tables_of(database, views=True)["order_view"]
    assert (view.is_view, view.rows, view.rows_are) == (True, None, "unknown")


def test_a_pattern_chooses_tables(database: Database) -> None:
    assert tables_of(database, like="ORD*").keys() == {"orders"}


def test_a_column_that_shows_changes_is_proposed_with_its_reason(database: Database) -> None:
    _, found = database.discover()
    orders = found["orders"]
    assert orders.status == "new"
    expected = {
        "load_type": "INCREMENTAL",
        "watermark_column": "updated_at",
        "primary_key": "id",
        "table_format": "delta",
        "lookback": 3600,
        "enabled": "Y",
    }
    assert {name: orders.cells.get(name) for name in expected} == expected
    assert "an index begins with it" in orders.reasons["watermark_column"]


def test_tables_without_such_a_column_are_loaded_whole_and_the_reason_says_why(database: Database) -> None:
    _, found = database.discover()
    reasons = {name: found[name].reasons["load_type"] for name in ("countries", "sparse", "no_key", "texts")}
    assert {found[name].cells["load_type"] for name in reasons} == {"FULL"}
    assert {"watermark_column" in found[name].cells for name in reasons} == {False}
    assert "No column" in reasons["countries"]
    assert "is NULL in some rows" in reasons["sparse"]
    assert "no primary key" in reasons["no_key"]
    assert "No column" in reasons["texts"]  # a text is no time, whatever its name


def test_a_column_that_may_be_null_and_is_not_is_proposed_with_a_warning(database: Database) -> None:
    _, found = database.discover(like="full_of")
    assert found["full_of"].cells["load_type"] == "INCREMENTAL"
    assert "may be NULL by its definition" in found["full_of"].reasons["watermark_column"]


def test_the_workbook_is_valid_and_a_dry_run_reads_every_table(database: Database) -> None:
    content, found = database.discover(views=True)
    report = validate(content)
    assert report.problems == report.warnings == ()
    assert report.configuration
    assert {job.table_name for job in report.configuration.jobs} == found.keys()
    for job in report.configuration.jobs:
        examined = examine_job(job, Secret(database.secret), lambda _stage, _rows: None, None, False)
        assert set(examined.columns) == set(found[str(job.table_name)].columns)


def test_a_second_discovery_adds_nothing_and_keeps_every_row(database: Database) -> None:
    content, first = database.discover()
    again, second = database.discover(content)
    assert {one.status for one in second.values()} == {"kept"}
    assert {name: one.job_id for name, one in second.items()} == {name: one.job_id for name, one in first.items()}
    assert cells(again) == cells(content)


def test_a_schema_that_is_not_there_is_one_sentence_with_those_that_are(database: Database) -> None:
    with pytest.raises(SourceError) as refused:
        database.look(schema="nowhere")
    if database.kind == "SQLite":  # its schemas are files, of which it has its own sentence
        assert "nowhere" in str(refused.value)
    else:
        assert "Schema 'nowhere' of source 'shop_pg' does not exist" in str(refused.value)
        assert str(database.look().schema_name).lower() in str(refused.value).lower()


def test_what_there_was_no_time_for_is_left_out_and_says_so(database: Database) -> None:
    _, found = database.discover(seconds=0)
    assert {one.status for one in found.values()} == {"left out"}
    assert all("time of the discovery was over" in str(one.note) for one in found.values())


def cells(content: bytes) -> list[tuple[object, ...]]:
    sheet = openpyxl.load_workbook(BytesIO(content))["SourceConfig"]
    return list(sheet.iter_rows(values_only=True))
