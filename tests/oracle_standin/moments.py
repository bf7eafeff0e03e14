"""Dates and times: printed and read by Oracle's formats, and calculated with."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from .values import Moment, OracleError

_FORMAT = re.compile(
    r'"(?P<text>[^"]*)"|(?P<item>SYYYY|YYYY|RRRR|YYY|YY|RR|Y|MONTH|MON|MM|DDD|DD|DAY|DY|D|HH24|HH12|HH|MI|SSSSS|SS|FF[1-9]?'
    r"|TZH|TZM|TZR|AM|PM|A\.M\.|P\.M\.|AD|BC|Q|WW|IW|IYYY|J|FM|FX)|(?P<sign>.)",
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
]
_DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


def _day(at: Moment) -> date:
    return date(at.year, at.month, at.day)


_NUMBERS: dict[str, tuple[int, Callable[[Moment], int]]] = {  # digits, value
    **dict.fromkeys(("SYYYY", "YYYY", "RRRR"), (4, lambda at: abs(at.year))),
    "YYY": (3, lambda at: at.year % 1000),
    **dict.fromkeys(("YY", "RR"), (2, lambda at: at.year % 100)),
    "Y": (1, lambda at: at.year % 10),
    "Q": (1, lambda at: (at.month + 2) // 3),
    "MM": (2, lambda at: at.month),
    "WW": (2, lambda at: (_day(at).timetuple().tm_yday + 6) // 7),
    "IW": (2, lambda at: _day(at).isocalendar()[1]),
    "IYYY": (4, lambda at: _day(at).isocalendar()[0]),
    "DDD": (3, lambda at: _day(at).timetuple().tm_yday),
    "DD": (2, lambda at: at.day),
    "D": (1, lambda at: _day(at).isoweekday() % 7 + 1),
    "J": (7, lambda at: _day(at).toordinal() + 1721425),
    "HH24": (2, lambda at: at.hour),
    **dict.fromkeys(("HH", "HH12"), (2, lambda at: (at.hour + 11) % 12 + 1)),
    "MI": (2, lambda at: at.minute),
    "SS": (2, lambda at: at.second),
    "SSSSS": (5, lambda at: at.hour * 3600 + at.minute * 60 + at.second),
    "TZM": (2, lambda at: abs(at.offset or 0) % 60),
}
_FIELDS = {"MM": "month", "DD": "day", "HH24": "hour", "HH": "hour", "HH12": "hour", "MI": "minute", "SS": "second"}
_LIMITS = {
    "month": (1, 12, 1843, "not a valid month"),
    "hour": (0, 23, 1850, "hour must be between 0 and 23"),
    "minute": (0, 59, 1851, "minutes must be between 0 and 59"),
    "second": (0, 59, 1852, "seconds must be between 0 and 59"),
}


def zone_minutes(text: str) -> int:
    """An offset such as +02:00 in minutes; named zones are not known but for UTC."""
    found = re.fullmatch(r"\s*([+-]?)(\d{1,2}):(\d{2})\s*", text)
    if found:
        return (-1 if found[1] == "-" else 1) * (int(found[2]) * 60 + int(found[3]))
    if text.strip().upper() in ("UTC", "GMT", "DBTIMEZONE", "Z"):
        return 0
    raise OracleError(1882, f"timezone region {text} not found")


@lru_cache(maxsize=1000)
def _items(form: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(found.lastgroup), found[0] if found.lastgroup != "text" else found["text"])
        for found in _FORMAT.finditer(form)
    )


def format_moment(at: Moment, form: str, digits: int = 6) -> str:
    """A date or time by an Oracle format; FF alone gives as many digits as its type has."""
    parts, fill = [], True

    def cased(item: str, word: str, width: int = 0) -> str:
        word = word if item.isupper() else word.capitalize() if item[0].isupper() else word.lower()
        return word.ljust(width) if fill else word

    for kind, item in _items(form):
        name = item.upper()
        if kind != "item":
            parts.append(item)
        elif name in ("FM", "FX"):
            fill = fill != (name == "FM")
        elif name == "MONTH":
            parts.append(cased(item, _MONTHS[at.month - 1], 9))
        elif name == "MON":
            parts.append(cased(item, _MONTHS[at.month - 1][:3]))
        elif name in ("DAY", "DY"):
            parts.append(
                cased(item, _DAYS[_day(at).weekday()][: None if name == "DAY" else 3], 9 if name == "DAY" else 0)
            )
        elif name in ("AM", "PM", "A.M.", "P.M."):
            parts.append("AM" if at.hour < 12 else "PM")
        elif name in ("BC", "AD"):
            parts.append("AD" if at.year > 0 else "BC")
        elif name.startswith("FF"):
            parts.append(f"{at.nanos:09d}"[: int(name[2:]) if name[2:] else digits])
        elif name == "TZR" or name == "TZH":
            sign, minutes = ("-" if (at.offset or 0) < 0 else "+"), abs(at.offset or 0)
            parts.append(f"{sign}{minutes // 60:02d}" + (f":{minutes % 60:02d}" if name == "TZR" else ""))
        else:
            width, number_of = _NUMBERS[name]
            number = number_of(at)
            text = f"{number:0{width}d}" if fill else str(number)
            parts.append(("-" if at.year < 0 else " " if fill else "") + text if name == "SYYYY" else text)
    return "".join(parts)


def _take_number(found: dict[str, int], name: str, digits: str, sign: int) -> None:
    """Write the number of one item of a format into the fields; `sign` is that of the zone so far."""
    number = int(digits)
    if name.startswith("FF"):
        found["nanos"] = int(digits.ljust(9, "0"))
    elif name in ("YY", "RR"):
        century = datetime.now(UTC).year // 100 * 100
        found["year"] = century + number - (100 if name == "RR" and number >= 50 else 0)
    elif name in ("YYYY", "SYYYY", "RRRR"):
        found["year"] = number
    elif name == "TZM":
        found["offset"] = found.get("offset", 0) + sign * number
    elif name == "J":
        day = date.fromordinal(number - 1721425)
        found |= {"year": day.year, "month": day.month, "day": day.day}
    elif name == "SSSSS":
        found |= {"hour": number // 3600, "minute": number // 60 % 60, "second": number % 60}
    else:
        found[_FIELDS[name]] = number


def _checked(found: dict[str, int]) -> dict[str, int]:
    """The fields, if there is such a day and such a time."""
    for part, (low, high, number, message) in _LIMITS.items():
        if not low <= found.get(part, low) <= high:
            raise OracleError(number, message)
    leap = found["year"] if found["year"] > 0 else 2001
    if not 1 <= found["day"] <= monthrange(leap, found["month"])[1]:
        raise OracleError(1847, "day of month must be between 1 and last day of month")
    return found


def parse_moment(text: str, form: str, zone: int) -> Moment:
    """A text by an Oracle format; `zone` is the session's, in minutes."""
    today = datetime.now(UTC)
    found: dict[str, int] = {"year": today.year, "month": today.month, "day": 1}
    rest, afternoon, sign = text.strip(), None, 1
    for kind, item in _items(form):
        name = item.upper()
        if kind == "text":
            rest = rest.removeprefix(item)
            continue
        if kind == "sign":
            rest = rest[1:] if rest and not rest[0].isalnum() and not (rest[0] in "+-" and item.isspace()) else rest
            continue
        if not rest:
            if (
                name in ("HH24", "HH", "HH12", "MI", "SS", "TZH", "TZM", "TZR")
                or name.startswith("FF")
                or name in ("FM", "FX")
            ):
                continue
            raise OracleError(1840, "input value not long enough for date format")
        if name in ("FM", "FX") or (name.startswith("FF") and not rest[0].isdigit()):
            continue
        if name in ("MON", "MONTH"):
            months = [n for n, month in enumerate(_MONTHS, 1) if rest.upper().startswith((month, month[:3]))]
            if not months:
                raise OracleError(1843, "not a valid month")
            found["month"] = months[0]
            rest = re.sub(r"^[A-Za-z]+", "", rest)
            continue
        if name in ("AM", "PM", "A.M.", "P.M."):
            afternoon, rest = rest[:1].upper() == "P", re.sub(r"^[AaPp]\.?[Mm]\.?", "", rest)
            continue
        if name in ("TZR", "TZH"):
            match = re.match(r"[+-]?\d{1,2}" + (r":\d{2}" if name == "TZR" else ""), rest) or re.match(
                r"[A-Za-z]+", rest
            )
            if not match:
                raise OracleError(1858, "a non-numeric character was found where a numeric was expected")
            sign = -1 if match[0].startswith("-") else 1
            found["offset"] = zone_minutes(match[0] if name == "TZR" or match[0].isalpha() else f"{match[0]}:00")
            rest = rest[match.end() :]
            continue
        width = {"SYYYY": 5, "YYYY": 4, "RRRR": 4, "SSSSS": 5, "J": 7, "DDD": 3, "YYY": 3}.get(
            name, (int(name[2:] or 9)) if name.startswith("FF") else 2
        )
        match = re.match(rf"[+-]?\d{{1,{width}}}" if name in ("SYYYY",) else rf"\d{{1,{width}}}", rest)
        if not match:
            raise OracleError(1858, "a non-numeric character was found where a numeric was expected")
        rest = rest[match.end() :]
        _take_number(found, name, match[0], sign)
    if rest.strip():
        raise OracleError(1830, "date format picture ends before converting entire input string")
    if afternoon is not None:
        found["hour"] = found.get("hour", 12) % 12 + 12 * afternoon
    return Moment(**{"offset": zone, **_checked(found)})


def nanos_of(at: Moment) -> int:
    days = _day(at).toordinal() - 719163
    seconds = days * 86400 + at.hour * 3600 + at.minute * 60 + at.second
    return seconds * 10**9 + at.nanos


def add_months(at: Moment, months: int) -> Moment:
    index = at.year * 12 + at.month - 1 + months
    year, month = index // 12, index % 12 + 1
    last = monthrange(year, month)[1]
    is_last = at.day == monthrange(at.year, at.month)[1]
    return replace(at, year=year, month=month, day=last if is_last else min(at.day, last))


def truncate(at: Moment, unit: str = "DD") -> Moment:
    unit = unit.upper()
    if unit in ("YYYY", "YEAR", "YY", "Y"):
        return Moment(at.year)
    if unit in ("MM", "MON", "MONTH"):
        return Moment(at.year, at.month)
    if unit in ("Q",):
        return Moment(at.year, (at.month - 1) // 3 * 3 + 1)
    day = Moment(at.year, at.month, at.day)
    if unit in ("HH", "HH24", "MI"):
        return Moment(at.year, at.month, at.day, at.hour, at.minute if unit == "MI" else 0)
    if unit in ("IW",):
        monday = date.fromordinal(_day(at).toordinal() - _day(at).weekday())
        return Moment(monday.year, monday.month, monday.day)
    return day


def in_zone(at: Moment, zone: str) -> Moment:
    minutes = zone_minutes(zone)
    return replace(at.moved(minutes - (at.offset or 0)), offset=minutes)


def months_between(one: Moment, other: Moment) -> Decimal:
    whole = Decimal((one.year - other.year) * 12 + one.month - other.month)
    return whole + Decimal(one.day - other.day) / 31
