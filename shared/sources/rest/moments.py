"""Moments as APIs write them: ISO 8601, .NET's `/Date(…)/`, numbers since 1970, local times of a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

Array: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"

ZONED, NAIVE = pa.timestamp("us", "UTC"), pa.timestamp("us")
DOTNET = r"^/Date\((-?\d{1,15})([+-]\d{4})?\)/$"
EPOCH = r"^-?\d{9,19}(\.\d+)?$"
"""A number of nine digits or more in a column that is declared as a time."""
LARGEST_OFFSET = timedelta(hours=14)
"""No zone is farther ahead of UTC (Pacific/Kiritimati)."""

_DECLARED = re.compile(r"timestamp\((.+)\)")
_UNITS = (("s", 10**11), ("ms", 10**14), ("us", 10**17))


def zone_of(declared: str | None) -> tzinfo | None:
    """The zone that `column_types` gives to local times (`changed:timestamp(Europe/Zurich)`); None if it does not."""
    found = _DECLARED.fullmatch(declared or "")
    return _zone(found[1]) if found else None


def since_1970(number: float) -> datetime:
    """A number as a moment, by its size: seconds, milliseconds, microseconds or nanoseconds since 1970."""
    unit = next((unit for unit, limit in _UNITS if abs(number) < limit), "ns")
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=number * _MICROSECONDS[unit])


def readable(column: Array, wanted: pa.DataType, zone: tzinfo | None = None) -> Array:
    """Texts of moments in a form that Arrow reads; an empty text is null.

    Args:
        column: Texts; a column of another type is given back as it is.
        wanted: The type that they shall have; a column that is not a time is given back as it is.
        zone: Where local times are meant.
    """
    if not pa.types.is_string(column.type) or not pa.types.is_timestamp(wanted):
        return column
    if pc.any(pc.equal(column, pa.scalar("")), min_count=0).as_py():
        column = pc.if_else(pc.equal(column, pa.scalar("")), pa.scalar(None, pa.string()), column)
    if pc.any(pc.match_substring_regex(column, f"{DOTNET}|{EPOCH}"), min_count=0).as_py():
        column = pa.array([_iso(text, wanted) for text in column.to_pylist()], pa.string())
    column = pc.replace_substring_regex(column, r"(\.\d{6})\d+", r"\1")
    column = pc.replace_substring_regex(column, r"([+-]\d\d):?(\d\d)$", r"\1:\2")
    if zone is None:
        return column
    is_local = pc.invert(pc.match_substring_regex(column, r"(Z|[+-]\d\d:\d\d)$"))
    in_utc: Array = pc.if_else(is_local, _in_utc(column, zone), column)
    return in_utc


def _in_utc(column: Array, zone: tzinfo) -> Array:
    """Local times as times in UTC. Of an hour that comes twice the second is meant, so that no row looks too old."""
    found = []
    for text in column.to_pylist():
        try:
            local = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
        except ValueError:
            local = None
        if local is None or local.tzinfo:
            found.append(text)
        else:
            found.append(local.replace(tzinfo=zone, fold=1).astimezone(UTC).isoformat(timespec="microseconds"))
    return pa.array(found, pa.string())


def _iso(text: str | None, wanted: pa.DataType) -> str | None:
    if text is None:
        return None
    if found := re.match(DOTNET, text):
        moment = since_1970_ms(int(found[1]))
    elif re.match(EPOCH, text):
        moment = since_1970(float(text)) if "." in text else _exactly(int(text))
    else:
        return text
    iso = moment.isoformat(timespec="microseconds")
    return iso if getattr(wanted, "tz", None) else iso.removesuffix("+00:00")


def since_1970_ms(number: int) -> datetime:
    """Milliseconds since 1970 as a moment."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=number)


def _exactly(number: int) -> datetime:
    unit = next((unit for unit, limit in _UNITS if abs(number) < limit), "ns")
    microseconds = number * 10**6 if unit == "s" else number * 1000 if unit == "ms" else number
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=number // 1000 if unit == "ns" else microseconds)


_MICROSECONDS = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 10**-3}


@cache
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
