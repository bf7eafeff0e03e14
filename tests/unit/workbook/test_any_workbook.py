"""Whatever the cells hold, and whatever happened to the bytes: jobs or problems, never an exception."""

from __future__ import annotations

import contextlib
import io
import zipfile
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from shared.errors.hierarchy import WorkbookError
from shared.workbook.annotate import annotate
from shared.workbook.configuration import Report
from shared.workbook.documentation import facts
from shared.workbook.sheets import SHEETS
from shared.workbook.validation import validate
from tests.builders import a_row, a_workbook
from tests.mutations import mutant, unforeseen
from tests.unit.workbook.archives import with_part

CHECKED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = [column.name for spec in SHEETS for column in spec.columns]
WORDS = [word for spec in SHEETS for column in spec.columns for word in facts(spec, column)]
TEXTS = st.text(max_size=40).map(lambda text: ILLEGAL_CHARACTERS_RE.sub("", text))
CELLS = st.one_of(
    st.none(),
    TEXTS,
    st.sampled_from(WORDS),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(-9.9e307, 9.9e307),  # what a spreadsheet can hold
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)),
    st.dates(date(1900, 3, 1)),
    st.times().map(lambda value: time(value.hour, value.minute)),
    st.timedeltas(timedelta(0), timedelta(days=1000)),
)
GOOD_WORKBOOK = a_workbook({}, {"load_type": "INCREMENTAL", "watermark_column": "id"})
PARTS = zipfile.ZipFile(io.BytesIO(GOOD_WORKBOOK)).namelist()


def is_an_answer(report: Report) -> bool:
    return (report.configuration is None) == bool(report.problems)


def a_sheet(rows: list[list[object]], title: str = "SourceConfig") -> bytes:
    workbook = Workbook()
    sheet = workbook.create_sheet(title)
    for row in rows:
        sheet.append(row)
    output = io.BytesIO()
    workbook.save(output)
    return output.getvalue()


@CHECKED
@given(st.lists(st.lists(CELLS, max_size=8), max_size=6), st.sampled_from([spec.name for spec in SHEETS]))
def test_any_cells_in_any_sheet(rows: list[list[object]], title: str) -> None:
    content = a_sheet(rows, title)
    assert is_an_answer(validate(content))


@CHECKED
@given(st.lists(st.dictionaries(st.sampled_from(NAMES), CELLS, max_size=8), min_size=1, max_size=5))
def test_any_cells_under_known_headers(rows: list[dict[str, object]]) -> None:
    header: list[object] = list(dict.fromkeys(NAMES))
    content = a_sheet([header, *([(a_row() | row).get(str(name)) for name in header] for row in rows)])
    report = validate(content)
    assert is_an_answer(report)
    assert len(validate(annotate(content, report)).problems) == len(report.problems)


@CHECKED
@given(st.data())
def test_any_bytes_flipped(data: st.DataObject) -> None:
    content = bytearray(GOOD_WORKBOOK)
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    assert is_an_answer(validate(bytes(content)))


@CHECKED
@given(st.sampled_from(PARTS), st.data())
def test_any_bytes_flipped_inside_the_archive(part: str, data: st.DataObject) -> None:
    def flip(content: bytes) -> bytes:
        flipped = bytearray(content)
        for _ in range(data.draw(st.integers(1, 5))):
            flipped[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        return bytes(flipped)

    content = with_part(GOOD_WORKBOOK, part, flip)
    report = validate(content)
    assert is_an_answer(report)
    with contextlib.suppress(WorkbookError):
        assert is_an_answer(validate(annotate(content, report)))


@pytest.mark.parametrize("number", range(60))
def test_any_mutant_is_judged_by_a_rule(number: int) -> None:
    content = mutant(number)
    report = validate(content)
    assert is_an_answer(report)
    assert not unforeseen(report)
    with contextlib.suppress(WorkbookError):
        assert is_an_answer(validate(annotate(content, report)))


@CHECKED
@given(st.integers(0, len(GOOD_WORKBOOK) - 1))
def test_cut_off_anywhere(length: int) -> None:
    assert validate(GOOD_WORKBOOK[:length]).problems


@CHECKED
@given(st.binary(max_size=200))
def test_any_bytes_at_all(content: bytes) -> None:
    assert validate(content).problems
    assert validate(b"PK" + content).problems
