"""How a sheet is laid out: columns that fold, comments that fit their text, pages that can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from itertools import groupby
from math import ceil

from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
from openpyxl.worksheet.properties import Outline
from openpyxl.worksheet.worksheet import Worksheet

from shared.jobs.destinations import DESTINATIONS

_FAMILIES = {"api": ("api_", "pagination_")} | {one.name: one.columns for one in DESTINATIONS.values() if one.columns}
_NOTE_WIDTH = 320  # pixels
_LETTERS = 40  # that a line of a comment holds, with room for words that do not fit
_LINE_HEIGHT = 18  # pixels
_MARGIN = 24
_PRINTED = 60  # percent: some fifteen columns on a page of A4


def family_of(name: str) -> str | None:
    """The columns with which a column folds: those that mean nothing for most jobs; None if it always shows."""
    return next((family for family, begins in _FAMILIES.items() if name.startswith(begins)), None)


def fold_columns(sheet: Worksheet, names: Sequence[str], used: Set[str]) -> None:
    """Group the columns of each family. It is folded if no row uses it; the sign to unfold it is before it.

    Args:
        sheet: The sheet.
        names: Of its columns, from the first one on.
        used: Columns with a value in a row that is switched on.
    """
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    shown = {family_of(name) for name in used}
    for family, group in groupby(enumerate(names, 1), lambda item: family_of(item[1])):
        if family is None:
            continue
        numbers = [number for number, _ in group]
        is_folded = family not in shown
        for number in numbers:
            column = sheet.column_dimensions[get_column_letter(number)]
            column.outlineLevel, column.hidden = 1, is_folded
        if numbers[0] > 1:
            sheet.column_dimensions[get_column_letter(numbers[0] - 1)].collapsed = is_folded
    keep_outline(sheet)


def keep_outline(sheet: Worksheet) -> None:
    """Say that a sheet has groups, without which Excel shows no sign to unfold them; openpyxl forgets it."""
    levels = [int(column.outlineLevel or 0) for column in sheet.column_dimensions.values()]
    sheet.column_dimensions.max_outline = max(levels, default=0) or None


def unfold_columns(sheet: Worksheet, letters: Set[str]) -> None:
    """Show the groups in which one of the columns is folded, so that nothing that is written is out of sight."""
    if any(column.hidden and column.outlineLevel for letter in letters for column in _of(sheet, letter)):
        for column in sheet.column_dimensions.values():
            if column.outlineLevel:
                column.hidden = False
            column.collapsed = False


def _of(sheet: Worksheet, letter: str) -> Iterator[ColumnDimension]:
    """The dimension that a column has, or shares with its neighbours."""
    number = sheet[f"{letter}1"].column
    for key, column in sheet.column_dimensions.items():
        if key == letter or (column.min or 0) <= number <= (column.max or -1):
            yield column


def note(text: str, author: str) -> Comment:
    """A comment whose box fits its text."""
    lines = sum(max(1, ceil(len(line) / _LETTERS)) for line in text.splitlines())
    return Comment(text, author, height=_MARGIN + _LINE_HEIGHT * lines, width=_NOTE_WIDTH)


def print_wide(sheet: Worksheet) -> None:
    """Print a table that is wider than a page: in landscape, with its header and its first column on each page."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.scale = _PRINTED
    sheet.page_setup.pageOrder = "overThenDown"
    sheet.print_title_rows, sheet.print_title_cols = "1:1", "A:A"
    sheet.HeaderFooter.oddFooter = HeaderFooterItem(left=_part("&F, &A"), right=_part("&P / &N"))


def _part(text: str) -> _HeaderFooterPart:
    return _HeaderFooterPart(text=text)
