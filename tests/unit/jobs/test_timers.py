"""The app's timers as the host reads them: what is a schedule, and when it ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhost.host.timers import next_occurrence
from shared.jobs.timers import check_timer, next_tick

UTC = UTC
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 1, 1, 12, 30, 1, tzinfo=UTC)


READ = [
    *("0 0 2 * * *", "*/15 * * * * *", "0 */5 * * * *", "*/5 * * * *", "0 0 0 1 JAN Mon-Fri", "0 30 9-17/2 * * 1,3"),
    *("  0  0 2 * * * ", "0 0 5/6 * * *", "0 0 2 * july-sept W", "0 0 22-2 * * *", "0 0 2 */0 * *", "0 0 2 * * SAT-1"),
    *("01:00:00", "1:30", "2.00:00:00", "25:00:00", "1:02:03:04", "7"),
]
"""The library NCrontab reads these, and .NET the last ones as spans of time."""
NOT_READ = [
    *("", "* * * *", "0 0 25 * * *", "@hourly", "0 0 2 * * * 2026", "0 0 2 L * *", "0 0 2 ? * *", "0 0 2 * * 7"),
    *("0 0 2 * * 1#2", "0 0 2 * *,", "0 0 2 * * ,1", "every day", "00:00:00", "0 0 2 * 13 *", "0 0 2 * * monster"),
    *(
        "0 0 2 * *\t*",
        "0 0 2 0 * *",
        "0 0 2 5-32 * *",
        "0 0 2 /5 * *",
        "0 0 2 */ * *",
        "0 0 2 1-2-3 * *",
        "60 0 2 * * *",
    ),
    *("0 0 2 * * 5L", "0 0 2 -1 * *", "0 0 2 * ² *", "01:60:00", "25:00", "0 0 2 jan * *"),
]


@pytest.mark.parametrize("timer", READ)
def test_the_host_reads_it(timer: str) -> None:
    check_timer(timer)
    assert next_tick(timer, NOW) == next_occurrence(timer, NOW) > NOW


@pytest.mark.parametrize("timer", NOT_READ)
def test_the_host_switches_the_function_off(timer: str) -> None:
    with pytest.raises(ValueError, match="is not an NCRONTAB expression"):
        check_timer(timer)
    with pytest.raises(ValueError):
        next_occurrence(timer, NOW)


@pytest.mark.parametrize(
    ("timer", "tick"),
    [
        ("0 0 2 * * W", datetime(2026, 1, 7, 2, tzinfo=UTC)),
        ("0 0 2 * ju *", datetime(2026, 6, 1, 2, tzinfo=UTC)),  # the first of June and July
        ("0 0 13-2 * * *", datetime(2026, 1, 1, 13, tzinfo=UTC)),  # turned round: from 2 to 13
        ("0 0 14-2/5 * * *", datetime(2026, 1, 2, 2, tzinfo=UTC)),  # 2, 7 and 12
        ("0 0 2 */0 * *", datetime(2026, 1, 2, 2, tzinfo=UTC)),
        ("25:00:00", NOW.replace(day=26)),
        ("1.01:00:00", datetime(2026, 1, 2, 13, 30, 1, tzinfo=UTC)),
    ],
)
def test_what_the_host_reads_beyond_its_documentation_ticks_as_there(timer: str, tick: datetime) -> None:
    assert (next_tick(timer, NOW), next_occurrence(timer, NOW)) == (tick, tick)


def test_a_time_that_never_comes_is_read_and_does_not_tick() -> None:
    check_timer("0 0 0 31 2 *")
    assert next_occurrence("0 0 0 31 2 *", NOW).year == 9999
    with pytest.raises(ValueError, match="is not an NCRONTAB expression"):
        next_tick("0 0 0 31 2 *", NOW)


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


_values = st.one_of(
    st.integers(0, 61).map(str), st.sampled_from(["JAN", "j", "decem", "Tue", "s", "friday", "x", "", "07", "*"])
)
_ranges = st.tuples(_values, st.sampled_from(["-", "/", "-/"]), _values, st.integers(0, 9)).map(
    lambda parts: f"{parts[0]}-{parts[2]}/{parts[3]}" if parts[1] == "-/" else f"{parts[0]}{parts[1]}{parts[2]}"
)
_fields = st.lists(st.one_of(st.just("*"), _values, _ranges), min_size=1, max_size=3).map(",".join)


@given(
    st.lists(_fields, min_size=5, max_size=6).map(" ".join),
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
)
def test_app_and_stand_in_host_agree_on_every_expression(timer: str, at: datetime) -> None:
    """Two readers, written apart from one another."""
    try:
        check_timer(timer)
    except ValueError:
        with pytest.raises(ValueError):
            next_occurrence(timer, at)
        return
    expected = next_occurrence(timer, at)
    if expected.year < 2070:
        assert next_tick(timer, at + timedelta(microseconds=1)) == expected
