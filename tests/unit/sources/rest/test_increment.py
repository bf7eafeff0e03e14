"""The watermark as servers want it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from shared.errors.hierarchy import SourceError
from shared.sources.rest.moments import ZONED
from shared.sources.rest.server_filter import server_filter
from tests.unit.sources.rest.jobs import an_api_job


@pytest.mark.parametrize(
    ("start", "known", "pattern", "expected"),
    [
        ("2026-01-02T03:04:05+00:00", ZONED, None, "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+02:00", ZONED, "iso", "2026-01-02T01:04:05Z"),
        ("2026-01-02T03:04:05", None, None, "2026-01-02T03:04:05"),
        ("2026-01-02", pa.date32(), None, "2026-01-02"),
        ("2026-01-02", pa.date32(), "%d/%m/%Y", "02/01/2026"),
        ("1970-01-02T00:00:00Z", None, "unix", "86400"),
        ("1970-01-02", pa.string(), "unix", "36000"),  # it may be a day of the zone UTC+14
        ("2026-01-02T00:00:00", None, "unix", "1767261600"),
        ("1767225600123", pa.int64(), "unix", "1767225600"),
        ("1767225600", pa.int64(), "%Y-%m-%d", "2026-01-01"),
        ("1970-01-02", pa.string(), None, "1970-01-02"),
        ("1970-01-02T00:00:00Z", ZONED, "unix_ms", "86400000"),
        ("17", pa.int64(), None, "17"),
        ("A-17", None, None, "A-17"),
    ],
)
def test_a_watermark_is_formatted(start: str, known: pa.DataType | None, pattern: str | None, expected: str) -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "at", "api_cursor_filter_param": "since"}
    job = an_api_job(**cells, api_cursor_filter_format=pattern)
    assert server_filter(job, start, known) == {"since": expected}


def test_lookback_asks_for_earlier_rows() -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "at", "api_cursor_filter_param": "since"}
    job = an_api_job(**cells, lookback=3600)
    assert server_filter(job, "2026-01-02T03:00:00+00:00", ZONED) == {"since": "2026-01-02T02:00:00Z"}


def test_a_number_has_no_format_of_times() -> None:
    cells = {"load_type": "INCREMENTAL", "watermark_column": "n", "api_cursor_filter_param": "since"}
    with pytest.raises(SourceError, match="'unix' is one of times, but the watermark is '17'"):
        server_filter(an_api_job(**cells, api_cursor_filter_format="unix"), "17", pa.int64())
