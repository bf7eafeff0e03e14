"""Which watermarks are times: only those say how far the lake is behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.telemetry.metrics import watermark_time

UTC = UTC


@pytest.mark.parametrize(
    ("watermark", "moment"),
    [
        ("2024-01-31T12:00:00+00:00", datetime(2024, 1, 31, 12, tzinfo=UTC)),
        ("2024-01-31T12:00:00+02:00", datetime(2024, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))),
        ("2024-01-31T12:00:00.123456789Z", datetime(2024, 1, 31, 12, 0, 0, 123456, UTC)),
        ("2024-01-31T12:00:00", datetime(2024, 1, 31, 12, tzinfo=UTC)),
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("20240131", None),
        ("-7", None),
        ("order-2024", None),
        ("", None),
    ],
)
def test_the_time_that_a_watermark_is(watermark: str, moment: datetime | None) -> None:
    assert watermark_time(watermark) == moment
