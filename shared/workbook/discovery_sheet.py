"""A workbook with what was found in a source: new rows, marks at those that were there, and a list of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from openpyxl.styles import Alignment
from openpyxl.utils import coordinate_to_tuple, get_column_letter, range_boundaries
from openpyxl.workbook import Workbook as ExcelWorkbook
from openpyxl.worksheet.worksheet import Worksheet

from shared.errors.hierarchy import WorkbookError
from shared.models.discovery import Discovered, FoundSource
from shared.workbook.cells import as_text
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.discovery import Workbook, compare, without
from shared.workbook.editing import edited
from shared.workbook.layout import unfold_columns
from shared.workbook.limits import DEFAULT_MAX_MEGABYTES
from shared.workbook.marks import Marks, fill
from shared.workbook.reader import Sheet, read_sheets
from shared.workbook.rows import parse_rows
from shared.workbook.sheets import SHEETS
from shared.workbook.tables import Findings, Table, find_sheet, names_sheet, read_table
from shared.workbook.target import Target
from shared.workbook.template import dress_header, empty_workbook
from shared.workbook.validation import inheritance_of, validate
from shared.workbook.writing import dress_list, put

SHEET = "Discovery"
_COLUMNS = (
    *("status", "source_name", "schema_name", "name", "job_id", "rows", "rows_are", "size_bytes", "load_type"),
    *("watermark_column", "why", "columns"),
)
_WIDTHS = (10, 18, 16, 28, 34, 14, 10, 16, 14, 20, 90, 60)
_COLOURS = {"new": "FFC6E7C8", "changed": "FFFFE08A", "gone": "FFFF9B9B", "left out": "FFD9D9D9"}
_MARKS = Marks("Discovery", frozenset(_COLOURS.values()))
_LONGEST_CELL = 32_000
_ROUNDS = 3


def discover_into(content: bytes | None, found: FoundSource, target: Target) -> tuple[bytes, list[Discovered]]:
    """Write what was found into a workbook, or into a new one; rows that are there stay as they are.

    A new row that the validation refuses is left out, with the reason: what is written is valid if the workbook was.

    Args:
        content: The workbook; None for a new one.
        found: What was found.
        target: What the new rows have in common.

    Returns:
        The workbook and what became of each table or endpoint.

    Raises:
        WorkbookError: the workbook cannot be read, or has no sheet with jobs.
    """
    base = content or empty_workbook()
    table, known = _read(base)
    discovered = compare(found, target, known)
    written = base
    for _ in range(_ROUNDS):
        written = edited(base, partial(_write, table=table, discovered=discovered, target=target), "filled in")
        if not (refused := _refused(written, table, discovered)):
            break
        discovered = without(discovered, refused)
    return written, discovered


def _read(content: bytes) -> tuple[Table, Workbook]:
    sheets = read_sheets(content, DEFAULT_MAX_MEGABYTES, _is_read)
    sheet = find_sheet(sheets, SOURCE_CONFIG)
    inheritance = inheritance_of(sheets)
    table = read_table(sheet, SOURCE_CONFIG, Findings([], []), inheritance.columns) if sheet else None
    if table is None:
        raise WorkbookError(
            f"The workbook has no sheet {SOURCE_CONFIG.name} with a header row, so no row can be added."
        )
    earlier = next((one for one in sheets if one.title == SHEET), Sheet(SHEET))
    rows = parse_rows(table, Findings([], []), inheritance)
    return table, Workbook(rows, dict(_earlier_columns(earlier)), inheritance)


def _is_read(title: str) -> bool:
    return title == SHEET or any(names_sheet(title, spec) for spec in SHEETS)


def _earlier_columns(sheet: Sheet) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    *place, columns = (_COLUMNS.index(one) + 1 for one in ("source_name", "schema_name", "name", "columns"))
    for row in sheet.rows:
        text = str(row.cells.get(columns, ""))
        if text and not text.endswith("…"):
            pairs = (line.rpartition(": ") for line in text.splitlines())
            named = tuple(as_text(row.cells.get(number, "")) for number in place)
            yield named, {column: kind for column, _, kind in pairs if column}


def _refused(content: bytes, table: Table, discovered: Sequence[Discovered]) -> dict[str, str]:
    """The new rows that the validation refuses, by job_id, with its first reason."""
    rows = {number: one.job_id for number, one in _new_rows(table, discovered)}
    refused: dict[str, str] = {}
    for problem in validate(content).problems:
        number = coordinate_to_tuple(problem.cell)[0] if problem.cell else 0
        if names_sheet(problem.sheet, SOURCE_CONFIG) and (job_id := rows.get(number)):
            refused.setdefault(job_id, f"{problem.column} {problem.message}")
    return refused


def _new_rows(table: Table, discovered: Sequence[Discovered]) -> Iterator[tuple[int, Discovered]]:
    first = max((row.number for row in table.rows), default=table.header_row) + 1
    return enumerate((one for one in discovered if one.status == "new"), first)


def _write(workbook: ExcelWorkbook, table: Table, discovered: Sequence[Discovered], target: Target) -> None:
    sheet: Worksheet = workbook[table.title]
    _MARKS.clear(workbook)
    new = list(_new_rows(table, discovered))
    places = _places(sheet, table, {name for _, one in new for name in (*one.cells, *one.reasons)})
    for number, one in new:
        for name, value in one.cells.items():
            _put_widely(sheet, number, places[name], value)
        for name, reason in one.reasons.items():
            _MARKS.put(sheet.cell(number, places[name]), reason)
        _MARKS.put(sheet.cell(number, places["job_id"]), "New.", _COLOURS["new"])
    for one in discovered:
        if one.row and one.status in ("changed", "gone"):
            marked = {name: reason for name, reason in one.reasons.items() if name in places}
            for name, reason in (marked or {"job_id": one.note or ""}).items():
                _MARKS.put(sheet.cell(one.row, places.get(name, 1)), reason, _COLOURS[one.status])
    unfold_columns(sheet, {get_column_letter(places[name]) for _, one in new for name in one.cells})
    if new:
        _stretch(sheet, new[0][0] - 1, new[-1][0])
    _list(workbook, discovered, target)


def _places(sheet: Worksheet, table: Table, wanted: set[str]) -> dict[str, int]:
    """The column of each name; those that the header lacks are added at its end."""
    places = dict(table.columns)
    for column in SOURCE_CONFIG.columns:
        if column.name in wanted and column.name not in places:
            last = max((cell.column for cell in sheet[table.header_row] if cell.value is not None), default=0)
            places[column.name] = last + 1
            sheet.cell(table.header_row, last + 1, column.name)
            dress_header(sheet, last + 1, column, table.header_row)
    return places


def _put_widely(sheet: Worksheet, row: int, column: int, value: Any) -> None:
    put(sheet, row, column, value)
    width = sheet.column_dimensions[get_column_letter(column)]
    width.width = min(max(width.width or 0, len(as_text(value)) + 4), 40)


def _stretch(sheet: Worksheet, before: int, last: int) -> None:
    """Let the filter and the tables of the sheet reach the last row, where they reached the last one before."""
    for owner in (sheet.auto_filter, *sheet.tables.values()):
        if not owner.ref:
            continue
        left, top, right, bottom = range_boundaries(owner.ref)
        if bottom is not None and top is not None and top <= before and bottom >= before and bottom < last:
            owner.ref = f"{get_column_letter(left or 1)}{top}:{get_column_letter(right or 1)}{last}"


def _list(workbook: ExcelWorkbook, discovered: Sequence[Discovered], target: Target) -> None:
    rows = [_listed(one, target) for one in discovered]
    rows = [*_kept(workbook, {tuple(row[1:4]) for row in rows}, target, rows), *rows]
    if SHEET in workbook.sheetnames:
        del workbook[SHEET]
    sheet = workbook.create_sheet(SHEET)
    sheet.append(_COLUMNS)
    for number, row in enumerate(rows, 2):
        for column, value in enumerate(row, 1):
            alignment = Alignment(wrap_text=column == len(row) - 1, vertical="top")
            put(sheet, number, column, value).alignment = alignment
        if colour := _COLOURS.get(str(row[0])):
            sheet.cell(number, 1).fill = fill(colour)
        for column in (_COLUMNS.index("rows") + 1, _COLUMNS.index("size_bytes") + 1):
            sheet.cell(number, column).number_format = "#,##0"
        sheet.row_dimensions[number].height = 15.5 * (1 + len(str(row[-2] or "")) // _WIDTHS[-2])
    dress_list(sheet, _WIDTHS)


def _kept(
    workbook: ExcelWorkbook, now: set[tuple[Any, ...]], target: Target, rows: Sequence[Sequence[Any]]
) -> Iterator[list[Any]]:
    """The rows of earlier discoveries that this one says nothing of: those of other sources, schemas and tables."""
    if SHEET not in workbook.sheetnames:
        return
    schemas = {(row[1], row[2]) for row in rows}
    for row in workbook[SHEET].iter_rows(min_row=2, max_col=len(_COLUMNS), values_only=True):
        replaced = tuple(row[1:4]) in now or (target.like == "*" and (row[1], row[2]) in schemas)
        if any(row) and not replaced:
            yield list(row)


def _listed(one: Discovered, target: Target) -> list[Any]:
    columns = "\n".join(f"{name}: {kind}" for name, kind in one.columns.items())
    if len(columns) > _LONGEST_CELL:
        columns = columns[:_LONGEST_CELL] + "…"
    reasons = [one.reasons[name] for name in ("load_type", "watermark_column") if name in one.reasons]
    return [
        *(one.status, target.source_name, one.schema_name, one.name, one.job_id, one.rows, one.rows_are),
        *(one.size_bytes, one.cells.get("load_type"), one.cells.get("watermark_column")),
        one.note or " ".join(reasons) or None,
        columns or None,
    ]
