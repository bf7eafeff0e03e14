"""Rows of Excel workbooks and Parquet files that came by HTTP, as JSON would give them."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from shared.errors.hierarchy import SourceError, TransientError
from shared.sources.rest.archive import ZIP, too_large

log = logging.getLogger(__name__)

_BATCH = 10_000
_BYTES_OF_A_CELL = 16
_PLAIN = (bool, int, float, str, datetime, date, time, type(None))


def parquet_rows(body: bytes, limit: int, place: str) -> list[dict[str, Any]]:
    """The rows of a Parquet file.

    Args:
        body: The file.
        limit: Bytes of its values, uncompressed.
        place: The request, for messages.

    Raises:
        SourceError: it is none, or larger.
        TransientError: it breaks off.
    """
    if not body.startswith(b"PAR1"):
        raise SourceError(f"{place} gave no Parquet file.")
    if not body.endswith(b"PAR1"):
        raise TransientError(f"{place} gave a Parquet file that breaks off after {len(body)} bytes.")
    rows: list[dict[str, Any]] = []
    size = 0
    try:
        for batch in pq.ParquetFile(pa.BufferReader(body)).iter_batches(_BATCH):
            size += batch.nbytes
            if size > limit:
                raise too_large(place)
            rows += pa.RecordBatch.from_arrays(
                [_readable(one) for one in batch.columns], batch.schema.names
            ).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{place} gave a Parquet file that cannot be read: {str(error)[:200]}") from None
    return rows


def _readable(column: pa.Array[Any]) -> pa.Array[Any]:
    """A column whose values Python knows: it has no nanoseconds and no time spans."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        try:
            return column.cast(pa.timestamp("us", kind.tz))
        except pa.ArrowInvalid:
            return column.cast(pa.string())
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return column.cast(pa.time64("us"), safe=False)
    if pa.types.is_duration(kind):
        return column.cast(pa.int64())
    return column


def excel_rows(body: bytes, options: Mapping[str, str], limit: int, place: str) -> list[dict[str, Any]]:
    """The rows of a sheet of an Excel workbook.

    Args:
        body: The file.
        options: `sheet`, its name; `skip`, the lines before the header; `header`, N if there is none.
        limit: Bytes of its parts, uncompressed.
        place: The request, for messages.

    Raises:
        SourceError: it is none, or larger, or the sheet is not clear or has no header.
        TransientError: it breaks off.
    """
    if not body.startswith(ZIP):
        old = (
            "an old Excel file (xls), which is not read"
            if body.startswith(b"\xd0\xcf\x11\xe0")
            else "no Excel workbook"
        )
        raise SourceError(f"{place} gave {old}.")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(one.file_size for one in archive.infolist())  # zipfile reads no more of a part than it claims
            has_formulas = (
                any(b"<f" in archive.read(one) for one in archive.namelist() if one.startswith("xl/worksheets/sheet"))
                if size <= limit
                else False
            )
    except zipfile.BadZipFile:
        raise TransientError(f"{place} gave an Excel workbook that is damaged or breaks off.") from None
    if size > limit:
        raise too_large(place)
    lines = _sheet_lines(body, options.get("sheet"), limit // _BYTES_OF_A_CELL, place, has_formulas)
    return _with_names(list(lines)[int(options.get("skip", "0")) :], options.get("header", "Y") == "Y", place)


def _sheet_lines(body: bytes, sheet: str | None, cells: int, place: str, has_formulas: bool) -> Iterator[list[Any]]:
    import openpyxl

    values = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(io.BytesIO(body), read_only=True) if has_formulas else None
    names = values.sheetnames
    if (sheet is None and len(names) > 1) or (sheet is not None and sheet not in names):
        raise SourceError(
            f"{place} gave a workbook with the sheets {', '.join(names[:10])}; name the one that is meant as sheet in "
            "api_format_options."
        )
    errors = 0
    written = formulas[sheet or names[0]].iter_rows(values_only=True) if formulas else None
    for number, line in enumerate(values[sheet or names[0]].iter_rows(), 1):
        cells -= len(line)
        if cells < 0:
            raise SourceError(f"{place} gave a sheet with more cells than the setting API_MAX_MEGABYTES allows.")
        row = [None if cell.data_type == "e" else cell.value for cell in line]
        errors += sum(cell.data_type == "e" for cell in line)
        for column, text in enumerate(next(written) if written else (), 1):
            if isinstance(text, str) and text.startswith("=") and line[column - 1].value is None:
                raise SourceError(
                    f"{place} gave a workbook whose formula in row {number}, column {column} has no value: the program "
                    "that wrote it has not calculated it."
                )
        yield [value if isinstance(value, _PLAIN) else str(value) for value in row]
    if errors:
        log.warning("%s gave a workbook with %s cells that hold an error, such as #N/A: they are null.", place, errors)


def _with_names(lines: list[list[Any]], has_header: bool, place: str) -> list[dict[str, Any]]:
    lines = [line for line in lines if any(value is not None for value in line)]
    if not lines:
        raise SourceError(f"{place} gave a sheet without a single line, where a header was expected.")
    width = max(index for line in lines for index, value in enumerate(line, 1) if value is not None)
    if has_header:
        names, lines = [None if name is None else str(name).strip() for name in lines[0]][:width], lines[1:]
        names += [None] * (width - len(names))
    else:
        names = [f"column_{number}" for number in range(1, width + 1)]
    for column, name in enumerate(names):
        if not name and any(len(line) > column and line[column] is not None for line in lines):
            raise SourceError(f"{place} gave a sheet whose column {column + 1} has no name.")
        if name and name in names[:column]:
            first = names.index(name) + 1  # the name may be a value, if the sheet has no header
            raise SourceError(f"{place} gave a sheet whose columns {first} and {column + 1} have one name.")
    return [{name: value for name, value in zip(names, line, strict=False) if name} for line in lines]
