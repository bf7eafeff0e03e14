"""The app's timers as the host reads them: what is a schedule, and when it ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhost.host.timers import next_occurrence
from shared.jobs.timers import check_timer, next_tick

UTC = UTC
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 1, 1, 12, 30, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "timer",
    [
        "0 0 2 * * *",
        "*/15 * * * * *",
        "0 */5 * * * *",
        "*/5 * * * *",
        "0 0 0 1 JAN Mon-Fri",
        "0 30 9-17/2 * * 1,3",
        "01:00:00",
    ],
)
def test_the_host_reads_it(timer: str) -> None:
    check_timer(timer)
    assert next_tick(timer, NOW) > NOW


@pytest.mark.parametrize(
    "timer",
    [
        *("", "* * * *", "0 0 25 * * *", "@hourly", "0 0 2 * * * 2026", "0 0 2 L * *", "0 0 2 ? * *", "0 0 2 * * 7"),
        *("0 0 2 * * 1#2", "0 0 2 * *,", "0 0 2 */0 * *", "0 0 5-2 * * *", "every day", "00:00:00", "0 0 2 * 13 *"),
    ],
)
def test_the_host_switches_the_function_off(timer: str) -> None:
    with pytest.raises(ValueError, match="is not an NCRONTAB expression"):
        check_timer(timer)


def test_a_day_must_match_both_of_its_fields() -> None:
    assert next_tick("0 0 0 13 * FRI", NOW) == datetime(2026, 2, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "tick"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)),
        (datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 1, 0, tzinfo=UTC)),
        (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # 02:00 is skipped that day
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, tzinfo=UTC)),  # and comes twice that day
    ],
)
def test_a_time_zone_shifts_the_ticks(at: datetime, tick: datetime) -> None:
    assert next_tick("0 0 2 * * *", at, BERLIN) == tick


@given(
    st.sampled_from(["0 0 2 * * *", "30 */7 * * * *", "0 15 4 1-7 * MON", "0 0 */6 * 2 *", "0 5 2 * * SUN"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([UTC, BERLIN, ZoneInfo("America/St_Johns")]),
)
def test_the_stand_in_host_ticks_when_the_app_expects_it(timer: str, at: datetime, zone: ZoneInfo | timezone) -> None:
    tick = next_tick(timer, at, zone)
    assert tick >= at
    if tick > at:
        assert tick == next_occurrence(timer, at, zone)
