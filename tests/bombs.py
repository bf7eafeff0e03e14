"""Workbooks of a few kilobytes that were made to fill memory, or to keep a processor busy for hours."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
from openpyxl.styles import PatternFill

from tests.builders import a_workbook
from tests.unit.workbook.archives import with_part

SHEET = "xl/worksheets/sheet1.xml"
_JOBS = {"load_type": "INCR"}  # refused, so that it is annotated


def _edited(change: Callable[[Any], None], *rows: dict[str, Any]) -> bytes:
    """A workbook as openpyxl writes it after a change to its first sheet."""
    workbook = openpyxl.load_workbook(io.BytesIO(a_workbook(*(rows or (_JOBS,)))))
    change(workbook["SourceConfig"])
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


def _sheet_of(content: bytes) -> str:
    """The part of the sheet SourceConfig."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return next(name for name in archive.namelist() if b'"job_id"' in archive.read(name) or name == SHEET)


def _before_end_of(tag: bytes, added: bytes, part: str = "") -> Callable[[], bytes]:
    def made() -> bytes:
        content = a_workbook(_JOBS)
        return with_part(
            content, part or _sheet_of(content), lambda old: old.replace(b"</" + tag, added + b"</" + tag, 1)
        )

    return made


def far_cell() -> bytes:
    """One coloured cell in the last row and a far column."""
    return _edited(lambda sheet: setattr(sheet["GZ1048576"], "fill", PatternFill("solid", start_color="FFFF0000")))


def long_row() -> bytes:
    """One row of five million cells."""
    return _before_end_of(b"sheetData", b"<row>" + b"<c/>" * 5_000_000 + b"</row>")()


def many_requests() -> bytes:
    """Three thousand orders for jobs that do not exist, beside three thousand that do."""
    orders = [{"request_id": f"r{n}", "job_id": f"no_such_job_{n}", "action": "run"} for n in range(3000)]
    return a_workbook(*({} for _ in range(3000)), requests=orders)


def many_merges() -> bytes:
    """Three thousand merges that overlap, over twenty thousand rows."""
    content = a_workbook(*({} for _ in range(2000)))
    ranges = b"".join(b'<mergeCell ref="C%d:C20000"/>' % row for row in range(3, 3003))
    added = b"</sheetData><mergeCells>" + ranges + b"</mergeCells>"
    return with_part(content, _sheet_of(content), lambda old: old.replace(b"</sheetData>", added, 1))


def _merge(reference: bytes) -> Callable[[], bytes]:
    added = b'</sheetData><mergeCells><mergeCell ref="' + reference + b'"/></mergeCells>'

    def made() -> bytes:
        content = a_workbook(_JOBS)
        return with_part(content, _sheet_of(content), lambda old: old.replace(b"</sheetData>", added, 1))

    return made


def shared_column_types() -> bytes:
    """A cell of 32,000 commas, which two thousand rows share."""
    return a_workbook(*({"column_types": ("a:text," * 4000)[:31_000]} for _ in range(2000)))


BOMBS: dict[str, Callable[[], bytes]] = {
    "a far cell": far_cell,
    "a merge of the whole sheet": _merge(b"A1:XFD1048576"),
    "a long row": long_row,
    "a million formats": _before_end_of(b"cellXfs>", b'<xf numFmtId="0"/>' * 1_000_000, "xl/styles.xml"),
    "a million fonts": _before_end_of(b"fonts>", b"<font/>" * 1_000_000, "xl/styles.xml"),
    "a link of the whole sheet": _before_end_of(
        b"worksheet>", b'<hyperlinks><hyperlink ref="A1:XFD1048576" location="x"/></hyperlinks>'
    ),
    "a well": _before_end_of(b"sheetData", b"<row>" * 200_000 + b"</row>" * 200_000),
    "a long text": _before_end_of(
        b"sheetData", b'<row><c t="inlineStr"><is><t>' + b"x" * 50_000_000 + b"</t></is></c></row>"
    ),
    "a long attribute": _before_end_of(b"sheetData", b'<row r="' + b"1" * 10_000_000 + b'"/>'),
    "many sheets": _before_end_of(
        b"sheets>",
        b"".join(b'<sheet name="s%d" sheetId="%d" r:id="rId1"/>' % (n, n) for n in range(9, 5000)),
        "xl/workbook.xml",
    ),
    "commas in column_types": lambda: a_workbook({"column_types": "," * 30_000}),
    "brackets in column_types": lambda: a_workbook({"column_types": "(" * 30_000}),
    "spaces in column_types": lambda: a_workbook({"column_types": "a" + " " * 30_000 + ":"}),
    "pairs in api_params": lambda: a_workbook(
        {"source_type": "API", "api_params": "&".join(f"a{n}=1" for n in range(5000))}
    ),
    "pairs in JSON": lambda: a_workbook(
        {"source_type": "API", "api_params": "{" + ",".join(f'"{n}":1' for n in range(3000)) + "}"}
    ),
    "levels in api_body": lambda: a_workbook(
        {"source_type": "API", "api_method": "POST", "api_body": '{"a":' + "[" * 30_000}
    ),
    "names in included_columns": lambda: a_workbook({"included_columns": ",".join(f"a{n}" for n in range(5000))}),
    "stars in a pattern": lambda: a_workbook({"included_columns": "*a" * 60 + "b", "primary_key": "a" * 120}),
    "brackets in a filter": lambda: a_workbook({"query_filter": "(" * 3000 + "a = 1" + ")" * 3000}),
    "nots in a filter": lambda: a_workbook({"query_filter": "not " * 990 + "a"}),
    "a filter that sqlglot stumbles over": lambda: a_workbook(
        {"source_type": "MSSQL", "enabled": "N", "query_filter": "HASHBYTES('MD5') = 0x0"}
    ),
    "a long schedule": lambda: a_workbook({"schedule": "*/1," * 8000}),
    "a long word for a choice": lambda: a_workbook({"load_type": "INCREMENTA" * 3000}),
    "shared column_types": shared_column_types,
    "many requests": many_requests,
    "many merges": many_merges,
}
"""Each makes a workbook that the app must refuse or read, quickly and in little memory."""
