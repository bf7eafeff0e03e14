"""`lookback`: an incremental load that starts before its watermark, for rows that came late."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.errors.hierarchy import SourceError

_DAY_SECONDS = 86_400


def before(watermark: Any, lookback: int, column_name: str) -> Any:
    """A watermark less the lookback, or the earliest that there is.

    Args:
        watermark: A value of the watermark column.
        lookback: Seconds for times (for dates rounded up to days), a count for numbers.
        column_name: The column, for the error message.

    Raises:
        SourceError: the watermark is a text.
    """
    try:
        if isinstance(watermark, datetime):
            return watermark - timedelta(seconds=lookback)
        if isinstance(watermark, date):
            return watermark - timedelta(days=math.ceil(lookback / _DAY_SECONDS))
    except OverflowError:
        return watermark.min.replace(tzinfo=watermark.tzinfo) if isinstance(watermark, datetime) else date.min
    if isinstance(watermark, (int, float, Decimal)):
        return watermark - lookback
    raise SourceError(
        f"lookback {lookback} cannot be taken from the watermark '{watermark}' of column '{column_name}', which is a "
        "text: leave lookback blank, or choose a watermark_column of numbers or times."
    )
