"""The same workbook with what is wrong shown where it is: red cells, a comment on each, a list with links.

Everything that openpyxl carries stays as it is: values, formulas, formats, other sheets, drop-downs, filters. It does
not carry charts and shapes, and programs calculate the formulas' values again when they open the file.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Sequence

import openpyxl
from openpyxl.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.workbook import Workbook
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from shared.errors.hierarchy import WorkbookError
from shared.workbook.configuration import Problem, Report
from shared.workbook.guide import FONT, print_on_one_width
from shared.workbook.limits import refuse_beyond_limits

SHEET = "Problems"
_AUTHOR = "Validation"
_MARK = "— Validation —\n"  # separates our text from a user's comment
_ERROR = PatternFill("solid", start_color="FFFF9B9B", end_color="FFFF9B9B")
_WARNING = PatternFill("solid", start_color="FFFFE08A", end_color="FFFFE08A")
_OURS = {_ERROR.start_color.rgb, _WARNING.start_color.rgb}
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
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            refuse_beyond_limits(archive)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of what it does not carry
            workbook = openpyxl.load_workbook(io.BytesIO(content), rich_text=True)
            _clean(workbook)
            _mark(workbook, report.warnings, _WARNING)
            _mark(workbook, report.problems, _ERROR)
            _list(workbook, report)
            output = io.BytesIO()
            workbook.save(output)
    except (WorkbookError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes openpyxl raise anything
        raise WorkbookError(f"The workbook cannot be annotated ({type(error).__name__}).") from error
    return output.getvalue()


def _clean(workbook: Workbook) -> None:
    """Remove what an earlier validation wrote, for people correct the annotated workbook and upload that."""
    if SHEET in workbook.sheetnames and workbook[SHEET]["A1"].value == _HEADER[0]:
        del workbook[SHEET]
    for sheet in workbook.worksheets:
        for cell in list(sheet._cells.values()):  # iter_rows would make every cell up to the last one
            if not isinstance(cell, Cell) or cell.comment is None or _MARK not in cell.comment.text:
                continue
            theirs = cell.comment.text.partition(_MARK)[0].rstrip()
            cell.comment = Comment(theirs, cell.comment.author) if theirs else None
            if cell.fill.start_color.rgb in _OURS:
                cell.fill = PatternFill()


def _mark(workbook: Workbook, problems: Sequence[Problem], fill: PatternFill) -> None:
    by_cell: dict[tuple[str, str], list[str]] = defaultdict(list)
    for problem in problems:
        if problem.cell and problem.sheet in workbook.sheetnames:
            by_cell[problem.sheet, problem.cell].append(problem.message)
    for (title, place), messages in by_cell.items():
        sheet: Worksheet = workbook[title]
        cell = sheet[place]
        if isinstance(cell, MergedCell):  # shown through the first cell of its range
            continue
        cell.fill = fill
        before = f"{cell.comment.text.rstrip()}\n" if cell.comment else ""
        mark = "" if _MARK in before else _MARK
        comment = Comment(before + mark + "\n".join(messages), _AUTHOR, width=360)
        comment.height = 40 + 18 * sum(1 + len(line) // 50 for line in comment.text.splitlines())
        cell.comment = comment


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
        # Set as text: a message may begin with a value that looks like a formula.
        sheet.cell(number, 4, problem.message).data_type = "s"
        sheet.cell(number, 4).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(number, 1).fill = _ERROR if kind == "error" else _WARNING
        if problem.cell:
            link = sheet.cell(number, 2)
            target = f"{quote_sheetname(problem.sheet)}!{problem.cell}"
            link.hyperlink = Hyperlink(ref=link.coordinate, location=target)
            link.font = Font(name=FONT, size=11, color="FF0563C1", underline="single")
    for number, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        sheet.cell(1, number).font = Font(name=FONT, size=11, bold=True)
    print_on_one_width(sheet)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:D{sheet.max_row}"
