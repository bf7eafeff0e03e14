"""The schedules of the app's timers as the Functions host reads them; pure.

Six fields of NCRONTAB, or five without the second, or a span of time
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions). The fields are those
of the library NCrontab: no `L`, `W`, `#` or `?`, days of the week from 0 to 6, and a day must match both of its fields.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

_SPAN = re.compile(r"(?:(\d+)\.)?([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[range, tuple[str, ...]], ...] = (
    (range(60), ()),
    (range(60), ()),
    (range(24), ()),
    (range(1, 32), ()),
    (range(1, 13), _MONTHS),
    (range(7), _DAYS),
)
_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")
NOT_A_SCHEDULE = "is not an NCRONTAB expression of six fields"


@lru_cache(maxsize=1000)
def check_timer(timer: str) -> None:
    """Raises ValueError when the host would switch off a function with this schedule."""
    if _span(timer) is not None:
        return
    fields = timer.split()
    if len(fields) not in (5, 6):
        raise ValueError(NOT_A_SCHEDULE)
    for field, (values, names) in zip(fields, _FIELDS[-len(fields) :], strict=True):
        if not all(_is_part(part, values, names) for part in field.lower().split(",")):
            raise ValueError(f"{NOT_A_SCHEDULE}: '{field}'")


@lru_cache(maxsize=10_000)
def next_tick(timer: str, at: datetime, zone: tzinfo = UTC) -> datetime:
    """The first tick of the app's timer at `at` or later, in UTC.

    Args:
        timer: Its schedule. Of a span of time it is not known when the host started, so `at` counts as the first tick.
        at: A time with its zone.
        zone: Whose clock the fields mean.

    Raises:
        ValueError: the host cannot read the schedule, or it names a time that never comes.
    """
    check_timer(timer)
    if (span := _span(timer)) is not None:
        return at + span
    before = at.astimezone(UTC) - timedelta(microseconds=1)
    local = before.astimezone(zone).replace(tzinfo=None)
    try:
        ticks = croniter(timer, local, day_or=False, second_at_beginning=len(timer.split()) == 6)
        while True:
            tick: datetime = ticks.get_next(datetime)
            if (in_utc := tick.replace(tzinfo=zone).astimezone(UTC)) > before:  # not when clocks go back
                return in_utc
    except (CroniterBadCronError, CroniterBadDateError):
        raise ValueError(NOT_A_SCHEDULE) from None


def _span(timer: str) -> timedelta | None:
    found = _SPAN.fullmatch(timer.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None


def _is_part(part: str, values: range, names: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if found is None or found["step"] == "0":
        return False
    first, last = (_value(found[name], names) if found[name] else None for name in ("first", "last"))
    return first is None or (first in values and (last is None or (last in values and first <= last)))


def _value(text: str, names: tuple[str, ...]) -> int:
    if text.isdigit():
        return int(text)
    for number, name in enumerate(names, start=1 if names is _MONTHS else 0):
        if text[:3] == name:
            return number
    return -1
