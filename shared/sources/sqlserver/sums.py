"""Exact sums whose digits are more than the 38 that SQL Server's SUM can have."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from shared.sources.columns import ReadColumn

OVERFLOW = "8115"
"""The number of the error that a result has too many digits."""

_HALF = 19  # of the 38 digits that a number has


def sum_in_halves(column: ReadColumn) -> sa.ColumnElement[Any]:
    """The sums of the upper and of the lower half of all digits, as a text of two numbers that add up to it."""
    scale = column.type.scale if isinstance(column.type, pa.Decimal128Type) else 0
    exponent = _HALF - scale
    # a literal of this very precision, or the rules for the digits of a quotient would cut some off
    unit: sa.ColumnElement[Any] = sa.literal_column(
        "1" + "0" * exponent if exponent > 0 else f"0.{'0' * (-exponent - 1)}1" if exponent else "1."
    )
    number = sa.cast(column.comparable, sa.Numeric(38, scale))
    lower: sa.ColumnElement[Any] = number.op("%", precedence=8)(unit)
    upper = sa.cast((number - lower).op("/", precedence=8)(unit), sa.Numeric(38, 0))
    return _text(sa.func.sum(upper)) + sa.literal_column(f"'E{exponent} '") + _text(sa.func.sum(lower))


def _text(number: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.cast(number, sa.VARCHAR(60)), sa.literal_column("'0'"), type_=sa.VARCHAR(60))
