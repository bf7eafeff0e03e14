"""What is derived from the columns is current and true."""

from __future__ import annotations

import io
import json

import openpyxl
import pytest

from shared.workbook.column import SheetSpec
from shared.workbook.columns import SOURCE_CONFIG
from shared.workbook.documentation import json_schema
from shared.workbook.examples import JOBS
from shared.workbook.inheritance import INHERITED
from shared.workbook.sheets import SHEETS
from shared.workbook.template import template

KNOWN = (
    "job_id source_type source_name schema_name table_name load_type enabled target_container target_folder_path "
    "watermark_column last_watermark query_filter api_endpoint api_method pagination_type chunk_size parallelism"
)


def test_the_known_columns_come_first_in_their_order() -> None:
    assert [column.name for column in SOURCE_CONFIG.columns][:17] == KNOWN.split()


@pytest.mark.parametrize("spec", SHEETS, ids=lambda spec: spec.name)
def test_every_column_fills_a_field_and_every_field_has_a_column(spec: SheetSpec) -> None:
    takes = () if spec is SOURCE_CONFIG else INHERITED  # of a row for others
    fields = [column.field or column.name for column in spec.columns if column.name not in takes]
    made = ["row", "api_parent", "origins"] if spec is SOURCE_CONFIG else ["row"]  # where it is, and another row
    assert sorted([*fields, *made]) == sorted(spec.model.model_fields)


def test_the_schema_knows_every_column_and_its_conditions() -> None:
    schema = json.loads(json_schema())
    jobs = schema["properties"]["SourceConfig"]["items"]
    assert list(jobs["properties"]) == [column.name for column in SOURCE_CONFIG.columns]
    assert jobs["properties"]["chunk_size"]["default"] == 100_000
    assert {
        "if": {"properties": {"source_type": {"enum": ["API"]}}, "required": ["source_type"]},
        "then": {"required": ["api_endpoint"]},
    } in jobs["allOf"]
    assert set(jobs["required"]) <= set(JOBS[0])


def test_the_template_helps_where_a_user_types() -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(template()))
    assert workbook.sheetnames == ["Guide", "SourceConfig", "Sources", "Defaults", "Requests"]
    sheet = workbook["SourceConfig"]
    assert all(cell.comment and cell.fill.fill_type == "solid" for cell in sheet[1])
    assert sheet.freeze_panes == "B2"
    drop_downs = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    assert drop_downs["F2:F5001"] == '"FULL,INCREMENTAL"'
    guide = {cell.value for row in workbook["Guide"].iter_rows() for cell in row}
    assert {column.name for spec in SHEETS for column in spec.columns} <= guide
