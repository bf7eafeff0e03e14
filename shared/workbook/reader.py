"""xlsx → sheets of cells with their places. Whatever else the bytes are, one clear sentence refuses them."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import iterparse

import openpyxl
from openpyxl.utils import coordinate_to_tuple, get_column_letter
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import FORMULA_TAG, INLINE_STRING, MERGE_TAG, ROW_TAG, WorkSheetParser
from openpyxl.worksheet.merge import MergeCells
from openpyxl.xml.constants import SHEET_MAIN_NS

from shared.errors.hierarchy import WorkbookError
from shared.workbook.archive import CONTENT_TYPES, as_excel_reads
from shared.workbook.cells import BrokenCell, clean
from shared.workbook.limits import refuse_beyond_limits

# An xlsx compresses about tenfold; what grows far beyond that was made to fill our memory.
MAX_EXPANSION = 10
_MOST_EXACT = 10**15  # Excel puts zeros in the place of further digits
_MEGABYTE = 1024 * 1024
_OLE_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}t"


@dataclass(frozen=True)
class Row:
    """One row that holds something: its number as Excel shows it and its cells by column number, from 1."""

    number: int
    cells: dict[int, object]


@dataclass
class Sheet:
    """The rows of one sheet, blank ones left out."""

    title: str
    rows: list[Row] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    merged_ranges: list[str] = field(default_factory=list)


def address(column: int, row: int) -> str:
    """The cell's name, `F7`."""
    return f"{get_column_letter(column)}{row}"


def read_sheets(content: bytes, max_megabytes: int, wanted: Callable[[str], bool]) -> list[Sheet]:
    """Every sheet of a workbook; of those that are not wanted only the title.

    Args:
        content: The bytes of an xlsx file.
        wanted: Whether the sheet of a title is read: many sheets may share one part, which is large.
        max_megabytes: The largest file that is read, in MiB; unpacked it may be `MAX_EXPANSION` times as large.

    Raises:
        WorkbookError: the bytes are not a workbook that can or may be read.
    """
    _refuse_other_formats(content, max_megabytes)
    try:
        _refuse_traps(content, max_megabytes)
        content = as_excel_reads(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of formats it drops; we read values only
            workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            sheets = [sheet for sheet in workbook.worksheets if isinstance(sheet, ReadOnlyWorksheet)]
            return [_read_sheet(sheet) if wanted(sheet.title) else Sheet(sheet.title) for sheet in sheets]
    except (WorkbookError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes zipfile, the XML parser and openpyxl raise anything
        raise WorkbookError(
            f"The workbook is damaged and cannot be read ({type(error).__name__}). "
            "Open it in Excel or LibreOffice and save it again as .xlsx."
        ) from error


def _refuse_other_formats(content: bytes, max_megabytes: int) -> None:
    if not content:
        raise WorkbookError("The file is empty. Upload an Excel workbook (.xlsx).")
    if len(content) > max_megabytes * _MEGABYTE:
        raise WorkbookError(
            f"The file has {len(content) / _MEGABYTE:.1f} MiB, more than the {max_megabytes} MiB allowed "
            "(setting WORKBOOK_MAX_MEGABYTES). Remove what is not configuration from the workbook."
        )
    if content.startswith(_OLE_SIGNATURE):
        if _ENCRYPTED_STREAM in content:
            raise WorkbookError("The workbook is encrypted with a password. Remove the password and save it again.")
        raise WorkbookError("The file has the old .xls format. Save it as Excel Workbook (.xlsx).")
    if not content.startswith(b"PK"):
        raise WorkbookError("The file is not an Excel workbook. Save it as Excel Workbook (.xlsx).")


def _refuse_traps(content: bytes, max_megabytes: int) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = set(archive.namelist())
        # zipfile reads no more of an entry than the size declared here, so the declared size can be trusted.
        expanded = sum(entry.file_size for entry in archive.infolist())
        if CONTENT_TYPES.lower() not in map(str.lower, names):
            raise WorkbookError(
                "The file is a zip archive, but not an Excel workbook. Save it as Excel Workbook (.xlsx)."
            )
        if "xl/workbook.bin" in names:
            raise WorkbookError("The file has the binary .xlsb format. Save it as Excel Workbook (.xlsx).")
        if expanded > MAX_EXPANSION * max_megabytes * _MEGABYTE:
            raise WorkbookError(
                f"The file unpacks to {expanded // _MEGABYTE} MiB, more than the {MAX_EXPANSION * max_megabytes} MiB "
                "allowed. Copy the rows into a new workbook."
            )
        refuse_beyond_limits(archive)


class _SheetParser(WorkSheetParser):
    """openpyxl's own parser of cells, which also reports hidden rows, merged cells and uncalculated formulas.

    The public read-only sheet hides those three, fails on formats that do not matter here, and pads gaps between
    rows, which lets one forged row number make it yield empty rows without end.
    """

    def rows(self) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """Row numbers and cells, one row at a time."""
        # C's parser takes a third of the time of defusedxml's; `refuse_beyond_limits` has closed what that one guards.
        element: Any  # openpyxl's stubs describe elements too narrowly
        for _, element in iterparse(self.source):  # noqa: S314
            if element.tag == ROW_TAG:
                yield self.parse_row(element)
                element.clear()
            elif element.tag == MERGE_TAG:
                self.merged_cells = MergeCells.from_tree(element)

    def parse_cell(self, element: Any) -> dict[str, Any]:
        text = element.find(INLINE_STRING) if element.get("t") == "inlineStr" else None
        if text is not None and len(text) == 1 and text[0].tag == _TEXT_TAG:  # a tenth of the time of openpyxl's way
            row, column = coordinate_to_tuple(element.get("r") or address(self.col_counter + 1, self.row_counter))
            self.col_counter = column
            return {"row": row, "column": column, "value": text[0].text, "data_type": "s"}
        cell: dict[str, Any] = super().parse_cell(element)
        formula = element.find(FORMULA_TAG) if cell["value"] is None else None
        if formula is not None:
            cell |= {"value": f"={formula.text or ''}", "data_type": "f"}
        return cell


def _read_sheet(sheet: Any) -> Sheet:
    workbook = sheet.parent
    with sheet._get_source() as source:
        parser = _SheetParser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=workbook.epoch,
            date_formats=workbook._date_formats,
            timedelta_formats=workbook._timedelta_formats,
        )
        rows = [row for row in map(_row, parser.rows()) if row.cells]
    hidden = [int(number) for number, row in parser.row_dimensions.items() if row.get("hidden") in ("1", "true")]
    merged = [str(cells.ref) for cells in parser.merged_cells.mergeCell] if parser.merged_cells else []
    return Sheet(sheet.title, rows, hidden_rows=hidden, merged_ranges=merged)


def _row(row: tuple[int, list[dict[str, Any]]]) -> Row:
    number, cells = row
    values = ((cell["column"], _value(cell)) for cell in cells)
    return Row(number, {column: value for column, value in values if value is not None})


def _value(cell: dict[str, Any]) -> object:
    value = cell["value"]
    if cell["data_type"] == "f":
        return BrokenCell(value, "is a formula without a calculated value; open and save the workbook in Excel")
    if cell["data_type"] == "e" and value is not None:
        return BrokenCell(str(value), "is an error of a formula; correct the formula or write the value itself")
    if isinstance(value, (int, float)) and _MOST_EXACT <= abs(value) < math.inf:
        reason = "has more digits than the 15 that Excel keeps of a number; format the cell as text, and type it again"
        return BrokenCell(f"{value:.0f}", reason)
    return clean(value)
