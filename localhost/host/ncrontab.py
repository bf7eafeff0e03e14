"""Schedules as NCrontab reads them, the library of the real host; written after its source, apart from the app's own.

It takes more than its documentation says: any beginning of an English name (`W`, `jun`), ranges from the greater to
the smaller value, which it turns round, a step of 0, which counts as 1. It does not take `7`, `L`, `#`, `?` or a tab.
Source: `CrontabFieldImpl.cs`, `CrontabField.cs` and `CrontabSchedule.cs` of https://github.com/atifaziz/NCrontab.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_KINDS: tuple[tuple[int, int, list[str]], ...] = (
    (0, 59, []),
    (0, 59, []),
    (0, 23, []),
    (1, 31, []),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_YEARS = 100  # a schedule that has no day in so many has none


@dataclass(frozen=True)
class Schedule:
    """The values of each field."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    days_of_week: frozenset[int]

    @classmethod
    def parse(cls, expression: str) -> Schedule:
        """Read six fields, or five without the second, which is 0 then.

        Raises:
            ValueError: the library refuses the expression.
        """
        fields = [field for field in expression.split(" ") if field]
        if len(fields) not in (5, 6):
            raise ValueError(f"schedule {expression!r} has {len(fields)} fields; expected 6 (or 5 without the second)")
        if len(fields) == 5:
            fields.insert(0, "0")
        return cls(*(frozenset(_values(field, *kind)) for field, kind in zip(fields, _KINDS, strict=True)))

    def after(self, moment: datetime) -> datetime | None:
        """The first match later than a moment without a zone; None if there is none."""
        for day in _days_from(moment.date()):
            # A day must match both of its fields; plain cron takes either.
            weekday = day.isoweekday() % 7
            if day.month in self.months and day.day in self.days and weekday in self.days_of_week:
                earliest = moment.time() if day == moment.date() else None
                for parts in product(sorted(self.hours), sorted(self.minutes), sorted(self.seconds)):
                    if earliest is None or time(*parts) > earliest:
                        return datetime.combine(day, time(*parts))
        return None


def _days_from(day: date) -> Iterator[date]:
    return (day + timedelta(days=number) for number in range(_YEARS * 366))


def _values(field: str, lowest: int, highest: int, names: list[str]) -> Iterator[int]:
    for part in field.split(",") if field.find(",") > 0 else [field]:
        text, slash, step_text = part.partition("/")
        step = max(1, int(step_text)) if slash and text else 1
        if text == "*":
            yield from range(lowest, highest + 1, step)
            continue
        first_text, dash, last_text = text.partition("-")
        first = _value(first_text, lowest, names)
        last = _value(last_text, lowest, names) if dash else highest if slash else first
        first, last = min(first, last), max(first, last)
        if first < lowest or last > highest:
            raise ValueError(f"field {field!r}: {part!r} is not from {lowest} to {highest}")
        yield from range(first, last + 1, step)


def _value(text: str, lowest: int, names: list[str]) -> int:
    if text[:1].isascii() and text[:1].isdigit():
        return int(text)
    for number, name in enumerate(names, start=lowest):
        if text and name.lower().startswith(text.lower()):
            return number
    raise ValueError(f"{text!r} is no value of a schedule's field")
