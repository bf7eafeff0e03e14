"""The same workbook with what is wrong shown where it is: red cells, a comment on each, a list with links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from openpyxl.styles import Alignment, Font
from openpyxl.utils import quote_sheetname
from openpyxl.workbook import Workbook
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.configuration import Problem, Report
from shared.workbook.editing import edited
from shared.workbook.guide import FONT
from shared.workbook.layout import unfold_columns
from shared.workbook.marks import Marks, fill
from shared.workbook.writing import dress_list, put

SHEET = "Problems"
_ERROR, _WARNING = "FFFF9B9B", "FFFFE08A"
_MARKS = Marks("Validation", frozenset({_ERROR, _WARNING}))
_HEADER = ("Kind", "Cell", "Column", "What is wrong")
_WIDTHS = (10, 22, 24, 110)
_MAX_LISTED = 10_000


def annotate(content: bytes, report: Report) -> bytes:
    """Write the problems and warnings of a report into its workbook.

    Args:
        content: The bytes of the workbook that was validated; one that was annotated before is cleaned first.
        report: What the validation said.

    Raises:
        WorkbookError: the workbook cannot be opened for writing; the report itself says why it was refused.
    """

    def edit(workbook: Workbook) -> None:
        _clean(workbook)
        _mark(workbook, report.warnings, _WARNING)
        _mark(workbook, report.problems, _ERROR)
        _list(workbook, report)

    return edited(content, edit, "annotated")


def _clean(workbook: Workbook) -> None:
    """Remove what an earlier validation wrote, for people correct the annotated workbook and upload that."""
    if SHEET in workbook.sheetnames and workbook[SHEET]["A1"].value == _HEADER[0]:
        del workbook[SHEET]
    _MARKS.clear(workbook)


def _mark(workbook: Workbook, problems: Sequence[Problem], colour: str) -> None:
    by_cell: dict[tuple[str, str], list[str]] = defaultdict(list)
    for problem in problems:
        if problem.cell and problem.sheet in workbook.sheetnames:
            by_cell[problem.sheet, problem.cell].append(problem.message)
    for (title, place), messages in by_cell.items():
        sheet: Worksheet = workbook[title]
        unfold_columns(sheet, {sheet[place].column_letter})
        _MARKS.put(sheet[place], "\n".join(messages), colour)


def _list(workbook: Workbook, report: Report) -> None:
    sheet = workbook.create_sheet(SHEET, 0)
    workbook.active = 0
    for other in workbook.worksheets[1:]:
        other.sheet_view.tabSelected = False
    sheet.append(_HEADER)
    listed = [("error", problem) for problem in report.problems] + [("warning", one) for one in report.warnings]
    for number, (kind, problem) in enumerate(listed[:_MAX_LISTED], 2):
        place = f"{problem.sheet}!{problem.cell}" if problem.cell else problem.sheet
        sheet.append([kind, place, problem.column, None])
        put(sheet, number, 4, problem.message).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(number, 1).fill = fill(_ERROR if kind == "error" else _WARNING)
        if problem.cell:
            link = sheet.cell(number, 2)
            target = f"{quote_sheetname(problem.sheet)}!{problem.cell}"
            link.hyperlink = Hyperlink(ref=link.coordinate, location=target)
            link.font = Font(name=FONT, size=11, color="FF0563C1", underline="single")
    dress_list(sheet, _WIDTHS)
