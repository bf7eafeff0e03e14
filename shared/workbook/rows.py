"""From rows of cells to rows of typed values: each cell by its column's kind, then what is required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.workbook.cells import quoted
from shared.workbook.column import SheetSpec
from shared.workbook.kinds import InvalidCellError, parse_cell
from shared.workbook.tables import Findings, Table

_NOTHING = frozenset({"null", "none", "nan", "n/a", "#n/a", "(null)", "<null>"})
"""Words that databases and programs write where they have no value."""


@dataclass(frozen=True)
class Draft:
    """One row of typed values by column name.

    Attributes:
        row: Its number in the sheet.
        values: The cells that are neither blank nor refused.
        complete: Whether nothing that is required is missing or refused: the row makes a model.
    """

    row: int
    values: dict[str, Any]
    complete: bool

    def with_defaults(self, spec: SheetSpec) -> dict[str, Any]:
        """The values with every column's default; what was refused counts as blank."""
        return {**spec.defaults, **self.values}

    def fields(self, spec: SheetSpec) -> dict[str, Any]:
        """The values by the fields of the sheet's model."""
        fields = {spec.by_name[name].field or name: value for name, value in self.values.items()}
        return {**fields, "row": self.row}


def parse_rows(table: Table, found: Findings) -> list[Draft]:
    """The typed rows of a table; what is wrong with single cells is added to `found`."""
    names = {number: name for name, number in table.columns.items()}
    drafts = []
    for row in table.rows:
        cells = {names[number]: value for number, value in row.cells.items() if number in names}
        if cells:  # else a note beside the table
            drafts.append(_parse_row(cells, row.number, table, found))
    return drafts


def _parse_row(cells: Mapping[str, object], row: int, table: Table, found: Findings) -> Draft:
    cells = _without_words_for_nothing(cells, row, table, found)
    parsed = {name: _parse_cell(name, cell, row, table, found) for name, cell in cells.items()}
    values = {name: value for name, value in parsed.items() if value is not None}
    all_values = {**table.spec.defaults, **values}
    missing = [column for column in table.spec.columns if column.name not in cells and column.is_required(all_values)]
    for column in missing:
        if column.required is not True or column.name in table.columns:  # else said once, of the header
            when = "" if column.required is True else f" when {column.required}"
            message = f"is blank, but a value is required{when}; for example {column.example}"
            found.problems.append(table.problem(column.name, row, message))
    refused = parsed.keys() - values.keys()
    for name in values:
        applies = table.spec.by_name[name].applies
        known = applies is None or applies.holds(all_values) or applies.column in refused
        if not known and values[name] != table.spec.defaults.get(name):
            message = f"{quoted(cells[name])} is ignored: it has a meaning only when {applies}"
            found.warnings.append(table.problem(name, row, message))
    return Draft(row, values, complete=not refused and not missing)


def _without_words_for_nothing(
    cells: Mapping[str, object], row: int, table: Table, found: Findings
) -> Mapping[str, object]:
    """The cells without those of optional columns that hold a word which programs write for a blank cell."""
    kept: dict[str, object] = {}
    for name, cell in cells.items():
        column = table.spec.by_name[name]
        is_word = isinstance(cell, str) and cell.casefold() in _NOTHING and not column.required
        if is_word and str(cell).casefold() not in map(str.casefold, column.kind.allowed):
            found.warnings.append(table.problem(name, row, f"{quoted(cell)} is read as blank; leave the cell empty"))
        else:
            kept[name] = cell
    return kept


def _parse_cell(name: str, cell: object, row: int, table: Table, found: Findings) -> object:
    """The typed value, None if the cell is refused."""
    try:
        return parse_cell(table.spec.by_name[name].kind, cell)
    except InvalidCellError as error:
        found.problems.append(table.problem(name, row, f"{quoted(cell)} {error}"))
        return None
