"""From the cells of a sheet to rows by column name: finds the sheet and its header as people write them."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from openpyxl.utils import get_column_letter, range_boundaries

from shared.workbook.cells import as_text, quoted
from shared.workbook.column import SheetSpec
from shared.workbook.configuration import Problem
from shared.workbook.kinds import did_you_mean
from shared.workbook.reader import Row, Sheet, address

_HEADER_SEARCH = 20  # rows; people put titles and notes above the header


@dataclass(frozen=True)
class Table:
    """The data rows of one sheet, with the place of every column."""

    spec: SheetSpec
    title: str
    header_row: int
    columns: dict[str, int]  # name → column number
    rows: list[Row]

    def cell(self, column: str, row: int) -> str:
        """The name of a cell; that of the row's key if the sheet does not have the column."""
        return address(self.columns.get(column) or self.columns.get(self.spec.key.name, 1), row)

    def problem(self, column: str, row: int, message: str) -> Problem:
        """A problem at a cell of this table."""
        return Problem(sheet=self.title, cell=self.cell(column, row), column=column, message=message)


@dataclass
class Findings:
    """What was found on the way: what makes the workbook invalid, what is worth a look, the placeholders it has."""

    problems: list[Problem]
    warnings: list[Problem]
    comparisons_left: int = 30_000
    placeholders: dict[str, str] = field(default_factory=dict)

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """As `kinds.did_you_mean`, until so many words were compared: there may be a wrong one in each of many rows."""
        self.comparisons_left -= len(known)
        return did_you_mean(word, known) if self.comparisons_left >= 0 else ""


def find_sheet(sheets: Sequence[Sheet], spec: SheetSpec) -> Sheet | None:
    """The sheet of that name, in any case and with or without spaces."""
    named = [sheet for sheet in sheets if names_sheet(sheet.title, spec)]
    return next((sheet for sheet in named if sheet.title == spec.name), named[0] if named else None)


def names_sheet(title: str, spec: SheetSpec) -> bool:
    """Whether a sheet's title, as the user wrote it, means this sheet."""
    return _squeezed(title) == _squeezed(spec.name)


def read_table(sheet: Sheet, spec: SheetSpec, found: Findings, elsewhere: Collection[str] = ()) -> Table | None:
    """The table of a sheet, None if it has no header.

    What is wrong or odd about the header, the merged and the hidden cells is added to `found`. Required columns whose
    values may be `elsewhere` may be missing.
    """
    header = _find_header(sheet, spec)
    if header is None:
        names = ", ".join(column.name for column in spec.columns[:3])
        message = f"there is no header row; write the column names ({names}, …) into the first row"
        found.problems.append(Problem(sheet=sheet.title, message=message))
        return None
    columns = _match_columns(sheet, spec, header, found, elsewhere)
    table = Table(spec, sheet.title, header.number, columns, [row for row in sheet.rows if row.number > header.number])
    _fill_merged(sheet, table, found)
    _warn_of_hidden(sheet, table, found)
    return table


def normal(name: object) -> str:
    """A header as it is compared: `Job ID *` and `job-id` are job_id."""
    text = unicodedata.normalize("NFKC", as_text(name)).casefold()
    return re.sub(r"[\s_-]+", "_", text.replace("*", "").strip())


def _squeezed(title: str) -> str:
    return normal(title).replace("_", "")


def _find_header(sheet: Sheet, spec: SheetSpec) -> Row | None:
    for row in sheet.rows[:_HEADER_SEARCH]:
        names = {normal(value) for value in row.cells.values()}
        if spec.key.name in names or len(names & spec.by_name.keys()) >= 3:
            return row
    return None


def _match_columns(
    sheet: Sheet, spec: SheetSpec, header: Row, found: Findings, elsewhere: Collection[str]
) -> dict[str, int]:
    columns: dict[str, int] = {}
    unknown: list[tuple[int, object]] = []
    for number, value in header.cells.items():
        name = normal(value)
        cell = address(number, header.number)
        if name not in spec.by_name:
            unknown.append((number, value))
        elif name in columns:
            message = f"the column is there twice, here and in {address(columns[name], header.number)}; remove one"
            found.problems.append(Problem(sheet=sheet.title, cell=cell, column=name, message=message))
        else:
            columns[name] = number
    missing = [column.name for column in spec.columns if column.name not in columns]
    for number, value in unknown:
        message = f"{quoted(value)} is not a known column and is ignored{found.did_you_mean(normal(value), missing)}"
        found.warnings.append(Problem(sheet=sheet.title, cell=address(number, header.number), message=message))
    for column in spec.columns:
        if column.required is True and column.name not in columns and column.name not in elsewhere:
            message = "the column is missing; add it to the header row"
            place = f"A{header.number}"
            found.problems.append(Problem(sheet=sheet.title, cell=place, column=column.name, message=message))
    return columns


def _fill_merged(sheet: Sheet, table: Table, found: Findings) -> None:
    """Give the value of cells merged over several rows to each of them: that is what it looks like to a person."""
    names = {number: name for name, number in table.columns.items()}
    rows = {row.number: row for row in table.rows}
    ordered = sorted(rows)
    filled: dict[int, int] = {}  # down to which row each column is: no two merges may overlap, and none costs twice
    for left, top, right, bottom in sorted(_boundaries(sheet.merged_ranges)):
        if left != right or left not in names or top not in rows or top <= filled.get(left, 0):
            continue
        filled[left] = bottom
        value = rows[top].cells.get(left)
        below = [rows[number] for number in ordered[bisect_right(ordered, top) : bisect_right(ordered, bottom)]]
        if value is None or not below:
            continue
        for row in below:
            row.cells[left] = value
        message = f"is merged over {get_column_letter(left)}{top}:{get_column_letter(left)}{bottom}; " + (
            f"its value {quoted(value)} counts for each of the rows"
        )
        found.warnings.append(table.problem(names[left], top, message))


def _boundaries(ranges: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, right and bottom of ranges; whole columns and rows, which have no end, are left out."""
    for text in ranges:
        left, top, right, bottom = range_boundaries(text)
        if left is not None and top is not None and right is not None and bottom is not None:
            yield left, top, right, bottom


def _warn_of_hidden(sheet: Sheet, table: Table, found: Findings) -> None:
    hidden = set(sheet.hidden_rows)
    rows = [row.number for row in table.rows if row.number in hidden]
    if rows:
        message = f"{len(rows)} hidden row(s) are read like the others; the first is row {rows[0]}"
        found.warnings.append(Problem(sheet=sheet.title, cell=f"A{rows[0]}", message=message))
