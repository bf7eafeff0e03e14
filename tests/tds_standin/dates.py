"""T-SQL's functions of dates and times."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from . import kinds as k
from .convert import cast
from .functions import kind_of
from .kinds import Kind
from .moments import clock, fit_moment
from .tokens import SqlError

_PARTS = {
    "year": "year yy yyyy", "quarter": "quarter qq q", "month": "month mm m", "dayofyear": "dayofyear dy y",
    "day": "day dd d", "week": "week wk ww", "iso_week": "iso_week isowk isoww", "weekday": "weekday dw w",
    "hour": "hour hh", "minute": "minute mi n", "second": "second ss s", "millisecond": "millisecond ms",
    "microsecond": "microsecond mcs", "nanosecond": "nanosecond ns", "tzoffset": "tzoffset tz",
}  # fmt: skip


PART = {short: name for name, shorts in _PARTS.items() for short in shorts.split()}


_TICKS = {
    "week": 7 * k.DAY, "day": k.DAY, "dayofyear": k.DAY, "weekday": k.DAY, "hour": 36_000_000_000,
    "minute": 600_000_000, "second": 10_000_000, "millisecond": 10_000, "microsecond": 10,
}  # fmt: skip


def _local(value: Any, kind: Kind) -> int:
    """The local ticks of any moment."""
    return int(cast(value, kind, Kind("datetime2", scale=7)))


def t_datepart(part: str, value: Any, kind: str) -> Any:
    if value is None:
        return None
    source = kind_of(kind)
    if part == "tzoffset":
        return k.zoned_value(value)[1] if source.family == "zoned" else 0
    ticks = _local(value, source)
    day = date.fromordinal(ticks // k.DAY + 1)
    hour, minute, second, fraction = clock(ticks % k.DAY)
    first = date(day.year, 1, 1)
    return {
        "year": day.year, "quarter": (day.month + 2) // 3, "month": day.month, "dayofyear": (day - first).days + 1,
        "day": day.day, "week": ((day - first).days + first.isoweekday() % 7) // 7 + 1,
        "iso_week": day.isocalendar()[1],
        "weekday": day.isoweekday() % 7 + 1, "hour": hour, "minute": minute, "second": second,
        "millisecond": fraction // 10_000, "microsecond": fraction // 10, "nanosecond": fraction * 100,
    }[part]  # fmt: skip


_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


def t_datename(part: str, number: Any) -> Any:
    if number is None:
        return None
    return _MONTHS[number - 1] if part == "month" else _DAYS[number - 1] if part == "weekday" else str(number)


def t_dateadd(part: str, count: Any, value: Any, kind: str) -> Any:
    if value is None or count is None:
        return None
    source = kind_of(kind)
    minutes = k.zoned_value(value)[1] if source.family == "zoned" else 0
    ticks, count = _local(value, source), int(count)
    if part in ("year", "quarter", "month"):
        months = count * {"year": 12, "quarter": 3, "month": 1}[part]
        day = date.fromordinal(ticks // k.DAY + 1)
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        if not 1 <= year <= 9999:
            raise SqlError(517, f"Adding a value to a '{source.name}' column caused an overflow.")
        last = (
            (date(year + month // 11, (month + 1) % 12 + 1, 1).toordinal() - 1) if (year, month) != (9999, 11) else None
        )
        length = date.fromordinal(last).day if last else 31
        ticks = (date(year, month + 1, min(day.day, length)).toordinal() - 1) * k.DAY + ticks % k.DAY
    elif part == "nanosecond":
        ticks += k.rescaled(count, 2, 0)
    else:
        ticks += count * _TICKS[part]
    if not 0 <= ticks < 3_652_059 * k.DAY:
        raise SqlError(517, f"Adding a value to a '{source.name}' column caused an overflow.")
    if source.family == "zoned":
        return k.zoned_stored(ticks - minutes * 600_000_000, minutes)
    return ticks % k.DAY if source.family == "time" else fit_moment(ticks, source)


def t_datediff(part: str, first: Any, first_kind: str, second: Any, second_kind: str, big: int) -> Any:
    if first is None or second is None:
        return None
    a, b = _local(first, kind_of(first_kind)), _local(second, kind_of(second_kind))
    if part in ("year", "quarter", "month"):
        early, late = date.fromordinal(a // k.DAY + 1), date.fromordinal(b // k.DAY + 1)
        months = late.year * 12 + late.month - early.year * 12 - early.month
        quarters = late.year * 4 + (late.month - 1) // 3 - early.year * 4 - (early.month - 1) // 3
        made = {"year": late.year - early.year, "quarter": quarters, "month": months}[part]
    elif part == "nanosecond":
        made = (b - a) * 100
    elif part == "week":  # weeks begin on Sunday
        made = (b // k.DAY + 1) // 7 - (a // k.DAY + 1) // 7
    else:
        made = b // _TICKS[part] - a // _TICKS[part]
    if not big and not -(1 << 31) <= made < 1 << 31:
        raise SqlError(535, "The datediff function resulted in an overflow. The number of dateparts separating two "
                            "date/time instances is too large. Try to use datediff with a less precise datepart."
        )  # fmt: skip
    return made


def t_offset(value: Any, zone: Any, switch: int) -> Any:
    """SWITCHOFFSET, or TODATETIMEOFFSET."""
    if value is None or zone is None:
        return None
    minutes = zone
    if isinstance(zone, str):
        found = re.fullmatch(r"([-+])(\d\d?):(\d\d)", zone.strip())
        if not found and zone.strip().upper() == "UTC":
            found = re.fullmatch(r"([-+])(\d\d?):(\d\d)", "+00:00")
        if not found:
            raise SqlError(9812, "The timezone provided to builtin function is invalid.")
        minutes = int(found[1] + "1") * (int(found[2]) * 60 + int(found[3]))
    utc, own = k.zoned_value(value)
    return k.zoned_stored(utc if switch else utc + (own - minutes) * 600_000_000, minutes)
