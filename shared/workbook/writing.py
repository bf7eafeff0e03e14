"""Writing cells and lists into a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.guide import FONT, print_on_one_width


def put(sheet: Worksheet, row: int, column: int, value: Any) -> Cell | MergedCell:
    """Write a value into a cell; a text stays a text, also if it begins like a formula or looks like an error."""
    cell: Cell | MergedCell = sheet.cell(row, column, value)
    if isinstance(value, str):
        cell.data_type = "s"
    return cell


def dress_list(sheet: Worksheet, widths: Sequence[float]) -> None:
    """Give a list with a header in its first row its look: widths, filter, and a header that stays in sight.

    Args:
        sheet: The sheet.
        widths: Of its columns.
    """
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        sheet.cell(1, number).font = Font(name=FONT, size=11, bold=True)
    print_on_one_width(sheet)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{sheet.max_row}"
