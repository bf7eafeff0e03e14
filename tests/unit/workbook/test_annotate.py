"""The workbook that goes back to the person: what is wrong is marked, everything else stays."""

from __future__ import annotations

import io

import openpyxl
import pytest
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.workbook import Workbook

from shared.errors.hierarchy import WorkbookError
from shared.workbook.annotate import annotate
from shared.workbook.template import template
from shared.workbook.validation import validate

RED = "FFFF9B9B"


def opened(content: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def saved(workbook: Workbook) -> bytes:
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


@pytest.fixture
def bad() -> bytes:
    """The template with two bad cells, a formula, a format, a user's comment and a user's sheet."""
    workbook = opened(template())
    sheet = workbook["SourceConfig"]
    sheet["F2"], sheet["G3"], sheet["E4"] = "INCR", "perhaps", "=A1"
    sheet["F2"].comment = Comment("Ann: why not FULL?", "Ann")
    sheet["A2"].font = Font(italic=True)
    workbook.create_sheet("Notes")["B2"] = "=1+1"
    return saved(workbook)


def test_bad_cells_are_red_with_a_comment(bad: bytes) -> None:
    sheet = opened(annotate(bad, validate(bad)))["SourceConfig"]
    assert (sheet["F2"].fill.start_color.rgb, sheet["G3"].fill.start_color.rgb) == (RED, RED)
    assert "'perhaps' is not one of Y, N" in sheet["G3"].comment.text
    assert sheet["H2"].fill.start_color.rgb != RED


def test_a_list_of_the_problems_links_to_the_cells(bad: bytes) -> None:
    report = validate(bad)
    problems = opened(annotate(bad, report))["Problems"]
    rows = [[cell.value for cell in row] for row in problems.iter_rows(min_row=2)]
    assert rows[0] == ["error", "SourceConfig!F2", "load_type", "'INCR' is not one of FULL, INCREMENTAL"]
    assert len(rows) == len(report.problems) + len(report.warnings)
    assert problems["B2"].hyperlink.location == "'SourceConfig'!F2"


def test_everything_else_stays_as_it_was(bad: bytes) -> None:
    before, after = opened(bad), opened(annotate(bad, validate(bad)))
    assert after.sheetnames == ["Problems", *before.sheetnames]
    assert after["Notes"]["B2"].value == "=1+1"
    sheet = after["SourceConfig"]
    assert sheet["E4"].value == "=A1"
    assert sheet["A2"].font.italic
    assert sheet["F2"].comment.text.startswith("Ann: why not FULL?")
    assert sheet["A1"].comment.text == before["SourceConfig"]["A1"].comment.text
    assert len(sheet.data_validations.dataValidation) == len(before["SourceConfig"].data_validations.dataValidation)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", before["SourceConfig"].auto_filter.ref)


def test_a_corrected_annotated_workbook_is_valid_and_loses_its_marks(bad: bytes) -> None:
    workbook = opened(annotate(bad, validate(bad)))
    sheet = workbook["SourceConfig"]
    sheet["F2"], sheet["G3"], sheet["E4"] = "FULL", "Y", "ref_*"
    corrected = saved(workbook)
    report = validate(corrected)
    assert report.problems == ()
    clean = opened(annotate(corrected, report))["SourceConfig"]
    assert clean["F2"].fill.start_color.rgb != RED
    assert clean["F2"].comment.text == "Ann: why not FULL?"
    assert clean["G3"].comment is None


def test_a_message_that_looks_like_a_formula_stays_text() -> None:
    workbook = opened(template())
    workbook["SourceConfig"]["F2"].value = "=cmd|' /C calc'!A0"
    workbook["SourceConfig"]["F2"].data_type = "s"
    content = saved(workbook)
    problems = opened(annotate(content, validate(content)))["Problems"]
    assert problems["D2"].data_type == "s"


def test_what_is_no_workbook_cannot_be_annotated() -> None:
    with pytest.raises(WorkbookError, match="cannot be annotated"):
        annotate(b"no workbook", validate(b"no workbook"))
