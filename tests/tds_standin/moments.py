"""Dates and times: their texts, and conversions to them."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

from . import kinds as k
from .conversion_errors import no_way
from .kinds import Kind, decimal_value
from .tokens import SqlError

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


_ISO = re.compile(
    r"\s*(?:(?P<y>\d{4})-?(?P<m>\d\d?)-?(?P<d>\d\d?)|(?P<m2>\d\d?)/(?P<d2>\d\d?)/(?P<y2>\d{4})"
    r"|(?P<mon>[A-Za-z]{3})[a-z]*\s+(?P<d3>\d\d?),?\s+(?P<y3>\d{4}))?"
    r"(?:[T\s]*(?P<h>\d\d?):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.:](?P<f>\d{1,9}))?)?\s*(?P<ap>[AaPp][Mm])?)?"
    r"\s*(?P<z>Z|[-+]\d\d?:?\d\d)?\s*",
)


@lru_cache(maxsize=4000)
def _day(number: int) -> date:
    return date.fromordinal(number + 1)


def clock(ticks: int) -> tuple[int, int, int, int]:
    """Hours, minutes, seconds and 100 ns of a time of day."""
    seconds, fraction = divmod(ticks, 10_000_000)
    return seconds // 3600, seconds // 60 % 60, seconds % 60, fraction


def moment_text(value: Any, source: Kind, style: int) -> str:
    zone, minutes, name = "", 0, source.name
    if name == "datetimeoffset":
        utc, minutes = k.zoned_value(value)
        value = utc if style == 127 else utc + minutes * 600_000_000
        zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    day = _day(value // k.DAY if name != "time" else k.EPOCH_1900 // k.DAY)
    hour, minute, second, ticks = clock(value % k.DAY)
    digits = 3 if name == "datetime" else 0 if name in ("smalldatetime", "date") else source.scale
    if name == "datetime":
        ticks = (ticks + 5_000) // 10_000 * 10_000
        if ticks == 10_000_000:
            return moment_text(value // 10_000_000 * 10_000_000 + 10_000_000, source, style)
    fraction = f".{ticks:07d}"[: digits + 1] if digits else ""
    iso, seconds = f"{day:%m-%d}", f"{hour:02d}:{minute:02d}:{second:02d}"
    iso = f"{day.year:04d}-{iso}"
    if style in (126, 127):
        mark = "Z" if style == 127 and name != "date" else zone
        shown = fraction if ticks else ""
        return iso if name == "date" else seconds + shown if name == "time" else f"{iso}T{seconds}{shown}{mark}"
    if style in (0, 100) and name in ("datetime", "smalldatetime"):
        return (
            f"{_MONTHS[day.month - 1]} {day.day:2d} {day.year:04d} {hour % 12 or 12:2d}:{minute:02d}{'AP'[hour // 12]}M"
        )
    simple = {
        101: f"{day:%m/%d}/{day.year:04d}", 103: f"{day:%d/%m}/{day.year:04d}", 104: f"{day:%d.%m}.{day.year:04d}",
        112: iso.replace("-", ""), 23: iso, 108: seconds, 8: seconds, 102: iso.replace("-", "."),
        111: iso.replace("-", "/"), 114: f"{seconds}:{ticks // 10_000:03d}",
    }  # fmt: skip
    if style in simple:
        return simple[style]
    if style not in (0, 20, 21, 25, 120, 121, 100):
        raise SqlError(281, f"{style} is not a valid style number when converting from {name} to a character string.")
    if style in (20, 120):
        fraction = ""
    if name == "date":
        return iso
    return seconds + fraction if name == "time" else f"{iso} {seconds}{fraction}" + (f" {zone}" if zone else "")


def parse_moment(text: str) -> tuple[int, int | None]:
    """Ticks since the year 1 as they are written, and the minutes of the zone if there is one."""
    found = _ISO.fullmatch(text)
    if not found:
        raise ValueError(text)
    year = found["y"] or found["y2"] or found["y3"]
    month = found["m"] or found["m2"] or (str(_MONTHS.index(found["mon"].title()) + 1) if found["mon"] else None)
    day = found["d"] or found["d2"] or found["d3"]
    ticks = k.EPOCH_1900
    if year:
        ticks = (date(int(year), int(month or 0), int(day or 0)).toordinal() - 1) * k.DAY
    if found["h"]:
        hour, minute, second = int(found["h"]), int(found["mi"]), int(found["s"] or 0)
        if found["ap"]:
            hour = hour % 12 + 12 * (found["ap"].upper() == "PM")
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError(text)
        fraction = (found["f"] or "").ljust(8, "0")
        ticks += (hour * 3600 + minute * 60 + second) * 10_000_000 + (int(fraction[:8]) + 5) // 10
    zone = found["z"]
    if not zone:
        return ticks, None
    if zone == "Z":
        return ticks, 0
    minutes = int(zone[1:].replace(":", "")[:-2]) * 60 + int(zone[-2:])
    return ticks, -minutes if zone[0] == "-" else minutes


def _ticks(value: Any, source: Kind, target: Kind) -> tuple[int, int | None]:
    """Any moment as local ticks and the minutes of its zone."""
    family = source.family
    if family == "moment":
        return value, None
    if family == "zoned":
        utc, minutes = k.zoned_value(value)
        return utc + minutes * 600_000_000, minutes
    if family == "time":
        return k.EPOCH_1900 + value, None
    if family == "char":
        try:
            ticks, zone = parse_moment(value)
        except (ValueError, OverflowError):
            raise SqlError(241, "Conversion failed when converting date and/or time from character string.") from None
        if target.name in ("datetime", "smalldatetime") and zone is not None and not value.strip().endswith("Z"):
            raise SqlError(241, "Conversion failed when converting date and/or time from character string.")
        return ticks, zone
    if family in ("int", "float", "dec") and target.name in ("datetime", "smalldatetime"):
        days = value if family != "dec" else decimal_value(value, 38)
        return k.EPOCH_1900 + int(days * k.DAY), None
    raise no_way(source, target)


def to_moment(value: Any, source: Kind, target: Kind, style: int) -> int:
    ticks, _ = _ticks(value, source, target)
    return fit_moment(ticks, target)


def fit_moment(ticks: int, target: Kind) -> int:
    """Ticks rounded to what a type counts, or error 242 if it does not reach so far."""
    if target.name == "date":
        return ticks // k.DAY * k.DAY
    if target.name == "datetime":
        day, clock_ticks = divmod(ticks, k.DAY)
        ticks = day * k.DAY + ((clock_ticks * 3 + 50_000) // 100_000 * 100_000 + 1) // 3
        low, high = 639_905, 3_652_059
    elif target.name == "smalldatetime":
        ticks = (ticks + 300_000_000) // 600_000_000 * 600_000_000
        low, high = 693_595, 759_130
    else:
        unit = 10 ** (7 - target.scale)
        ticks = (ticks + unit // 2) // unit * unit
        low, high = 0, 3_652_059
    if not low <= ticks // k.DAY < high:
        raise SqlError(
            242, f"The conversion of a varchar data type to a {target.name} data type resulted in an out-of-range "
            f"value.", state=3
        )  # fmt: skip
    return ticks


def to_time(value: Any, source: Kind, target: Kind, style: int) -> int:
    ticks, _ = _ticks(value, source, target)
    unit = int(10 ** (7 - target.scale))
    return (ticks % k.DAY + unit // 2) // unit * unit % k.DAY


def to_zoned(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    ticks, minutes = _ticks(value, source, target)
    unit = 10 ** (7 - target.scale)
    ticks = (ticks + unit // 2) // unit * unit
    return k.zoned_stored(ticks - (minutes or 0) * 600_000_000, minutes or 0)
