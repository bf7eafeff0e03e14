"""The sheet Guide: how to fill in the workbook, for a user who has only the workbook."""

from __future__ import annotations

from math import ceil

from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.column import Column
from shared.workbook.documentation import FACTS, facts
from shared.workbook.sheets import SHEETS

FONT = "Calibri"
HEADER_FONT = Font(name=FONT, size=11, bold=True, color="FFFFFFFF")
_ALWAYS = PatternFill("solid", start_color="FF1F4E78", end_color="FF1F4E78")
_SOMETIMES = PatternFill("solid", start_color="FF2E75B6", end_color="FF2E75B6")
_NEVER = PatternFill("solid", start_color="FF7F8B99", end_color="FF7F8B99")
_LINE = Border(bottom=Side("thin", color="FFD0D7DE"))
_WIDTHS = (26, 34, 46, 12, 84, 34)
_STEPS = (
    "1. Write one row per job into the sheet SourceConfig. The examples there are switched off; delete or change them.",
    "2. Point at a header to read what its column is for. Cells with a list of values show an arrow.",
    "3. Upload the workbook. It is checked at once: a workbook with problems is refused, cell by cell, and the last "
    "good one stays in use.",
    "Blank rows, notes beside the tables and sheets of your own are ignored. Columns may be in any order.",
    "No passwords in here: the connection of each source is in the secret source-{source_name}.",
)
_LEGEND = ((_ALWAYS, "always required"), (_SOMETIMES, "required for some rows"), (_NEVER, "optional"))


def header_fill(column: Column) -> PatternFill:
    """The colour of a header: how much a value is required."""
    return _ALWAYS if column.required is True else _SOMETIMES if column.required else _NEVER


def write_guide(sheet: Worksheet) -> None:
    """Fill the sheet with the steps, the legend of the colours and a table of the columns of each sheet."""
    sheet.sheet_view.showGridLines = False
    print_on_one_width(sheet)
    for number, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet["A1"] = "How to fill in this workbook"
    sheet["A1"].font = Font(name=FONT, bold=True, size=18, color="FF1F4E78")
    for row, step in enumerate(_STEPS, 3):
        sheet.cell(row, 1, step)
    for number, (fill, meaning) in enumerate(_LEGEND, 1):
        cell = sheet.cell(9, number, meaning)
        cell.fill, cell.font = fill, HEADER_FONT
    row = 11
    for spec in SHEETS:
        sheet.cell(row, 1, spec.name).font = Font(name=FONT, bold=True, size=14, color="FF1F4E78")
        sheet.cell(row, 2, spec.help)
        _write_row(sheet, row + 1, FACTS, Font(name=FONT, size=11, bold=True))
        for number, column in enumerate(spec.columns, row + 2):
            _write_row(sheet, number, facts(spec, column), None)
            name = sheet.cell(number, 1)
            name.fill, name.font = header_fill(column), HEADER_FONT
        row += len(spec.columns) + 4


def print_on_one_width(sheet: Worksheet) -> None:
    """Print all columns on one page, in landscape."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _write_row(sheet: Worksheet, row: int, texts: tuple[str, ...], font: Font | None) -> None:
    for number, text in enumerate(texts, 1):
        cell = sheet.cell(row, number, text)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        cell.border = _LINE
        if font:
            cell.font = font
    lines = max(ceil(len(text) / width) for text, width in zip(texts, _WIDTHS, strict=True))
    sheet.row_dimensions[row].height = 15.5 * max(lines, 1)  # no program fits wrapped rows by itself on opening
