"""How sheets are laid out: groups that fold, comments that fit, pages that can be read."""

from __future__ import annotations

import io

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.annotate import annotate
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.layout import family_of, note
from shared.workbook.template import template, write_workbook
from shared.workbook.validation import validate
from tests.builders import a_row

API_ROW = a_row(source_type="API", schema_name=None, table_name=None, api_endpoint="/users")


def sheet_of(content: bytes, title: str = "SourceConfig") -> Worksheet:
    sheet: Worksheet = openpyxl.load_workbook(io.BytesIO(content))[title]
    return sheet


def folded(sheet: Worksheet) -> dict[str, bool]:
    """Whether each column that belongs to a group is out of sight, by name."""
    found: dict[str, bool] = {}
    for column in sheet.column_dimensions.values():
        if column.outlineLevel:
            for number in range(column.min or 0, (column.max or 0) + 1):
                found[str(sheet.cell(1, number).value)] = bool(column.hidden)
    return found


def test_the_columns_of_a_family_are_next_to_each_other_and_fold_in_the_template() -> None:
    names = [column.name for column in SOURCE_CONFIG.columns]
    for title in ("SourceConfig", "Sources", "Defaults"):
        sheet = sheet_of(template(), title)
        headers = [str(cell.value) for cell in sheet[1]]
        assert folded(sheet) == {name: True for name in headers if family_of(name)}
        assert sheet.sheet_format.outlineLevelCol == 1
    families = [family_of(name) for name in names]
    assert [family for before, family in zip([None, *families], families, strict=False) if family != before] == [
        *("api", None, "api", None, "databricks"),
    ]


def test_a_group_that_a_row_uses_is_in_sight() -> None:
    shown = folded(sheet_of(write_workbook([API_ROW])))
    assert {name for name, is_folded in shown.items() if not is_folded} == {
        name for name in shown if family_of(name) == "api"
    }


def test_a_problem_in_a_folded_group_unfolds_it() -> None:
    content = write_workbook([API_ROW | {"enabled": "N", "api_page_size": "many"}])
    assert all(folded(sheet_of(content)).values())
    report = validate(content)
    assert [problem.column for problem in report.problems] == ["api_page_size"]
    assert not any(folded(sheet_of(annotate(content, report))).values())
    fine = write_workbook([a_row(load_type="INCR")])
    annotated = sheet_of(annotate(fine, validate(fine)))
    assert all(folded(annotated).values())
    assert annotated.sheet_format.outlineLevelCol == 1


def test_the_header_and_the_first_column_stay_in_sight_and_are_on_each_printed_page() -> None:
    sheet = sheet_of(template())
    assert sheet.freeze_panes == "B2"
    assert (sheet.print_title_rows, sheet.print_title_cols) == ("$1:$1", "$A:$A")
    assert (sheet.page_setup.orientation, sheet.page_setup.scale) == ("landscape", 60)


@pytest.mark.parametrize(("text", "lines"), [("a", 1), ("a\n\nb", 3), ("x" * 81, 3)])
def test_the_box_of_a_comment_has_room_for_each_line(text: str, lines: int) -> None:
    assert note(text, "Help").height >= 18 * lines
