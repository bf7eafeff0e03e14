"""Workbooks as other programs write them: Excel opens each, and so does the product."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from shared.workbook.configuration import Report
from shared.workbook.validation import validate
from tests.builders import a_workbook

ROW = {"job_id": "job", "load_type": "INCREMENTAL", "watermark_column": "at"}


def rewritten(content: bytes, name: Callable[[str], str], data: Callable[[bytes], bytes] = lambda part: part) -> bytes:
    """An archive with other names and contents of its parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(made, "w") as target:
        for entry in archive.namelist():
            target.writestr(name(entry), data(archive.read(entry)))
    return made.getvalue()


def strict(part: bytes) -> bytes:
    office = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    part = part.replace(sheets, b"http://purl.oclc.org/ooxml/spreadsheetml/main")
    return part.replace(office, b"http://purl.oclc.org/ooxml/officeDocument/relationships")


OTHERS: dict[str, Callable[[bytes], bytes]] = {
    "Strict Open XML": lambda content: rewritten(content, lambda name: name, strict),
    "part names in capitals": lambda content: rewritten(content, str.upper),
    "a part in another case": lambda content: rewritten(content, lambda name: name.replace("worksheets", "WorkSheets")),
    "backslashes": lambda content: rewritten(content, lambda name: name.replace("/", "\\")),
    "Strict with backslashes": lambda content: rewritten(content, lambda name: name.replace("/", "\\"), strict),
}


@pytest.mark.parametrize("program", OTHERS)
def test_every_form_that_excel_opens_is_read(program: str) -> None:
    plain = validate(a_workbook(ROW))
    assert validate(OTHERS[program](a_workbook(ROW))) == plain
    assert plain.configuration


def job_of(report: Report) -> dict[str, object]:
    assert report.configuration, report.problems
    return report.configuration.jobs[0].model_dump()


@pytest.mark.parametrize(
    ("written", "read"),
    [("orders_x000D_", "orders"), ("a_x0041_b", "aAb"), ("_x005F_x0041_", "_x0041_"), ("tax_xray", "tax_xray")],
)
def test_escaped_characters_are_themselves(written: str, read: str) -> None:
    assert job_of(validate(a_workbook(ROW | {"table_name": written})))["table_name"] == read


@pytest.mark.parametrize("word", ["NULL", "null", "None", "N/A", "NaN"])
@pytest.mark.parametrize("column", ["last_watermark", "query_filter", "primary_key", "schedule", "partition_column"])
def test_a_word_for_nothing_is_a_blank_cell_with_a_warning(column: str, word: str) -> None:
    report = validate(a_workbook(ROW | {column: word}))
    assert not job_of(report)[column]
    assert any(warning.column == column and "read as blank" in warning.message for warning in report.warnings)


def test_a_word_that_is_a_value_of_the_column_is_that_value() -> None:
    report = validate(a_workbook(ROW | {"detect_deletes": "None", "table_name": "null"}))
    assert (job_of(report)["detect_deletes"], job_of(report)["table_name"]) == ("none", "null")
    assert not [warning for warning in report.warnings if "read as blank" in warning.message]


def changed(change: Callable[[openpyxl.Workbook], None]) -> bytes:
    workbook = openpyxl.load_workbook(io.BytesIO(a_workbook(ROW)))
    change(workbook)
    made = io.BytesIO()
    workbook.save(made)
    return made.getvalue()


def test_a_sheet_of_nearly_the_same_name_is_not_passed_over_in_silence() -> None:
    report = validate(changed(lambda workbook: workbook.create_sheet("Source Config", 0)))
    assert job_of(report)["job_id"] == "job"
    assert [str(warning) for warning in report.warnings if "is not read" in str(warning)]


def test_dates_of_the_1904_system_are_those_that_excel_shows() -> None:
    def in_1904(workbook: openpyxl.Workbook) -> None:
        workbook.epoch = CALENDAR_MAC_1904
        sheet = workbook["SourceConfig"]
        headers = [cell.value for cell in next(sheet.iter_rows(max_row=1))]
        sheet.cell(2, headers.index("last_watermark") + 1).value = datetime(2024, 1, 31)

    assert str(job_of(validate(changed(in_1904)))["last_watermark"]).startswith("2024-01-31")
