"""Writes workbooks from the declared columns: the template for people, and workbooks with given rows."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.cells import as_text
from shared.workbook.column import Column, SheetSpec
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.documentation import required_text
from shared.workbook.examples import JOBS, SYSTEMS
from shared.workbook.guide import HEADER_FONT, header_fill, write_guide
from shared.workbook.layout import fold_columns, note, print_wide
from shared.workbook.sheets import DEFAULTS, REQUESTS, SOURCES
from shared.workbook.writing import put

_VALIDATED_ROWS = 5001
_AUTHOR = "Help"
_EDGE = Border(left=Side("thin", color="FFFFFFFF"), bottom=Side("thin", color="FFFFFFFF"))


def template() -> bytes:
    """The workbook to hand out: examples that are switched off, drop-downs, help on every header, and a guide."""
    return _save(_workbook(JOBS, SYSTEMS, (), (), guide=True))


def empty_workbook() -> bytes:
    """The template without its examples."""
    return _save(_workbook((), (), (), (), guide=True))


def write_workbook(
    rows: Sequence[Mapping[str, object]],
    sources: Sequence[Mapping[str, object]] = (),
    requests: Sequence[Mapping[str, object]] = (),
    defaults: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """An xlsx file with these rows.

    Args:
        rows: The jobs, each by column name; what is left out stays blank.
        sources: The rows of the sheet Sources, which is left out when there are none.
        requests: The same for the sheet Requests.
        defaults: The same for the sheet Defaults.
    """
    return _save(_workbook(rows, sources, defaults, requests, guide=False))


def _workbook(
    jobs: Sequence[Mapping[str, object]],
    sources: Sequence[Mapping[str, object]],
    defaults: Sequence[Mapping[str, object]],
    requests: Sequence[Mapping[str, object]],
    guide: bool,
) -> Workbook:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for spec, rows in ((SOURCE_CONFIG, jobs), (SOURCES, sources), (DEFAULTS, defaults), (REQUESTS, requests)):
        if rows or guide or spec is SOURCE_CONFIG:
            _write_sheet(workbook.create_sheet(spec.name), spec, rows)
    if guide:
        write_guide(workbook.create_sheet("Guide", 0))
    return workbook


def _write_sheet(sheet: Worksheet, spec: SheetSpec, rows: Sequence[Mapping[str, object]]) -> None:
    names = [column.name for column in spec.columns]
    sheet.append(names)
    for place, row in enumerate(rows, 2):
        for number, name in enumerate(names, 1):
            if (value := row.get(name)) is not None:
                put(sheet, place, number, value)
    for number, column in enumerate(spec.columns, 1):
        letter = get_column_letter(number)
        dress_header(sheet, number, column)
        longest = max([len(column.name), *(len(as_text(row.get(column.name) or "")) for row in rows[:50])])
        sheet.column_dimensions[letter].width = min(max(longest + 4, 12), 40)
        if column.kind.allowed:
            sheet.add_data_validation(_drop_down(column, f"{letter}2:{letter}{_VALIDATED_ROWS}"))
    fold_columns(sheet, names, {name for row in rows if row.get("enabled") != "N" for name in row})
    print_wide(sheet)
    sheet.row_dimensions[1].height = 24
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{len(rows) + 1}"


def dress_header(sheet: Worksheet, number: int, column: Column, row: int = 1) -> None:
    """Give the header of a column its colour, and its help as a comment."""
    cell = sheet.cell(row, number)
    cell.font = HEADER_FONT
    cell.fill = header_fill(column)
    cell.alignment = Alignment(vertical="center")
    cell.border = _EDGE
    text = f"{column.help}\nRequired: {required_text(column)}.\nExample: {column.example}"
    cell.comment = note(text, _AUTHOR)


def _drop_down(column: Column, cells: str) -> DataValidation:
    choices = ",".join(column.kind.allowed)
    validation = DataValidation(type="list", formula1=f'"{choices}"', allow_blank=True, sqref=cells)
    validation.errorTitle = column.name
    validation.error = f"One of: {', '.join(column.kind.allowed)}"
    validation.showErrorMessage = True
    return validation


def _save(workbook: Workbook) -> bytes:
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()
