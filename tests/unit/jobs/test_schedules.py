"""When jobs are due and when sources are quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.jobs.schedules import is_due, next_due, next_start, overdue_since, quiet_until
from shared.jobs.timers import next_tick


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_a_job_without_a_schedule_is_due_in_every_tick() -> None:
    assert is_due(None, utc(1, 2), utc(1, 2))


@pytest.mark.parametrize(
    ("since", "now", "due"),
    [
        (utc(1, 3, 1), utc(2, 2), False),
        (utc(1, 3, 1), utc(2, 3), True),
        (utc(1, 3, 1), utc(5, 2), True),
        (utc(2, 3), utc(2, 4), False),
    ],
)
def test_a_job_is_due_in_the_first_tick_at_or_after_its_time(since: datetime, now: datetime, due: bool) -> None:
    assert is_due("0 3 * * *", since, now) is due


def test_a_schedule_keeps_to_utc_when_clocks_change_elsewhere() -> None:
    assert [next_due("30 2 * * *", utc(day, 3)).hour for day in (28, 29, 30)] == [2, 2, 2]


@pytest.mark.parametrize("schedule", ["", "* * * *", "0 0 2 * * *", "@daily", "61 * * * *", "0 0 31 2 *", "H * * * *"])
def test_what_is_no_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"is not a cron expression|never comes"):
        next_due(schedule, utc(1, 0))


@pytest.mark.parametrize(
    ("hours", "at", "until"),
    [
        (None, utc(1, 12), None),
        ("07:00-19:00", utc(1, 6, 59), None),
        ("07:00-19:00", utc(1, 7), utc(1, 19)),
        ("07:00-19:00", utc(1, 19), None),
        ("22:00-06:00 UTC", utc(1, 23), utc(2, 6)),
        ("22:00-06:00", utc(2, 5, 59), utc(2, 6)),
        ("22:00-06:00", utc(2, 6), None),
    ],
)
def test_quiet_hours_end_when_they_say(hours: str | None, at: datetime, until: datetime | None) -> None:
    assert quiet_until(hours, at) == until


@pytest.mark.parametrize(
    ("schedule", "quiet", "start"),
    [
        (None, None, utc(2, 2)),
        ("0 3 * * *", None, utc(2, 2)),
        ("0 3 3 * *", None, utc(4, 2)),
        ("0 1 * * *", None, utc(2, 2)),
        ("0 12 5 * *", None, utc(6, 2)),
        (None, "01:00-03:00", None),
        (None, "03:00-01:00", utc(2, 2)),
    ],
)
def test_a_job_starts_in_the_first_tick_in_which_it_is_due_and_its_source_not_quiet(
    schedule: str | None, quiet: str | None, start: datetime | None
) -> None:
    arguments = ("0 0 2 * * *", schedule, quiet, utc(1, 2), utc(1, 12))
    if start is None:
        with pytest.raises(ValueError, match="has no tick outside the quiet hours 01:00-03:00"):
            next_start(*arguments)
    else:
        assert next_start(*arguments) == start


def test_a_schedule_goes_by_utc_over_a_clock_change() -> None:
    # clocks in most of Europe went forward in the night to 29 March 2026
    assert [next_due("30 1 * * *", utc(day, 12)) for day in (27, 28, 29)] == [
        utc(day + 1, 1, 30) for day in (27, 28, 29)
    ]
    assert not is_due("30 2 * * *", utc(28, 2, 30), utc(29, 2, 29))
    assert is_due("30 2 * * *", utc(28, 2, 30), utc(29, 2, 30))


def test_ticks_of_the_timer_have_seconds() -> None:
    assert next_tick("30 */5 * * * *", utc(1, 2)) == utc(1, 2).replace(second=30)
    assert next_tick("0 0 2 * * *", utc(1, 2)) == utc(1, 2)
    with pytest.raises(ValueError, match="is not an NCRONTAB expression"):
        next_tick("hourly", utc(1, 2))


@pytest.mark.parametrize(
    ("schedule", "loaded", "now", "since"),
    [
        (None, utc(1, 2), utc(2, 2, 24), None),
        (None, utc(1, 2), utc(2, 2, 25), utc(2, 2, 25)),
        (None, utc(2, 1, 59), utc(2, 2, 30), utc(2, 2, 25)),
        ("0 3 * * 1", utc(2, 12), utc(9, 23), None),
        ("0 3 * * 1", utc(2, 12), utc(10, 3), utc(10, 2, 25)),
    ],
    ids=["in its grace", "after it", "a run before the tick does not count", "weekly", "weekly late"],
)
def test_a_job_is_overdue_when_its_tick_has_passed_and_the_time_that_a_load_may_take(
    schedule: str | None, loaded: datetime, now: datetime, since: datetime | None
) -> None:
    assert overdue_since("0 0 2 * * *", schedule, None, loaded, timedelta(minutes=25), now) == since


def test_nothing_is_overdue_in_quiet_hours() -> None:
    times = [overdue_since("0 0 2,5 * * *", None, "01:00-04:00", utc(1, 6), timedelta(0), utc(2, at)) for at in (4, 5)]
    assert times == [None, utc(2, 5)]
