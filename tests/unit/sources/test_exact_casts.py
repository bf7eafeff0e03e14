"""A value of a changed column comes into the lake's old type unchanged, or the load fails: never another value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from shared.errors.hierarchy import SourceError
from shared.sources.columns import ReadColumn
from shared.sources.evolution import fitted
from shared.sources.exact_casts import cast_exactly

INT, DOUBLE, BOOL, TEXT, DAY = pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.date32()
MONEY, WIDE, UNSCALED = pa.decimal128(10, 2), pa.decimal128(14, 4), pa.decimal128(38, 9)
NAIVE, ZONED, CLOCK = pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.time64("us")

FITTING: list[tuple[pa.DataType, Any, pa.DataType, Any]] = [
    (MONEY, Decimal("2.00"), INT, 2),
    (MONEY, Decimal("-2.00"), INT, -2),
    (WIDE, Decimal("2.2500"), MONEY, Decimal("2.25")),
    (MONEY, Decimal("2.25"), WIDE, Decimal("2.25")),
    (UNSCALED, Decimal(9223372036854775807), INT, 9223372036854775807),
    (UNSCALED, Decimal("0.1"), DOUBLE, 0.1),
    (MONEY, Decimal("99999999.99"), DOUBLE, 99999999.99),
    (INT, 7, MONEY, Decimal(7)),
    (INT, 2**53, DOUBLE, float(2**53)),
    (INT, 1, BOOL, True),
    (INT, 0, BOOL, False),
    (BOOL, True, INT, 1),
    (BOOL, False, MONEY, Decimal(0)),
    (BOOL, True, DOUBLE, 1.0),
    (DOUBLE, 2.0, INT, 2),
    (DOUBLE, 0.5, MONEY, Decimal("0.50")),
    (DOUBLE, 1.0, BOOL, True),
    (TEXT, "7", INT, 7),
    (TEXT, "-7", INT, -7),
    (TEXT, "1.50", MONEY, Decimal("1.50")),
    (TEXT, "true", BOOL, True),
    (TEXT, "2024-01-02", DAY, date(2024, 1, 2)),
    (DAY, date(2024, 1, 2), NAIVE, datetime(2024, 1, 2)),
    (NAIVE, datetime(2024, 1, 2), DAY, date(2024, 1, 2)),
]

ALTERED: list[tuple[pa.DataType, Any, pa.DataType]] = [
    (NAIVE, datetime(2024, 1, 2, 13, 45), DAY),
    (ZONED, datetime(2024, 1, 2, tzinfo=UTC), DAY),
    (ZONED, datetime(2024, 1, 2, tzinfo=UTC), NAIVE),
    (NAIVE, datetime(2024, 1, 2), ZONED),
    (DAY, date(2024, 1, 2), ZONED),
    (DAY, date(2024, 1, 2), INT),
    (INT, 5, DAY),
    (INT, 5, NAIVE),
    (NAIVE, datetime(1970, 1, 1), INT),
    (TEXT, "007", INT),
    (TEXT, "-0", INT),
    (TEXT, "+7", INT),
    (TEXT, " 7", INT),
    (TEXT, "twenty", INT),
    (TEXT, "1e1", MONEY),
    (TEXT, "1.5", MONEY),
    (TEXT, "0.126", MONEY),
    (TEXT, "1", BOOL),
    (TEXT, "TRUE", BOOL),
    (TEXT, "", INT),
    (TEXT, "1e400", DOUBLE),
    (TEXT, "x", pa.binary()),
    (DOUBLE, 0.126, MONEY),
    (DOUBLE, 0.10000000149011612, MONEY),
    (DOUBLE, math.nan, INT),
    (DOUBLE, math.nan, MONEY),
    (DOUBLE, math.inf, INT),
    (DOUBLE, 2.5, INT),
    (DOUBLE, 1e300, INT),
    (DOUBLE, 2.0, BOOL),
    (UNSCALED, Decimal("12345678901234567.5"), DOUBLE),
    (UNSCALED, Decimal("0.123456789"), MONEY),
    (WIDE, Decimal("2.2501"), MONEY),
    (WIDE, Decimal("9999999999.0000"), MONEY),
    (MONEY, Decimal("2.50"), INT),
    (MONEY, Decimal("0.50"), BOOL),
    (UNSCALED, Decimal(9223372036854775808), INT),
    (INT, 2**53 + 1, DOUBLE),
    (INT, 2, BOOL),
    (INT, 10**9, MONEY),
    (CLOCK, time(10), INT),
    (TEXT, "10:00:00", CLOCK),
    (pa.binary(), b"7", INT),
    (pa.binary(), b"x", TEXT),
]


def column(kind: pa.DataType, *values: Any) -> pa.ChunkedArray[Any]:
    return pa.chunked_array([pa.array(values, kind)])


@pytest.mark.parametrize(("source", "value", "lake", "expected"), FITTING)
def test_a_value_that_stays_the_same_takes_the_type_of_the_lake(
    source: pa.DataType, value: Any, lake: pa.DataType, expected: Any
) -> None:
    converted = cast_exactly(column(source, value, None), lake, "v")
    assert converted.type == lake
    assert converted.to_pylist() == [expected, None]


@pytest.mark.parametrize(("source", "value", "lake"), ALTERED)
def test_a_value_that_would_change_is_named(source: pa.DataType, value: Any, lake: pa.DataType) -> None:
    with pytest.raises(SourceError, match=r"Column 'v' holds .*does not fit .*request a full refresh"):
        cast_exactly(column(source, None, value), lake, "v")


@pytest.mark.parametrize(("kind", "lake"), [(DAY, INT), (NAIVE, INT), (NAIVE, DAY), (ZONED, TEXT)])
def test_a_time_that_python_does_not_have_is_named_too(kind: pa.DataType, lake: pa.DataType) -> None:
    early = pa.array([-735_000 if kind == DAY else -63_517_823_999_999_999])  # 44 BC, one microsecond after midnight
    values = pa.chunked_array([early.cast(pa.int32() if kind == DAY else pa.int64()).cast(kind)])
    with pytest.raises(SourceError, match=r"Column 'v' holds -0043-\d\d-\d\d.*which does not fit"):
        cast_exactly(values, lake, "v")


@pytest.mark.parametrize("lake", [INT, DOUBLE, BOOL, TEXT, DAY, MONEY, NAIVE, ZONED, CLOCK, pa.binary()])
@pytest.mark.parametrize("source", [INT, DOUBLE, BOOL, TEXT, DAY, MONEY, NAIVE, ZONED, CLOCK, pa.binary()])
def test_nothing_but_nulls_fits_any_type(source: pa.DataType, lake: pa.DataType) -> None:
    assert cast_exactly(column(source, None), lake, "v").to_pylist() == [None]


def test_the_first_value_that_does_not_fit_is_shown() -> None:
    with pytest.raises(SourceError, match=r"holds 2\.50, which does not fit int64"):
        cast_exactly(column(MONEY, Decimal(1), Decimal("2.50"), Decimal("3.50")), INT, "v")


def test_an_error_names_every_column_that_does_not_fit_and_one_way_out() -> None:
    names = [f"v{n}" for n in range(12)]
    table = pa.table({name: pa.array([Decimal(f"{n}.50")], MONEY) for n, name in enumerate(names)})
    columns = [ReadColumn(name, sa.column(name), MONEY, lake=INT) for name in names]
    schema = pa.schema([pa.field(name, INT) for name in names])
    with pytest.raises(SourceError) as caught:
        fitted(table, columns, schema)
    message = str(caught.value)
    assert [f"Column 'v{n}' holds {n}.50" in message for n in range(6)] == [True] * 5 + [False]
    assert "Nor do values of 'v5', 'v6', 'v7', 'v8', 'v9' and others fit." in message
    assert message.count("request a full refresh of the job") == 1
