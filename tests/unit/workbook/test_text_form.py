"""A workbook as YAML and back: the same cells as text, and the same configuration."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors.hierarchy import WorkbookError
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.sheets import DEFAULTS, REQUESTS, SOURCES
from shared.workbook.template import template, write_workbook
from shared.workbook.text_form import from_yaml, rows_of, to_yaml
from shared.workbook.validation import validate
from tests.builders import a_row, a_workbook

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
ODD = st.sampled_from(
    ["=1+1", "#N/A", "null", "yes", "5", "1e3", "2024-01-31", "'quoted'", "a: b", "- x", "two\nlines", "{env}", "~"]
)
VALUE = TEXT | ODD | st.integers(-5, 10**9) | st.floats(0, 1e6) | st.booleans() | st.datetimes(
    datetime(2000, 1, 1), datetime(2030, 1, 1)
).map(lambda moment: moment.replace(microsecond=0)) | st.dates(date(2000, 1, 1), date(2030, 1, 1))  # fmt: skip


def rows(columns: Any, most: int = 3) -> st.SearchStrategy[list[dict[str, Any]]]:
    names = st.sampled_from([column.name for column in columns])
    return st.lists(st.dictionaries(names, VALUE, min_size=1, max_size=6), max_size=most)


@given(
    jobs=rows(SOURCE_CONFIG.columns),
    sources=rows(SOURCES.columns),
    requests=rows(REQUESTS.columns),
    defaults=rows(DEFAULTS.columns, 2),
)
def test_what_is_exported_and_imported_has_the_same_cells_and_means_the_same(
    jobs: list[dict[str, Any]],
    sources: list[dict[str, Any]],
    requests: list[dict[str, Any]],
    defaults: list[dict[str, Any]],
) -> None:
    content = write_workbook([a_row(), *jobs], sources, requests, defaults)
    text = to_yaml(content)
    again = from_yaml(text)
    assert rows_of(again) == rows_of(content)
    assert to_yaml(again) == text
    assert _without_rows(validate(again, values={})) == _without_rows(validate(content, values={}))


def _without_rows(report: Any) -> Any:
    """A report without places: rows that are blank are left out of the text."""
    said = [(one.sheet, one.column, one.message.partition(" in row ")[0]) for one in report.problems]
    jobs = [job.model_copy(update={"row": 0}) for job in report.configuration.jobs] if report.configuration else None
    return said if not jobs else (jobs, [source.source_name for source in report.configuration.sources])


def test_the_template_survives() -> None:
    again = from_yaml(to_yaml(template()))
    assert validate(again, values={}) == validate(template(), values={})


def test_the_text_is_one_that_people_read() -> None:
    text = to_yaml(a_workbook({"job_id": "orders", "table_name": "orders", "priority": 5, "tags": "a, b"}))
    lines = ["SourceConfig:", "- job_id: orders", "  source_type: PostgreSQL", "  source_name: shop_pg"]
    lines += ["  schema_name: public", "  table_name: orders", "  load_type: FULL", "  enabled: Y"]
    lines += ["  target_container: lake", "  target_folder_path: raw/shop", "  priority: '5'", "  tags: a, b"]
    assert text.splitlines() == lines


def test_a_value_that_yaml_reads_as_another_type_is_the_same_cell() -> None:
    text = "SourceConfig:\n- {job_id: a, priority: 5, enabled: true, last_watermark: 2024-01-31, tags: }\n"
    assert rows_of(from_yaml(text))["SourceConfig"] == [
        {"job_id": "a", "enabled": "TRUE", "last_watermark": "2024-01-31", "priority": "5"}
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SourceConfig: [", "The text is not YAML, line 1"),
        ("[]", "The text has no sheets: it begins like `SourceConfig:`"),
        ("Jobs: []", "'Jobs' is no sheet; there are SourceConfig, Sources, Defaults, Requests"),
        ("SourceConfig: {}", "SourceConfig is not a list of rows: each begins with `- job_id:`"),
        ("SourceConfig: [a]", "SourceConfig, row 1: 'a' is not a row of columns"),
        ("SourceConfig: [{jobid: a}]", "SourceConfig, row 1: 'jobid' is not a known column; did you mean job_id?"),
        ("SourceConfig: [{job_id: [a]}]", "SourceConfig, row 1, job_id: a cell holds one value"),
        ('SourceConfig: [{job_id: "\\x01"}]', "SourceConfig, row 1, job_id: '?' has a control character"),
    ],
)
def test_a_text_that_is_no_workbook_is_one_sentence_with_its_place(text: str, said: str) -> None:
    with pytest.raises(WorkbookError) as refused:
        from_yaml(text)
    assert said in str(refused.value)


def test_a_file_that_is_no_workbook_cannot_be_exported() -> None:
    with pytest.raises(WorkbookError, match="not an Excel workbook"):
        to_yaml(b"nothing")
