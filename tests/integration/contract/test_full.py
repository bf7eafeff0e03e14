"""What a FULL load promises, whatever it reads."""

from __future__ import annotations

import pytest

from tests.integration.contract.conftest import MakeJob
from tests.integration.contract.subjects import row

ROWS = [row(n, n) for n in range(1, 8)]


@pytest.mark.parametrize("table_format", ["parquet", "delta"])
def test_a_full_load_is_the_source_and_replaces_the_one_before(job: MakeJob, table_format: str) -> None:
    loaded = job(ROWS, load_type="FULL", table_format=table_format)
    result = loaded.load()
    assert (result.rows_extracted, result.rows_written) == (7, 7)
    assert loaded.rows() == ROWS

    changed = [row(1, 9, "changed"), *ROWS[2:], row(8, 8)]
    loaded.subject.write(changed)
    assert loaded.load().rows_written == 7
    assert loaded.rows() == changed


def test_an_empty_source_makes_an_empty_table(job: MakeJob) -> None:
    loaded = job([], load_type="FULL")
    result = loaded.load()
    assert (result.rows_extracted, result.rows_written) == (0, 0)
    assert loaded.table().num_rows == 0

    loaded.subject.write(ROWS)
    loaded.load()
    assert loaded.rows() == ROWS
    loaded.subject.write([])
    if loaded.subject.cells["source_type"] == "API":  # an answer without rows is more often a fault than the truth
        assert "gave no rows at all" in loaded.fail()[2]
        assert loaded.rows() == ROWS
    loaded.load(full_refresh=loaded.subject.cells["source_type"] == "API")
    assert loaded.rows() == []


def test_only_the_chosen_columns_are_read(job: MakeJob) -> None:
    loaded = job(ROWS, load_type="FULL", included_columns="id, ch*, na*", excluded_columns="*me")
    loaded.load()
    assert loaded.rows() == [{"id": one["id"], "changed": one["changed"]} for one in ROWS]


def test_a_full_load_follows_the_sources_columns(job: MakeJob) -> None:
    loaded = job(ROWS, load_type="FULL")
    loaded.load()
    wider = [one | {"note": "new"} for one in map(dict, ROWS)]
    loaded.subject.write(wider, ["id", "changed", "name", "note"])
    assert "column 'note' added (text)" in loaded.load().schema_changes
    assert loaded.rows() == wider
