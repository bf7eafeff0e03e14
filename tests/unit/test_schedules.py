"""When jobs are due and when sources are quiet."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from shared.schedules import is_due, next_due, quiet_until


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=timezone.utc)


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
