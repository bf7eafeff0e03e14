"""Where a load with a lookback starts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.errors.hierarchy import SourceError
from shared.sources.lookback import before


@pytest.mark.parametrize(
    ("watermark", "lookback", "start"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), 3600, datetime(2026, 1, 1, 23, tzinfo=UTC)),
        (datetime(2026, 1, 2), 60, datetime(2026, 1, 1, 23, 59)),
        (date(2026, 1, 2), 86_400, date(2026, 1, 1)),
        (date(2026, 1, 2), 1, date(2026, 1, 1)),
        (100, 10, 90),
        (Decimal("100.50"), 10, Decimal("90.50")),
        (1.5, 1, 0.5),
        (date(1, 1, 2), 10**9, date.min),
        (datetime(1, 1, 2, tzinfo=UTC), 10**9, datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_a_lookback_is_seconds_for_times_whole_days_for_dates_and_a_count_for_numbers(
    watermark: Any, lookback: int, start: Any
) -> None:
    assert before(watermark, lookback, "changed") == start


def test_nothing_comes_before_a_text() -> None:
    with pytest.raises(SourceError, match="lookback 5 cannot be taken from the watermark 'A1' of column 'code'"):
        before("A1", 5, "code")
