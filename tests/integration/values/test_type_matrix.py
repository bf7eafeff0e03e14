"""A column of another type: its values are in the lake as the source prints them, or the load says why not."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.values.conftest import MakeTable
from tests.integration.values.type_matrix import TYPES, Changing, sample


@pytest.mark.parametrize(("old", "new", "table_format"), sample())
def test_a_changed_type_alters_no_value(
    job_of: MakeTable, sql: psycopg.Connection[Any], table: str, old: str, new: str, table_format: str
) -> None:
    job = job_of(table, watermark_column="id", table_format=table_format)
    kept = (old, TYPES[old][0])
    cells = [kept, *((new, value) for value in TYPES[new][:2])]
    assert Changing(sql, table, job, old, cells).verdicts()[kept]
