"""When a job is due and when its source has quiet hours; pure, all times in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

from shared.jobs.timers import next_tick

_QUIET_TICKS = 1000  # one a day for years: a timer whose every tick is quiet never starts the job


_LOOKED_AT = 50  # times of a schedule: two months of a daily one

_QUIET_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)(?:\s*UTC)?", re.IGNORECASE)


@lru_cache(maxsize=10_000)
def next_due(schedule: str, after: datetime) -> datetime:
    """The first time after `after` that a cron expression names.

    Args:
        schedule: Five fields: minute, hour, day of the month, month, day of the week.
        after: A time with its zone.

    Raises:
        ValueError: the expression is not one, or names no time that ever comes.
    """
    if len(schedule.split()) != 5:
        raise ValueError("is not a cron expression of five fields (minute hour day month weekday)")
    try:
        due: datetime = croniter(schedule, after).get_next(datetime)
    except CroniterBadDateError:
        raise ValueError("names a time that never comes") from None
    except CroniterBadCronError:
        raise ValueError(
            "is not a cron expression of five fields (minute hour day month weekday) within their ranges"
        ) from None
    return due


def is_due(schedule: str | None, since: datetime, now: datetime) -> bool:
    """Whether a job should run in this tick: always without a schedule, else when its time has come since `since`.

    Args:
        schedule: The job's cron expression.
        since: When the job last ran, or became part of the configuration.
        now: The time of the tick.
    """
    return schedule is None or next_due(schedule, since) <= now


def next_start(
    timer: str,
    schedule: str | None,
    quiet_hours: str | None,
    since: datetime,
    now: datetime,
    zone: tzinfo = UTC,
) -> datetime:
    """The tick in which a job runs next: the first one in which it is due and its source is not quiet.

    Args:
        timer: The schedule of the app's timer, as the host reads it.
        schedule: The job's cron expression.
        quiet_hours: Those of its source.
        since: When the job last ran, or became part of the configuration.
        now: A time in UTC.
        zone: Whose clock the timer's fields mean; a job's own schedule is always in UTC.

    Raises:
        ValueError: one of the expressions is wrong.
    """
    tick = next_tick(timer, max(now, next_due(schedule, since)) if schedule else now, zone)
    for _ in range(_QUIET_TICKS):
        quiet = quiet_until(quiet_hours, tick)
        if quiet is None:
            return tick
        tick = next_tick(timer, quiet, zone)
    raise ValueError(f"has no tick outside the quiet hours {quiet_hours}")


def overdue_since(
    timer: str,
    schedule: str | None,
    quiet_hours: str | None,
    since: datetime,
    grace: timedelta,
    now: datetime,
    zone: tzinfo = UTC,
) -> datetime | None:
    """When a load should have been there that still is missing; None while none is.

    Args:
        timer: The schedule of the app's timer, as the host reads it.
        schedule: The job's cron expression.
        quiet_hours: Those of its source.
        since: The start of the last run that loaded the job, or when it became part of the configuration.
        grace: How long a load may take after the tick that starts it.
        now: A time in UTC.
        zone: Whose clock the timer's fields mean.

    Raises:
        ValueError: one of the expressions is wrong.
    """
    after = since + timedelta(microseconds=1)
    expected = next_start(timer, schedule, quiet_hours, since, after, zone) + grace
    return expected if expected <= now else None


def shares_ticks(timer: str, schedule: str, after: datetime, zone: tzinfo = UTC) -> bool:
    """Whether a schedule is finer than the timer: two of the times that it names come before one tick.

    Args:
        timer: The schedule of the app's timer, as the host reads it.
        schedule: The job's cron expression.
        after: A time in UTC; the times after it are looked at.
        zone: Whose clock the timer's fields mean.

    Raises:
        ValueError: one of the expressions is wrong.
    """
    due = next_due(schedule, after)
    for _ in range(_LOOKED_AT):
        following = next_due(schedule, due)
        if next_tick(timer, due, zone) >= following:
            return True
        due = following
    return False


def quiet_until(quiet_hours: str | None, at: datetime) -> datetime | None:
    """When the quiet hours end that `at` falls into; None if it falls into none.

    Args:
        quiet_hours: `07:00-19:00` or, over midnight, `22:00-06:00`; UTC.
        at: A time in UTC.

    Raises:
        ValueError: `quiet_hours` is not of that form.
    """
    if quiet_hours is None:
        return None
    start, end = parse_quiet_hours(quiet_hours)
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if end <= start:  # over midnight: what began yesterday counts too
        end += timedelta(days=1)
    for day in (timedelta(days=-1), timedelta(0)):
        if midnight + day + start <= at < midnight + day + end:
            return midnight + day + end
    return None


def parse_quiet_hours(text: str) -> tuple[timedelta, timedelta]:
    """Start and end as times since midnight, UTC.

    Raises:
        ValueError: the text is not of the form `07:00-19:00`.
    """
    found = _QUIET_HOURS.fullmatch(text.strip())
    if not found:
        raise ValueError("is not a span of time like 07:00-19:00 UTC")
    hours = [int(part) for part in found.groups()]
    start, end = timedelta(hours=hours[0], minutes=hours[1]), timedelta(hours=hours[2], minutes=hours[3])
    if start == end:
        raise ValueError("starts and ends at the same time; leave it blank for no quiet hours")
    return start, end
