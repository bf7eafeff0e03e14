"""Workbooks as people and programs really make them, and files that are none."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas
import pytest
import xlsxwriter
from openpyxl.chart import BarChart
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from shared.workbook.configuration import Configuration
from shared.workbook.validation import validate
from tests.builders import a_row, a_workbook
from tests.unit.workbook.archives import with_part

FIXTURES = Path(__file__).parents[2] / "fixtures" / "workbooks"
ROWS: list[dict[str, Any]] = [
    a_row(job_id="first", table_name="a"),
    a_row(job_id="second", table_name="b", load_type="INCREMENTAL", watermark_column="id", last_watermark=5),
]


def edited(edit: Callable[[Worksheet], object], *rows: dict[str, object]) -> bytes:
    """A workbook of valid rows, changed by hand."""
    workbook = openpyxl.load_workbook(io.BytesIO(a_workbook(*rows)))
    edit(workbook["SourceConfig"])
    return saved(workbook)


def saved(workbook: Workbook) -> bytes:
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


def read(content: bytes) -> Configuration:
    report = validate(content)
    assert report.problems == ()
    assert report.configuration is not None
    return report.configuration


def by_openpyxl() -> bytes:
    workbook = Workbook()
    sheet = workbook.create_sheet("SourceConfig")
    sheet.append([*ROWS[1]])
    for row in ROWS:
        sheet.append([row.get(name) for name in ROWS[1]])
    return saved(workbook)


def by_xlsxwriter() -> bytes:
    output = io.BytesIO()
    with xlsxwriter.Workbook(output) as workbook:
        sheet = workbook.add_worksheet("SourceConfig")
        for row, values in enumerate([{name: name for name in ROWS[1]}, *ROWS]):
            for column, name in enumerate(ROWS[1]):
                sheet.write(row, column, values.get(name))
    return output.getvalue()


def by_pandas() -> bytes:
    output = io.BytesIO()
    pandas.DataFrame(ROWS).to_excel(output, sheet_name="SourceConfig", index=False)
    return output.getvalue()


@pytest.mark.parametrize("program", [by_openpyxl, by_xlsxwriter, by_pandas])
def test_workbooks_of_every_program_read_the_same(program: Callable[[], bytes]) -> None:
    jobs = read(program()).jobs
    assert [(job.job_id, job.table_name, job.last_watermark) for job in jobs] == [
        ("first", "a", None),
        ("second", "b", "5"),
    ]


def test_a_workbook_saved_by_libreoffice_is_read() -> None:
    jobs = read((FIXTURES / "libreoffice.xlsx").read_bytes()).jobs
    facts = [(job.job_id, job.enabled, job.last_watermark, job.chunk_size, job.priority, job.row) for job in jobs]
    assert facts == [
        ("lo_full", True, None, 50_000, 100, 2),
        ("lo_incr", False, "2024-01-31T12:30:00", 100_000, 10, 3),
        ("lo_text", True, "12345", 100_000, 100, 5),
    ]


def test_the_header_may_be_written_as_people_write() -> None:
    def rename(sheet: Worksheet) -> None:
        sheet["A1"], sheet["B1"], sheet["C1"], sheet["F1"] = "Job ID *", " SOURCE-TYPE ", "source\u00a0name", "LoadType"
        sheet["F1"] = "load  type"
        sheet.title = "source config"

    assert [job.job_id for job in read(edited(rename)).jobs] == ["pg_orders_full"]


def test_titles_above_the_header_and_blank_rows_shift_nothing_but_the_addresses() -> None:
    def shift(sheet: Worksheet) -> None:
        sheet.insert_rows(1, 3)
        sheet["A1"] = "Our ingestion jobs"
        sheet.insert_rows(6, 2)
        sheet["F8"] = "INCR"

    report = validate(edited(shift, {}, {}))
    assert [str(problem) for problem in report.problems] == [
        "SourceConfig!F8 load_type: 'INCR' is not one of FULL, INCREMENTAL"
    ]


def test_columns_may_be_in_any_order_with_unknown_ones_between() -> None:
    def reorder(sheet: Worksheet) -> None:
        sheet.insert_cols(1, 2)
        sheet["A1"], sheet["A2"], sheet["B1"] = "Owner", "ann", "chunksise"

    content = edited(reorder)
    assert read(content).jobs[0].job_id == "pg_orders_full"
    assert [str(warning) for warning in validate(content).warnings] == [
        "SourceConfig!A1: 'Owner' is not a known column and is ignored",
        "SourceConfig!B1: 'chunksise' is not a known column and is ignored",
    ]


def test_a_mistyped_column_gets_a_suggestion() -> None:
    report = validate(edited(lambda sheet: sheet.__setitem__("P1", "chunk_sise")))
    assert "'chunk_sise' is not a known column and is ignored; did you mean chunk_size?" in str(report.warnings[0])


def test_a_missing_column_is_named_once() -> None:
    report = validate(edited(lambda sheet: sheet.delete_cols(6), {}, {}))
    assert [str(problem) for problem in report.problems] == [
        "SourceConfig!A1 load_type: the column is missing; add it to the header row"
    ]


def test_a_column_that_is_there_twice_is_refused() -> None:
    report = validate(edited(lambda sheet: sheet.__setitem__("BZ1", "Job Id")))
    assert "SourceConfig!BZ1 job_id: the column is there twice, here and in A1; remove one" in str(report.problems[0])


def test_dates_are_read_as_iso_text() -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "d"}
    days = [{"last_watermark": value, **cells} for value in (datetime(2024, 1, 31, 12, 30), date(2024, 1, 31), 45322)]
    watermarks = [job.last_watermark for job in read(a_workbook(*days)).jobs]
    assert watermarks == ["2024-01-31T12:30:00", "2024-01-31T00:00:00", "45322"]


def test_hidden_rows_are_read_with_a_warning() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True

    content = edited(hide, {}, {})
    assert len(read(content).jobs) == 2
    assert "SourceConfig!A3: 1 hidden row(s) are read like the others" in str(validate(content).warnings[0])


def test_a_value_merged_over_rows_counts_for_each() -> None:
    def merge(sheet: Worksheet) -> None:
        sheet.merge_cells("C2:C3")
        sheet.merge_cells("H2:H3")

    content = edited(merge, {"source_name": "merged"}, {})
    assert [job.source_name for job in read(content).jobs] == ["merged", "merged"]
    assert "SourceConfig!C2 source_name: is merged over C2:C3" in str(validate(content).warnings[0])


def test_a_formula_counts_with_its_calculated_value() -> None:
    output = io.BytesIO()
    with xlsxwriter.Workbook(output) as workbook:
        sheet = workbook.add_worksheet("SourceConfig")
        sheet.write_row(0, 0, list(ROWS[0]))
        sheet.write_row(1, 0, list(ROWS[0].values()))
        sheet.write_formula(1, 0, '="job_"&1', value="job_1")
    assert read(output.getvalue()).jobs[0].job_id == "job_1"


def test_an_error_of_a_formula_is_named() -> None:
    output = io.BytesIO()
    with xlsxwriter.Workbook(output) as workbook:
        sheet = workbook.add_worksheet("SourceConfig")
        sheet.write_row(0, 0, list(ROWS[0]))
        sheet.write_row(1, 0, list(ROWS[0].values()))
        sheet.write_formula(1, 0, "=A99/0", value="#DIV/0!")
    assert "A2 job_id: '#DIV/0!' is an error of a formula" in str(validate(output.getvalue()).problems[0])


@pytest.mark.parametrize("number", [1e15, 1.2345678901234567e16, -12345678901234567])
def test_a_number_of_more_digits_than_excel_keeps_is_refused(number: float) -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "id", "last_watermark": number}
    (problem,) = validate(a_workbook(cells)).problems
    assert "has more digits than the 15 that Excel keeps of a number" in str(problem)


@pytest.mark.parametrize("value", [999_999_999_999_999, "12345678901234567"])
def test_a_number_that_excel_keeps_and_any_text_is_read(value: float | str) -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "id", "last_watermark": value}
    assert read(a_workbook(cells)).jobs[0].last_watermark == str(value)


def test_formatted_but_empty_rows_and_notes_beside_the_table_are_ignored() -> None:
    def format_rows(sheet: Worksheet) -> None:
        for row in range(3, 800):
            sheet.cell(row, 2).font = openpyxl.styles.Font(bold=True)
            sheet.cell(row, 3, "  ")
        sheet["CC500"] = "ask Ann about this"

    assert len(read(edited(format_rows)).jobs) == 1


def test_other_sheets_are_left_alone() -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(a_workbook()))
    workbook.create_sheet("Notes", 0)["A1"] = "=1/0"
    workbook.create_chartsheet("Chart").add_chart(BarChart())
    assert len(read(saved(workbook)).jobs) == 1


def test_a_sheet_without_jobs_is_a_warning() -> None:
    content = edited(lambda sheet: sheet.delete_rows(2))
    assert read(content).jobs == ()
    assert "the sheet has no jobs" in str(validate(content).warnings[0])


SHEET = "xl/worksheets/sheet1.xml"
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


def entity_trick(part: bytes) -> bytes:
    declaration, found, rest = part.rpartition(b"?>")
    return declaration + found + DOCTYPE + rest.replace(b"pg_orders_full", b"&b;&c;")


def zip_of(name: str, content: bytes) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return output.getvalue()


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("empty", lambda: b"", "The file is empty"),
    ("text", lambda: b"job_id,source_type\n", "The file is not an Excel workbook"),
    ("pdf", lambda: b"%PDF-1.7", "The file is not an Excel workbook"),
    ("xls", (FIXTURES / "legacy.xls").read_bytes, "The file has the old .xls format"),
    ("encrypted", (FIXTURES / "encrypted.xlsx").read_bytes, "The workbook is encrypted with a password"),
    ("ods", (FIXTURES / "libreoffice.ods").read_bytes, "a zip archive, but not an Excel workbook"),
    ("other zip", lambda: zip_of("a.txt", b"a"), "a zip archive, but not an Excel workbook"),
    ("signature only", lambda: b"PK\x03\x04", "damaged and cannot be read"),
    ("cut off", lambda: a_workbook()[:3000], "damaged and cannot be read"),
    ("content types only", lambda: zip_of("[Content_Types].xml", b"<Types/>"), "damaged and cannot be read"),
    ("sheet not XML", lambda: with_part(a_workbook(), SHEET, lambda part: part[:500]), "damaged and cannot be read"),
    ("zip bomb", lambda: zip_of("[Content_Types].xml", b" " * (11 * 1024 * 1024)), "The file unpacks to 11 MiB"),
    ("entities in the sheet", lambda: with_part(a_workbook(), SHEET, entity_trick), "holds an XML document type"),
    (
        "entities elsewhere",
        lambda: with_part(a_workbook(), "xl/workbook.xml", entity_trick),
        "holds an XML document type",
    ),
    ("too large", lambda: b"PK" + bytes(2 * 1024 * 1024), "has 2.0 MiB, more than the 1 MiB allowed"),
    (
        "no such sheet",
        lambda: edited(lambda sheet: setattr(sheet, "title", "Sheet1")),
        "has no sheet SourceConfig. It has: Sheet1.",
    ),
    ("no header", lambda: edited(lambda sheet: sheet.delete_rows(1)), "SourceConfig: there is no header row"),
    ("empty sheet", lambda: edited(lambda sheet: sheet.delete_rows(1, 5)), "SourceConfig: there is no header row"),
]


@pytest.mark.parametrize(("content", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_no_usable_workbook_gets_one_clear_sentence(content: Callable[[], bytes], message: str) -> None:
    report = validate(content(), max_megabytes=1)
    assert report.configuration is None
    assert len(report.problems) == 1
    assert message in str(report.problems[0])


def test_a_forged_row_number_costs_nothing() -> None:
    def forge(part: bytes) -> bytes:
        return re.sub(rb'<row r="2"', b'<row r="99999999999"', part)

    assert len(read(with_part(a_workbook(), SHEET, forge)).jobs) == 1
