"""The schedules of the app's timers as the Functions host reads them; pure.

Six fields of NCRONTAB, or five without the second, or a span of time
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions). The fields are those
of the library NCrontab: any beginning of an English name, ranges also from the greater to the smaller value, days of
the week from 0 to 6; no `L`, `#` or `?`; and a day must match both of its fields.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

_CLOCK = r"(?P<hours>[01]?\d|2[0-3]):(?P<minutes>[0-5]?\d)(?::(?P<seconds>[0-5]?\d))?"
_DAYS = r"(?P<days>\d{1,5})"
# As .NET reads them: in 25:00:00 the first number is none of a day's hours, so it counts days.
_SPANS = tuple(map(re.compile, (rf"(?:{_DAYS}\.)?{_CLOCK}", rf"{_DAYS}:{_CLOCK}", _DAYS)))
_NAMES_OF_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_NAMES_OF_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_FIELDS: tuple[tuple[range, tuple[str, ...]], ...] = (
    (range(60), ()),
    (range(60), ()),
    (range(24), ()),
    (range(1, 32), ()),
    (range(1, 13), _NAMES_OF_MONTHS),
    (range(7), _NAMES_OF_DAYS),
)
_VALUE = "[0-9]{1,9}|[a-z]+"
_PART = re.compile(rf"(?:\*|(?P<first>{_VALUE})(?:-(?P<last>{_VALUE}))?)(?:/(?P<step>[0-9]{{1,9}}))?")
NOT_A_SCHEDULE = "is not an NCRONTAB expression of six fields"


def check_timer(timer: str) -> None:
    """Raises ValueError when the host would switch off a function with this schedule."""
    if _span(timer) is None:
        _expanded(timer)


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
    if (span := _span(timer)) is not None:
        return at + span
    fields = _expanded(timer)
    before = at.astimezone(UTC) - timedelta(microseconds=1)
    local = before.astimezone(zone).replace(tzinfo=None)
    try:
        ticks = croniter(fields, local, day_or=False, second_at_beginning=True)
        while True:
            tick: datetime = ticks.get_next(datetime)
            if (in_utc := tick.replace(tzinfo=zone).astimezone(UTC)) > before:  # not when clocks go back
                return in_utc
    except (CroniterBadCronError, CroniterBadDateError):
        raise ValueError(NOT_A_SCHEDULE) from None


def _span(timer: str) -> timedelta | None:
    for pattern in _SPANS:
        if found := pattern.fullmatch(timer.strip()):
            return timedelta(**{unit: int(text) for unit, text in found.groupdict().items() if text}) or None
    return None


@lru_cache(maxsize=1000)
def _expanded(timer: str) -> str:
    """Six fields that list their values: croniter reads names, steps and ranges otherwise than the host."""
    fields = [field for field in timer.split(" ") if field]
    if len(fields) not in (5, 6):
        raise ValueError(NOT_A_SCHEDULE)
    expanded = [_values(field, *kind) for field, kind in zip(fields, _FIELDS[-len(fields) :], strict=True)]
    return " ".join(expanded if len(fields) == 6 else ["0", *expanded])


def _values(field: str, allowed: range, names: tuple[str, ...]) -> str:
    values: set[int] = set()
    for part in field.lower().split(","):
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{NOT_A_SCHEDULE}: '{field}'")
        first, last = allowed[0], allowed[-1]
        if found["first"]:
            first = _value(found["first"], allowed, names)
            if found["last"] or not found["step"]:
                last = _value(found["last"] or found["first"], allowed, names)
        first, last = min(first, last), max(first, last)
        if first not in allowed or last not in allowed:
            raise ValueError(f"{NOT_A_SCHEDULE}: '{field}'")
        values.update(range(first, last + 1, max(1, int(found["step"] or 1))))
    return "*" if len(values) == len(allowed) else ",".join(map(str, sorted(values)))


def _value(text: str, allowed: range, names: tuple[str, ...]) -> int:
    if text[0].isdigit():
        return int(text)
    return next((value for value, name in zip(allowed, names, strict=bool(names)) if name.startswith(text)), -1)
