"""The rows of a range in Delta's SQL, tried on tables of every type that a watermark can have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from shared.jobs.value_range import ValueRange
from shared.lake.delta.sql import predicate

MOMENTS = [datetime(2026, 1, day, 12, 30, 0, day) for day in (1, 2, 3)]
ZONED = [moment.replace(tzinfo=UTC) for moment in MOMENTS]
CASES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "integer": (pa.int64(), [1, 2, 2**62]),
    "small integer": (pa.int32(), [1, 2, 3]),
    "float": (pa.float64(), [-1.5, 0.1, 1e300]),
    "decimal": (pa.decimal128(38, 9), [Decimal("1.5"), Decimal("12345678901234567890.123456789"), Decimal("1e28")]),
    "money": (pa.decimal128(10, 2), [Decimal("2.55"), Decimal("2.56"), Decimal("2.57")]),
    "date": (pa.date32(), [date(2026, 1, day) for day in (1, 2, 3)]),
    "time without zone": (pa.timestamp("us"), MOMENTS),
    "time": (pa.timestamp("us", "UTC"), ZONED),
    "time of another zone": (
        pa.timestamp("us", "UTC"),
        [one.astimezone(timezone(timedelta(hours=5))) for one in ZONED],
    ),
    "text": (pa.string(), ["a", "it's", "z"]),
}


@pytest.mark.parametrize(("arrow_type", "values"), CASES.values(), ids=CASES.keys())
def test_the_rows_from_the_start_to_before_the_end_are_replaced(
    tmp_path: Path, arrow_type: pa.DataType, values: list[Any]
) -> None:
    first, second, third = values
    name = 'Changed "At"'
    write_deltalake(tmp_path, pa.table({name: pa.array(values, arrow_type), "state": ["old"] * 3}))
    fresh = pa.table({name: pa.array([second], arrow_type), "state": ["new"]})
    rows = predicate(ValueRange(name, second, third), fresh.schema)
    write_deltalake(tmp_path, fresh, mode="overwrite", schema_mode="merge", predicate=rows)
    left = {row[name]: row["state"] for row in DeltaTable(tmp_path).to_pyarrow_table().to_pylist()}
    assert left == {first: "old", second: "new", third: "old"}


def test_a_bound_between_two_decimals_parts_them_like_the_source_does(tmp_path: Path) -> None:
    money = pa.decimal128(10, 2)
    write_deltalake(tmp_path, pa.table({"at": pa.array([Decimal("2.55"), Decimal("2.56")], money)}))
    none = pa.table({"at": pa.array([], money)})
    rows = predicate(ValueRange("at", Decimal("2.554"), Decimal("2.561")), none.schema)
    write_deltalake(tmp_path, none, mode="overwrite", schema_mode="merge", predicate=rows)
    assert DeltaTable(tmp_path).to_pyarrow_table().column("at").to_pylist() == [Decimal("2.55")]
