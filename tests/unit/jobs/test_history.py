"""What a changed cell means is decided for every column of the sheet, and enforced as it is documented."""

from __future__ import annotations

from typing import Any

import pytest

from shared.jobs.history import VERDICTS, cells_of, effect_of, refused_changes
from shared.models.job import LoadType
from shared.workbook.columns import SOURCE_CONFIG
from tests.builders import a_job

MAPPINGS = ("api_format_options", "api_params", "api_body")
OTHERS: dict[str, Any] = {name: {"a": "1"} for name in MAPPINGS} | {
    "load_type": LoadType.FULL,
    "table_format": "parquet",
    "column_types": {"a": "text"},
    "masked_columns": {"a": "hash"},
}
"""New values of cells that hold no plain text."""
LISTS = ("primary_key", "partition_by", "included_columns", "excluded_columns", "tags", "excluded_tables")


def before(column: str) -> Any:
    delta = {"table_format": "delta"} if column in ("primary_key", "table_format") else {}
    job = a_job(load_type="INCREMENTAL", watermark_column="id", **delta)
    chosen = {"excluded_columns": ("b",), "included_columns": ("c",)}
    return job.model_copy(update={column: chosen[column]} if column in chosen else {})


def changed(column: str) -> Any:
    value = ("a",) if column in LISTS else OTHERS.get(column, "another")
    return before(column).model_copy(update={column: value})


def test_every_column_of_the_sheet_has_a_verdict() -> None:
    assert {column.name for column in SOURCE_CONFIG.columns} == set(VERDICTS)


@pytest.mark.parametrize("column", VERDICTS)
def test_a_load_is_refused_exactly_if_the_verdict_requires_a_full_refresh(column: str) -> None:
    refused = refused_changes(cells_of(before(column)), changed(column), lake=["a"], read=["a", "b"])
    assert bool(refused) == VERDICTS[column].refreshes
    assert all(one.startswith(f"{column} was ") for one in refused)
    assert refused_changes(cells_of(before(column)), before(column), lake=["a"], read=["a"]) == []


@pytest.mark.parametrize("column", VERDICTS)
def test_the_effect_of_a_change_is_said_unless_the_table_is_replaced(column: str) -> None:
    job = before(column)
    effect = effect_of(column, job)
    assert effect is not None
    assert ("full refresh" in effect.partition(":")[0]) == VERDICTS[column].refreshes
    full = job.model_copy(update={"load_type": LoadType.FULL})
    assert effect_of(column, full) == VERDICTS[column].if_replaced
    assert refused_changes(cells_of(job), changed(column).model_copy(update={"load_type": LoadType.FULL}), [], []) == []


def test_a_key_counts_in_delta_only() -> None:
    job = a_job(load_type="INCREMENTAL", watermark_column="id")
    assert refused_changes(cells_of(job), job.model_copy(update={"primary_key": ("a",)}), ["a"], ["a"]) == []


def test_a_mask_counts_in_records_of_before_there_were_masks_and_a_question_mark_does_not() -> None:
    job = a_job(load_type="INCREMENTAL", watermark_column="id", masked_columns={"a": "hash"})
    old = {name: value for name, value in cells_of(job).items() if name != "masked_columns"}
    assert refused_changes(old, job, ["a"], ["a"]) != []
    optional = job.model_copy(update={"masked_columns": {"a": "hash?"}})
    assert refused_changes(cells_of(job), optional, ["a"], ["a"]) == []


@pytest.mark.parametrize(("was", "now", "refused"), [({}, {"new": "text"}, False), ({"A": "text"}, {}, True)])
def test_a_declared_type_counts_if_the_lake_has_the_column(
    was: dict[str, str], now: dict[str, str], refused: bool
) -> None:
    old, new = (a_job(load_type="INCREMENTAL", watermark_column="id", column_types=types) for types in (was, now))
    assert bool(refused_changes(cells_of(old), new, lake=["a"], read=["a"])) == refused
