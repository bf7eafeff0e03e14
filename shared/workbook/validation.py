"""Bytes → configuration or problems: every problem of a workbook in one pass, each with its cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import WorkbookError
from shared.models import Job
from shared.workbook.cells import quoted
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.configuration import Configuration, Problem, Report
from shared.workbook.kinds import InvalidCellError, parse_cell
from shared.workbook.reader import Row, read_sheets
from shared.workbook.rules import Draft, check_jobs
from shared.workbook.tables import Findings, Table, find_sheet, read_table

DEFAULT_MAX_MEGABYTES = 20


def validate(content: bytes, max_megabytes: int = DEFAULT_MAX_MEGABYTES) -> Report:
    """Read and check a workbook; whatever the bytes are, the answer is a report.

    Args:
        content: The bytes of the file.
        max_megabytes: The largest file that is read, in MiB.
    """
    found = Findings([], [])
    try:
        sheets = read_sheets(content, max_megabytes)
    except WorkbookError as error:
        return Report(problems=(Problem(message=str(error)),))
    sheet = find_sheet(sheets, SOURCE_CONFIG)
    if sheet is None:
        titles = ", ".join(sheet.title for sheet in sheets) or "none"
        message = f"The workbook has no sheet {SOURCE_CONFIG.name}. It has: {titles}. Rename the one with the jobs."
        return Report(problems=(Problem(message=message),))
    table = read_table(sheet, SOURCE_CONFIG, found)
    jobs: list[Job] = []
    if table is not None:
        drafts = list(_parse_rows(table, found))
        check_jobs(drafts, table, found)
        jobs = [Job(row=draft.row, **draft.values) for draft in drafts if draft.complete]
    problems, warnings = tuple(found.problems), tuple(found.warnings)
    if problems:
        return Report(problems=problems, warnings=warnings)
    return Report(configuration=Configuration(jobs=tuple(jobs), warnings=warnings), warnings=warnings)


def _parse_rows(table: Table, found: Findings) -> Iterator[Draft]:
    names = {number: name for name, number in table.columns.items()}
    for row in table.rows:
        cells = {names[number]: value for number, value in row.cells.items() if number in names}
        if not cells:
            continue  # a note beside the table
        before = len(found.problems)
        values = _parse_cells(cells, row, table, found)
        _check_required(cells, values, row, table, found)
        yield Draft(row.number, values, complete=len(found.problems) == before)


def _parse_cells(cells: Mapping[str, object], row: Row, table: Table, found: Findings) -> dict[str, Any]:
    parsed = ((name, _parse_cell(name, cell, row, table, found)) for name, cell in cells.items())
    return {name: value for name, value in parsed if value is not None}


def _parse_cell(name: str, cell: object, row: Row, table: Table, found: Findings) -> object:
    """The typed value, None where the cell is refused."""
    try:
        return parse_cell(table.spec.by_name[name].kind, cell)
    except InvalidCellError as error:
        found.problems.append(table.problem(name, row.number, f"{quoted(cell)} {error}"))
        return None


def _check_required(
    cells: Mapping[str, object], values: Mapping[str, Any], row: Row, table: Table, found: Findings
) -> None:
    for column in table.spec.columns:
        present = column.name in cells
        if not present and column.is_required(values):
            if column.name not in table.columns and column.required is True:
                continue  # said once, of the header
            why = "" if column.required is True else f" when {column.required}"
            message = f"is blank, but a value is required{why}; for example {column.example}"
            found.problems.append(table.problem(column.name, row.number, message))
        elif present and column.applies is not None and not column.applies.holds(values):
            ignored = column.name in values and values[column.name] != table.spec.default(column)
            if ignored and column.applies.column in values:
                message = f"{quoted(cells[column.name])} is ignored: it has a meaning only when {column.applies}"
                found.warnings.append(table.problem(column.name, row.number, message))
