"""A driver's values become those of their column's type unchanged, or the error names column and value."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.sources.columns import ReadColumn
from shared.sources.rows import rows_to_arrow

INT, DOUBLE, BOOL, TEXT, BYTES, DAY = pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.date32()
MONEY, CLOCK, NAIVE, ZONED = pa.decimal128(10, 2), pa.time64("us"), pa.timestamp("us"), pa.timestamp("us", "UTC")
NOON = datetime(2024, 1, 1, 12)

FITTING: list[tuple[pa.DataType, Any, Any]] = [
    (INT, 7, 7),
    (INT, True, 1),
    (INT, 7.0, 7),
    (INT, Decimal("7.00"), 7),
    (INT, "7", 7),
    (INT, 2**63 - 1, 2**63 - 1),
    (DOUBLE, 0.1, 0.1),
    (DOUBLE, 2**53, float(2**53)),
    (DOUBLE, Decimal("0.1"), 0.1),
    (BOOL, True, True),
    (BOOL, 0, False),
    (TEXT, "ä", "ä"),
    (TEXT, "ä".encode(), "ä"),
    (TEXT, 7, "7"),
    (BYTES, b"\xff", b"\xff"),
    (BYTES, bytearray(b"\xff"), b"\xff"),
    (MONEY, 7, Decimal("7.00")),
    (MONEY, 0.1, Decimal("0.10")),
    (MONEY, "0.1", Decimal("0.10")),
    (MONEY, Decimal("1E+3"), Decimal("1000.00")),
    (DAY, date(2024, 1, 1), date(2024, 1, 1)),
    (DAY, datetime(2024, 1, 1), date(2024, 1, 1)),
    (DAY, "2024-01-01", date(2024, 1, 1)),
    (CLOCK, time(10, 0), time(10, 0)),
    (CLOCK, timedelta(hours=10), time(10, 0)),
    (CLOCK, "10:00:00.000001", time(10, 0, 0, 1)),
    (NAIVE, NOON, NOON),
    (NAIVE, date(2024, 1, 1), datetime(2024, 1, 1)),
    (NAIVE, "2024-01-01T12:00:00", NOON),
    (ZONED, NOON, NOON.replace(tzinfo=UTC)),
    (ZONED, NOON.replace(tzinfo=timezone(timedelta(hours=2))), datetime(2024, 1, 1, 10, tzinfo=UTC)),
    (ZONED, "2024-01-01T12:00:00+02:00", datetime(2024, 1, 1, 10, tzinfo=UTC)),
]
ALTERED: list[tuple[pa.DataType, Any]] = [
    (INT, 1.5),
    (INT, 2**63),
    (INT, "x"),
    (INT, b"7"),
    (INT, float("nan")),
    (DOUBLE, 2**53 + 1),
    (DOUBLE, "NaN"),
    (BOOL, 2),
    (BOOL, "true"),
    (TEXT, b"\xff"),
    (BYTES, "a"),
    (MONEY, 0.126),
    (MONEY, Decimal("0.126")),
    (MONEY, Decimal("123456789.00")),
    (MONEY, Decimal("NaN")),
    (MONEY, float("inf")),
    (DAY, NOON),
    (DAY, "0000-00-00"),
    (DAY, 20240101),
    (CLOCK, timedelta(hours=24)),
    (CLOCK, timedelta(hours=-1)),
    (CLOCK, time(10, 0, tzinfo=UTC)),
    (NAIVE, NOON.replace(tzinfo=UTC)),
    (NAIVE, "2024-01-01T12:00:00Z"),
    (NAIVE, 1704103200),
    (NAIVE, ""),
]


@pytest.mark.parametrize(("kind", "value", "expected"), FITTING)
def test_a_value_of_another_class_is_the_same_value(kind: pa.DataType, value: Any, expected: Any) -> None:
    found = rows_to_arrow([(value,), (None,)], [ReadColumn("v", sa.column("v"), kind)])
    assert found.schema.field("v").type == kind
    assert found.column("v").to_pylist() == [expected, None]


@pytest.mark.parametrize(("kind", "value"), ALTERED)
def test_a_value_that_would_change_is_named(kind: pa.DataType, value: Any) -> None:
    good = next(fitting for one, fitting, _ in FITTING if one == kind)
    with pytest.raises(SourceError, match=r"Column 'v' holds .*, which does not fit") as caught:
        rows_to_arrow([(good,), (None,), (value,)], [ReadColumn("v", sa.column("v"), kind)])
    assert str(value)[:20] in str(caught.value)
