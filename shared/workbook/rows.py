"""From rows of cells to rows of typed values: each cell by its column's kind, then what is required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.models.job import Job
from shared.workbook.cells import quoted
from shared.workbook.column import SheetSpec
from shared.workbook.inheritance import INHERITED, NO_DEFAULT, Default, Inheritance
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
        origins: The cells that have the values that are not in the row itself, and placeholders, by column.
        refused: The columns whose cells are refused.
    """

    row: int
    values: dict[str, Any]
    complete: bool
    origins: dict[str, str] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()

    def with_defaults(self, spec: SheetSpec) -> dict[str, Any]:
        """The values with every column's default; what was refused counts as blank."""
        return {**spec.defaults, **self.values}

    def fields(self, spec: SheetSpec) -> dict[str, Any]:
        """The values by the fields of the sheet's model."""
        fields = {spec.by_name[name].field or name: value for name, value in self.values.items()}
        own = {name: value for name, value in fields.items() if name in spec.model.model_fields}
        origins = {"origins": self.origins} if self.origins and "origins" in spec.model.model_fields else {}
        return {**own, **origins, "row": self.row}


def parse_rows(table: Table, found: Findings, inheritance: Inheritance | None = None) -> list[Draft]:
    """The typed rows of a table; what is wrong with single cells is added to `found`.

    Args:
        table: The table.
        found: Takes what is wrong.
        inheritance: What placeholders stand for, and what blank cells take from elsewhere.
    """
    inheritance = inheritance or Inheritance()
    names = {number: name for name, number in table.columns.items()}
    drafts = []
    for row in table.rows:
        cells = {names[number]: value for number, value in row.cells.items() if number in names}
        if cells:  # else a note beside the table
            drafts.append(_parse_row(cells, row.number, table, found, inheritance))
    return drafts


def _parse_row(cells: Mapping[str, object], row: int, table: Table, found: Findings, inheritance: Inheritance) -> Draft:
    cells = _without_words_for_nothing(cells, row, table, found)
    takes = table.spec.model is Job
    blanked = {name for name, cell in cells.items() if takes and cell == NO_DEFAULT and name in INHERITED}
    cells = {name: cell for name, cell in cells.items() if name not in blanked}
    origins: dict[str, str] = {}
    parsed = {name: _parse_cell(name, cell, row, table, found, inheritance, origins) for name, cell in cells.items()}
    values = {name: value for name, value in parsed.items() if value is not None}
    given = inheritance.of(values) if takes else {}
    given = {name: default for name, default in given.items() if name not in cells and name not in blanked}
    taken = {name: default for name, default in given.items() if default.value is not None}
    unusable = given.keys() - taken.keys()  # said where it is
    taken = _that_apply(taken, {**table.spec.defaults, **_plain(taken), **values}, table)
    all_values = {**table.spec.defaults, **_plain(taken), **values}
    has = cells.keys() | taken.keys() | unusable
    missing = [column for column in table.spec.columns if column.name not in has and column.is_required(all_values)]
    for column in missing:
        # else said once, of the header
        if column.required is not True or column.name in table.columns or column.name in inheritance.columns:
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
    origins |= {name: default.origin for name, default in taken.items()}
    return Draft(
        row,
        {**_plain(taken), **values},
        complete=not (refused or missing or unusable),
        origins=origins,
        refused=frozenset(refused),
    )


def _plain(taken: Mapping[str, Default]) -> dict[str, Any]:
    return {name: default.value for name, default in taken.items()}


def _that_apply(taken: Mapping[str, Default], row: Mapping[str, Any], table: Table) -> dict[str, Default]:
    """The defaults that have a meaning for a row; others are for other rows."""
    columns = table.spec.by_name
    return {
        name: default
        for name, default in taken.items()
        if (applies := columns[name].applies) is None or applies.holds(row)
    }


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


def _parse_cell(
    name: str,
    cell: object,
    row: int,
    table: Table,
    found: Findings,
    inheritance: Inheritance,
    origins: dict[str, str],
) -> object:
    """The typed value, None if the cell is refused; a cell with placeholders is added to `origins`."""
    try:
        filled, names = inheritance.filled(name, cell)
        if names:
            found.placeholders |= {one: inheritance.values[one] for one in names}
            used = ", ".join(f"{{{one}}} = {inheritance.values[one]}" for one in names)
            origins[name] = f"{table.title}!{table.cell(name, row)} ({used})"
        return parse_cell(table.spec.by_name[name].kind, filled)
    except InvalidCellError as error:
        found.problems.append(table.problem(name, row, f"{quoted(cell)} {error}"))
        return None
