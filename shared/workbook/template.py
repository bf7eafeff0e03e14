"""Writes workbooks from the declared columns."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook
from openpyxl.styles import Font

from shared.workbook.columns import SOURCE_CONFIG


def write_workbook(rows: Sequence[Mapping[str, object]]) -> bytes:
    """An xlsx file with these rows.

    Args:
        rows: The jobs, each by column name; what is left out stays blank.
    """
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.title = SOURCE_CONFIG.name
    names = [column.name for column in SOURCE_CONFIG.columns]
    sheet.append(names)
    for row in rows:
        sheet.append([row.get(name) for name in names])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "B2"
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()
