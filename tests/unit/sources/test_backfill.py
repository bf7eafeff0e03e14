"""The range of a backfill."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.jobs.value_range import ValueRange
from shared.sources.backfill import backfill_range
from shared.sources.columns import ReadColumn
from shared.sources.source import ReadOptions
from tests.builders import a_job

CURSOR = ReadColumn("id", sa.column("id"), pa.int64())


def a_range(watermark: str | None = None, cursor: ReadColumn = CURSOR, **fields: Any) -> ValueRange | None:
    job = a_job(load_type="INCREMENTAL", watermark_column="id", table_format="delta", **fields)
    return backfill_range(job, ReadOptions(start="10", end="20", watermark=watermark), cursor)


def test_there_is_no_range_without_an_order() -> None:
    assert backfill_range(a_job(), ReadOptions(), CURSOR) is None


def test_the_bounds_are_typed_like_the_column() -> None:
    job = a_job(load_type="INCREMENTAL", watermark_column="at", primary_key=("id",))
    cursor = ReadColumn("at", sa.column("at"), pa.timestamp("us", "UTC"))
    found = backfill_range(job, ReadOptions(start="2026-01-01", end="2026-02-01T00:00:00+01:00"), cursor)
    january = datetime(2026, 1, 1, tzinfo=UTC)
    assert found is not None
    assert (found.column, found.start, found.end.utctimetuple()[:4]) == ("at", january, (2026, 1, 31, 23))


@pytest.mark.parametrize(
    ("watermark", "fields", "end"),
    [
        ("100", {}, 20),
        ("15", {}, 15),
        (None, {"last_watermark": "12"}, 12),
        ("15", {"primary_key": ("id",)}, 20),
        (None, {"primary_key": ("id",)}, 20),
    ],
    ids=["before the watermark", "over the watermark", "before the first load", "with a key", "a key, no load"],
)
def test_without_a_key_a_range_ends_at_the_watermark(watermark: str | None, fields: dict[str, Any], end: int) -> None:
    assert a_range(watermark, **fields) == ValueRange("id", 10, end)


@pytest.mark.parametrize(("watermark", "loaded"), [(None, "nothing yet"), ("10", "up to 10"), ("3", "up to 3")])
def test_a_range_that_the_next_load_brings_is_refused(watermark: str | None, loaded: str) -> None:
    with pytest.raises(SourceError, match=f"{loaded}: a backfill from 10 would bring rows that its next load brings"):
        a_range(watermark)


def test_a_bound_that_is_no_value_of_the_column_is_refused() -> None:
    with pytest.raises(SourceError, match="'10' is not a value of column 'day'"):
        a_range(cursor=ReadColumn("day", sa.column("day"), pa.date32()), primary_key=("id",))
