"""Watermarks as text become values of their column's type, and come back as text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from shared.errors.hierarchy import SourceError
from shared.sources.watermark import typed_watermark, watermark_text

US, IN_UTC = pa.timestamp("us"), pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("text", "arrow_type", "value"),
    [
        ("1000", pa.int64(), 1000),
        (" -5 ", pa.int64(), -5),
        ("1.50", pa.decimal128(10, 2), Decimal("1.50")),
        ("1.5", pa.float64(), 1.5),
        ("A1", pa.string(), "A1"),
        ("2024-01-31", pa.date32(), date(2024, 1, 31)),
        ("2024-01-31", US, datetime(2024, 1, 31)),
        ("2024-01-31T08:00:00.5", US, datetime(2024, 1, 31, 8, 0, 0, 500_000)),
        ("2024-01-31 08:00", IN_UTC, datetime(2024, 1, 31, 8, tzinfo=UTC)),
        ("2024-01-31T08:00:00Z", IN_UTC, datetime(2024, 1, 31, 8, tzinfo=UTC)),
        ("2024-03-31T02:30:00+02:00", US, datetime(2024, 3, 31, 0, 30)),
        (None, US, None),
        ("", pa.int64(), None),
    ],
)
def test_a_text_becomes_a_value_of_the_column(text: str | None, arrow_type: pa.DataType, value: Any) -> None:
    assert typed_watermark(text, arrow_type, "at") == value


@pytest.mark.parametrize(
    ("text", "arrow_type"),
    [("x", pa.int64()), ("1.5", pa.int64()), ("31.01.2024", US), ("2024-13-01", pa.date32()), ("x", pa.float64())],
)
def test_a_text_of_another_kind_is_refused_with_an_example(text: str, arrow_type: pa.DataType) -> None:
    with pytest.raises(SourceError, match=f"last_watermark '{text}' is not a value of column 'at' .*; write it like"):
        typed_watermark(text, arrow_type, "at")


@pytest.mark.parametrize("arrow_type", [pa.bool_(), pa.binary(), pa.time64("us")])
def test_a_type_without_an_order_carries_no_watermark(arrow_type: pa.DataType) -> None:
    with pytest.raises(SourceError, match="cannot be a watermark_column"):
        typed_watermark(None, arrow_type, "at")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (5, "5"),
        (Decimal("1.50"), "1.50"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 8, tzinfo=UTC), "2024-01-31T08:00:00+00:00"),
    ],
)
def test_a_watermark_is_written_in_iso_8601_and_digits(value: Any, text: str | None) -> None:
    assert watermark_text(value) == text
