"""A workbook that discovery fills in: what was there stays, what is new is valid, what changed is marked."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from shared.errors.hierarchy import WorkbookError
from shared.models.discovery import Discovered, FoundColumn, FoundSource, FoundTable
from shared.workbook.discovery_sheet import SHEET, discover_into
from shared.workbook.target import Target
from shared.workbook.validation import validate
from tests.builders import a_workbook

TARGET = Target("shop_pg", "PostgreSQL")
ID = FoundColumn(name="id", type="BIGINT", nullable=False, holds="whole number", is_ordered=True)


def a_table(name: str, *columns: FoundColumn, **more: Any) -> FoundTable:
    given = {"primary_key": ("id",), "rows": 3, "rows_are": "exact", "columns": columns or (ID,)} | more
    return FoundTable.model_validate({"schema_name": "public", "table_name": name, **given})


def found(*tables: FoundTable, **more: Any) -> FoundSource:
    names = tuple(table.table_name for table in tables)
    return FoundSource(schema_name="public", names=names, tables=tables, **more)


def discover(
    content: bytes | None, source: FoundSource, target: Target = TARGET
) -> tuple[bytes, dict[str, Discovered]]:
    workbook, discovered = discover_into(content, source, target)
    return workbook, {one.name: one for one in discovered}


def sheet_of(content: bytes, name: str = "SourceConfig") -> Worksheet:
    sheet: Worksheet = openpyxl.load_workbook(BytesIO(content))[name]
    return sheet


def place_of(sheet: Worksheet, name: str) -> int:
    return [cell.value for cell in sheet[1]].index(name) + 1


def test_a_new_workbook_has_the_guide_and_no_examples() -> None:
    content, _ = discover(None, found(a_table("orders")))
    assert openpyxl.load_workbook(BytesIO(content)).sheetnames == [
        "Guide",
        "SourceConfig",
        "Sources",
        "Defaults",
        "Requests",
        SHEET,
    ]
    report = validate(content)
    assert report.configuration
    assert [(job.job_id, job.target_folder_path) for job in report.configuration.jobs] == [
        ("shop_pg_orders", "raw/shop_pg")
    ]


def test_rows_of_a_given_workbook_stay_as_they_are_and_get_neighbours_in_their_folder() -> None:
    given = a_workbook({"table_name": "orders", "job_id": "mine", "chunk_size": 7, "target_folder_path": "my/own"})
    content, discovered = discover(given, found(a_table("orders"), a_table("lines")))
    before, after = (list(sheet_of(one).iter_rows(values_only=True)) for one in (given, content))
    assert after[: len(before)] == before
    assert (discovered["orders"].status, discovered["orders"].job_id) == ("kept", "mine")
    assert discovered["lines"].cells["target_folder_path"] == "my/own"


def test_a_table_that_a_wildcard_loads_gets_no_row_unless_it_is_excluded() -> None:
    given = a_workbook({"table_name": "ref_*", "job_id": "all", "excluded_tables": "ref_old"})
    _, discovered = discover(given, found(a_table("ref_a"), a_table("ref_old"), a_table("orders")))
    assert {name: one.status for name, one in discovered.items()} == {
        "ref_a": "kept",
        "ref_old": "new",
        "orders": "new",
    }


def test_a_row_whose_table_is_gone_is_marked_and_stays() -> None:
    given = a_workbook({"table_name": "gone", "job_id": "old"})
    content, discovered = discover(given, found(a_table("orders")))
    assert discovered["gone"].status == "gone"
    sheet = sheet_of(content)
    place = place_of(sheet, "table_name")
    comment = sheet.cell(2, place).comment
    assert sheet.cell(2, place).value == "gone"
    assert comment
    assert "no table gone any more" in comment.text


def test_rows_that_the_pattern_leaves_out_are_not_gone() -> None:
    given = a_workbook({"table_name": "gone", "job_id": "old"}, {"table_name": "x_*", "job_id": "wild"})
    _, discovered = discover(given, found(a_table("orders")), Target("shop_pg", "PostgreSQL", like="ord*"))
    assert discovered.keys() == {"orders"}


def test_a_row_that_does_not_fit_its_table_is_marked_at_its_cell() -> None:
    row = {"table_name": "orders", "job_id": "mine", "load_type": "INCREMENTAL", "watermark_column": "moved"}
    content, discovered = discover(a_workbook(row), found(a_table("orders")))
    assert discovered["orders"].status == "changed"
    assert set(discovered["orders"].reasons) == {"watermark_column"}
    sheet = sheet_of(content)
    place = place_of(sheet, "watermark_column")
    assert sheet.cell(2, place).fill.start_color.rgb == "FFFFE08A"


def test_columns_that_changed_since_the_last_discovery_are_named() -> None:
    note = FoundColumn(name="note: old", type="VARCHAR(5)")
    first, _ = discover(None, found(a_table("orders", ID, note)))
    wider = note.model_copy(update={"type": "TEXT"})
    more = FoundColumn(name="more", type="DATE")
    second, discovered = discover(first, found(a_table("orders", ID, wider, more)))
    assert discovered["orders"].status == "changed"
    assert discovered["orders"].note == (
        "Columns since the last discovery: more (DATE) is new, note: old is TEXT, not VARCHAR(5)."
    )
    _, third = discover(second, found(a_table("orders", ID, wider, more)))
    assert third["orders"].status == "kept"


def test_marks_of_an_earlier_discovery_are_taken_away_and_comments_of_the_user_stay() -> None:
    workbook = openpyxl.load_workbook(BytesIO(discover(None, found(a_table("orders")))[0]))
    sheet = workbook["SourceConfig"]
    comment = sheet["A2"].comment
    assert comment
    comment.text = f"mine\n{comment.text}"
    kept = BytesIO()
    workbook.save(kept)
    again = sheet_of(discover(kept.getvalue(), found(a_table("orders")))[0])
    assert again["A2"].comment
    assert again["A2"].comment.text.strip() == "mine"
    assert again["A2"].fill.fill_type is None


@pytest.mark.parametrize("name", ["=SUM(A1)", "two\nlines", "stars*", " space", "with.dot", "x" * 128, "null", "a/b"])
def test_a_workbook_is_valid_whatever_tables_are_called(name: str) -> None:
    content, discovered = discover(None, found(a_table("orders"), a_table(name)))
    report = validate(content)
    assert report.problems == ()
    assert report.configuration
    if discovered[name].status == "new":
        assert name in [job.table_name for job in report.configuration.jobs]
    else:
        assert discovered[name].note


def test_a_name_with_a_star_or_a_blank_end_would_be_another_table_and_is_left_out() -> None:
    _, discovered = discover(None, found(a_table("stars*"), a_table(" space"), a_table("two\nlines")))
    assert {one.status for one in discovered.values()} == {"left out"}


def test_two_tables_that_differ_in_case_only_get_places_and_names_of_their_own() -> None:
    content, discovered = discover(None, found(a_table("Orders"), a_table("orders")))
    assert validate(content).problems == ()
    assert discovered["Orders"].job_id != discovered["orders"].job_id


def test_tables_of_another_schema_get_a_folder_of_their_own() -> None:
    source = FoundSource(schema_name="sales", is_default_schema=False, names=("orders",), tables=(a_table("orders"),))
    _, discovered = discover(None, source)
    assert discovered["orders"].cells["target_folder_path"] == "raw/shop_pg/sales"


def test_the_list_keeps_what_other_discoveries_found() -> None:
    first, _ = discover(None, found(a_table("orders")))
    second, _ = discover(first, found(a_table("people")), Target("hr_pg", "PostgreSQL"))
    rows = list(sheet_of(second, SHEET).iter_rows(min_row=2, max_col=4, values_only=True))
    assert rows == [("new", "shop_pg", "public", "orders"), ("new", "hr_pg", "public", "people")]


def test_what_cannot_be_filled_in_is_refused_in_a_sentence() -> None:
    with pytest.raises(WorkbookError, match="not an Excel workbook"):
        discover(b"nothing", found())
    empty = openpyxl.Workbook()
    content = BytesIO()
    empty.save(content)
    with pytest.raises(WorkbookError, match="no sheet SourceConfig"):
        discover(content.getvalue(), found())
