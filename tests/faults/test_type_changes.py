"""The whole matrix of `tests/integration/values/type_matrix.py`: old type, new type, value, both formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import database_name, sql, table  # noqa: F401
from tests.integration.values.conftest import MakeTable, app, job_of, lake  # noqa: F401
from tests.integration.values.type_matrix import FORMATS, TYPES, Changing


@pytest.mark.campaign
@pytest.mark.timeout(900)
@pytest.mark.fault("a source's types change")
@pytest.mark.parametrize("table_format", FORMATS)
@pytest.mark.parametrize("old", TYPES)
def test_no_change_of_a_type_alters_a_value(
    job_of: MakeTable,  # noqa: F811
    sql: psycopg.Connection[Any],  # noqa: F811
    table: str,  # noqa: F811
    old: str,
    table_format: str,
    record_property: Callable[[str, object], None],
) -> None:
    job = job_of(table, watermark_column="id", table_format=table_format)
    cells = [(new, value) for new, values in TYPES.items() for value in values]
    taken = Changing(sql, table, job, old, cells).verdicts()
    record_property("points", len(cells))
    record_property("measured", f"{old} in {table_format}: {sum(taken.values())} of {len(cells)} values taken")
    assert all(taken[old, value] for value in TYPES[old]), "a type that has not changed takes its values"
