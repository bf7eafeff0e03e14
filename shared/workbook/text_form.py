"""A workbook as one YAML text and back: for a repository, where a difference can be read and reviewed.

The text has the sheets by name, each a list of rows by column name, every cell as the text that a person sees. Formats,
comments, blank rows and sheets of the user's own are no part of the configuration and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import yaml
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from shared.errors.hierarchy import WorkbookError
from shared.workbook.cells import BrokenCell, as_text, quoted
from shared.workbook.column import SheetSpec
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.kinds import did_you_mean
from shared.workbook.limits import DEFAULT_MAX_MEGABYTES
from shared.workbook.reader import read_sheets
from shared.workbook.sheets import DEFAULTS, REQUESTS, SHEETS, SOURCES
from shared.workbook.tables import Findings, Table, find_sheet, names_sheet, normal, read_table
from shared.workbook.template import write_workbook

Rows = dict[str, list[dict[str, str]]]
"""The rows of each sheet, by its name: cells as text, by column; blank ones are left out."""

_Cell = str | int | float | bool | date | None


def to_yaml(content: bytes, max_megabytes: int = DEFAULT_MAX_MEGABYTES) -> str:
    """A workbook as YAML.

    Args:
        content: The bytes of the xlsx file.
        max_megabytes: The largest file that is read, in MiB.

    Raises:
        WorkbookError: it cannot be read, has no jobs' sheet, or a cell has no value.
    """
    rows = rows_of(content, max_megabytes)
    text: str = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1000)
    return text


def from_yaml(text: str) -> bytes:
    """The workbook of a YAML text.

    Raises:
        WorkbookError: the text is not of that form; says where.
    """
    rows = _checked(_parsed(text))
    named = (rows.get(spec.name, []) for spec in (SOURCE_CONFIG, SOURCES, REQUESTS, DEFAULTS))
    return write_workbook(*named)


def rows_of(content: bytes, max_megabytes: int = DEFAULT_MAX_MEGABYTES) -> Rows:
    """The rows of a workbook's sheets, those of our own. Raises as `to_yaml`."""
    sheets = read_sheets(content, max_megabytes, lambda title: any(names_sheet(title, spec) for spec in SHEETS))
    rows: Rows = {}
    for spec in SHEETS:
        sheet = find_sheet(sheets, spec)
        table = read_table(sheet, spec, Findings([], [])) if sheet and sheet.rows else None
        if table is None and spec is SOURCE_CONFIG:
            raise WorkbookError(f"The workbook has no sheet {SOURCE_CONFIG.name} with a header row.")
        if table and (listed := [row for number in range(len(table.rows)) if (row := _row(table, number))]):
            rows[spec.name] = listed
    return rows or {SOURCE_CONFIG.name: []}


def _row(table: Table, number: int) -> dict[str, str]:
    row = table.rows[number]
    cells = {name: row.cells[place] for name, place in table.columns.items() if place in row.cells}
    for name, cell in cells.items():
        if isinstance(cell, BrokenCell):
            raise WorkbookError(f"{table.title}!{table.cell(name, row.number)} {name}: {quoted(cell)} {cell.reason}.")
    return {column.name: as_text(cells[column.name]) for column in table.spec.columns if column.name in cells}


def _parsed(text: str) -> Mapping[Any, Any]:
    try:
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise WorkbookError(f"The text is not YAML{place}: {error.problem}.") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WorkbookError("The text is not YAML.") from None
    if not isinstance(content, Mapping):
        raise WorkbookError(f"The text has no sheets: it begins like `{SOURCE_CONFIG.name}:`, with a list of rows.")
    return content


def _checked(content: Mapping[Any, Any]) -> Rows:
    rows: Rows = {}
    for title, listed in content.items():
        spec = next((one for one in SHEETS if names_sheet(str(title), one)), None)
        if spec is None:
            known = [one.name for one in SHEETS]
            raise WorkbookError(
                f"'{title}' is no sheet; there are {', '.join(known)}{did_you_mean(str(title), known)}."
            )
        if not isinstance(listed, list):
            raise WorkbookError(f"{spec.name} is not a list of rows: each begins with `- {spec.key.name}:`.")
        rows[spec.name] = [_checked_row(spec, number, row) for number, row in enumerate(listed, 1)]
    return rows


def _checked_row(spec: SheetSpec, number: int, row: Any) -> dict[str, str]:
    place = f"{spec.name}, row {number}"
    if not isinstance(row, Mapping):
        raise WorkbookError(f"{place}: {quoted(row)} is not a row of columns like `{spec.key.name}: …`.")
    cells: dict[str, str] = {}
    for name, value in row.items():
        column = normal(name)
        if column not in spec.by_name:
            hint = did_you_mean(column, list(spec.by_name))
            raise WorkbookError(f"{place}: '{name}' is not a known column{hint}.")
        if not isinstance(value, _Cell):
            raise WorkbookError(f"{place}, {name}: a cell holds one value; write {quoted(value)} as text in quotes.")
        if value is not None:
            cells[column] = as_text(value)
            if ILLEGAL_CHARACTERS_RE.search(cells[column]):
                raise WorkbookError(f"{place}, {name}: {quoted(value)} has a control character, which no cell holds.")
    return cells
