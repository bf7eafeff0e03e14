"""CAST and CONVERT: a stored value of one type as the stored value of another, with SQL Server's texts and errors."""

from __future__ import annotations

import math
import re
import struct
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from . import kinds as k
from .kinds import Kind
from .tokens import SqlError

_EXACT = Context(prec=90)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_ISO = re.compile(
    r"\s*(?:(?P<y>\d{4})-?(?P<m>\d\d?)-?(?P<d>\d\d?)|(?P<m2>\d\d?)/(?P<d2>\d\d?)/(?P<y2>\d{4})"
    r"|(?P<mon>[A-Za-z]{3})[a-z]*\s+(?P<d3>\d\d?),?\s+(?P<y3>\d{4}))?"
    r"(?:[T\s]*(?P<h>\d\d?):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.:](?P<f>\d{1,9}))?)?\s*(?P<ap>[AaPp][Mm])?)?"
    r"\s*(?P<z>Z|[-+]\d\d?:?\d\d)?\s*",
)


def cast(value: Any, source: Kind, target: Kind, style: int = 0, *, strict: bool = False) -> Any:
    """A value in another type; `strict` is the way of an assignment, which cuts no text short."""
    if value is None:
        return None
    if source.name == "sql_variant" and target.name != "sql_variant":
        source, value = k.variant_value(value)
    made = _CASTS[target.family](value, source, target, style)
    if target.family in ("char", "bin"):
        return _fitted(made, target, source, strict)
    return made


def failure(source: Kind, target: Kind, value: Any) -> SqlError:
    return SqlError(
        245, f"Conversion failed when converting the {source.name} value '{value}' to data type {target.name}."
    )  # fmt: skip


def overflow(target: Kind) -> SqlError:
    return SqlError(8115, f"Arithmetic overflow error converting expression to data type {target.name}.", state=2)


def no_way(source: Kind, target: Kind) -> SqlError:
    return SqlError(529, f"Explicit conversion from data type {source.name} to {target.name} is not allowed.", state=2)


def _fitted(made: Any, target: Kind, source: Kind, strict: bool) -> Any:
    if target.is_max or (target.name == "timestamp" and len(made) == 8):
        return made
    length = 8 if target.name == "timestamp" else target.length
    filler: Any = " " if target.family == "char" else b"\0"
    if len(made) > length:
        if strict and made[length:].strip(filler):
            shown = made[:length] if target.family == "char" else ""
            raise SqlError(2628, f"String or binary data would be truncated. Truncated value: '{shown}'.")
        if source.family in ("dec", "float", "moment", "time", "zoned", "guid") and target.family == "char":
            raise overflow(target)
        made = ("*" if target.family == "char" else made[-length:]) if source.family == "int" else made[:length]
    if target.name in ("char", "nchar", "binary", "timestamp"):
        made += filler * (length - len(made))
    return made


def _to_int(value: Any, source: Kind, target: Kind, style: int) -> int:
    family = source.family
    if family == "int":
        number = value
    elif family == "dec":
        magnitude = abs(int.from_bytes(value, "big") - k.BIAS) // k.UNIT
        negative = int.from_bytes(value, "big") < k.BIAS
        if "money" in source.name:  # money rounds, decimal truncates
            magnitude = abs(k.decimal_unscaled(value, 0))
        number = -magnitude if negative else magnitude
    elif family == "float":
        if target.name == "bit":
            return int(value != 0)
        if not math.isfinite(value):
            raise overflow(target)
        number = int(value)
    elif family == "char":
        text = value.strip()
        if target.name == "bit" and text.lower() in ("true", "false"):
            return int(text.lower() == "true")
        if not re.fullmatch(r"[-+]?\s*\d*", text):
            raise failure(source, target, value)
        number = int(text.replace(" ", "") or 0) if text not in ("+", "-") else 0
        low, high, _ = k.WHOLE[target.name]
        if target.name != "bit" and not low <= number <= high:
            raise SqlError(
                248, f"The conversion of the {source.name} value '{value}' overflowed an {target.name} column."
            )
    elif family == "bin":
        size = k.WHOLE[target.name][2]
        number = int.from_bytes(
            value[-size:], "big", signed=target.name not in ("bit", "tinyint") and len(value) >= size
        )
    elif source.name in ("datetime", "smalldatetime"):
        number = k.rescaled(value - k.EPOCH_1900, 0, 0) // k.DAY
    else:
        raise no_way(source, target)
    if target.name == "bit":
        return int(number != 0)
    low, high, _ = k.WHOLE[target.name]
    if not low <= number <= high:
        raise overflow(target)
    return int(number)


def _to_decimal(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    family = source.family
    precision, scale = (
        (19 if target.name == "money" else 10, 4) if "money" in target.name else (target.precision, target.scale)
    )
    if family == "int":
        unscaled = value * 10**scale
    elif family == "dec":
        unscaled = k.decimal_unscaled(value, scale)
    elif family in ("float", "char"):
        if family == "char":
            text = value.strip().replace(",", "") if "money" in target.name else value.strip()
            text = text.removeprefix("$") if "money" in target.name else text
            if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)", text):
                raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.", state=5)
        try:
            exact = Decimal(text) if family == "char" else Decimal(value)
            unscaled = int(exact.scaleb(scale, _EXACT).to_integral_value("ROUND_HALF_UP", _EXACT))
        except (InvalidOperation, OverflowError, ValueError):
            raise overflow(target) from None
    elif family == "bin":
        unscaled = int.from_bytes(value, "big") * 10**scale
    else:
        raise no_way(source, target)
    if abs(unscaled) >= 10**precision:
        raise overflow(target)
    return k.decimal_stored(unscaled, scale)


def _to_float(value: Any, source: Kind, target: Kind, style: int) -> float:
    family = source.family
    if family in ("int", "float"):
        number = float(value)
    elif family == "dec":
        number = float(Decimal(int.from_bytes(value, "big") - k.BIAS).scaleb(-38, _EXACT))
    elif family == "char":
        try:
            number = float(value.strip() or 0)
        except ValueError:
            raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.", state=5) from None
    elif source.name in ("datetime", "smalldatetime"):
        number = (value - k.EPOCH_1900) / k.DAY
    else:
        raise no_way(source, target)
    if target.name == "real":
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    return number


def _to_char(value: Any, source: Kind, target: Kind, style: int) -> str:
    family = source.family
    if family == "char":
        return str(value)
    if family == "int":
        return str(value)
    if family == "dec":
        if "money" in source.name:
            decimals = 4 if style == 2 else 2
            return f"{_as_decimal(value, decimals):{',' if style == 1 else ''}f}"
        return f"{_as_decimal(value, source.scale):f}"
    if family == "float":
        return float_text(value, source, style)
    if family in ("moment", "time", "zoned"):
        return moment_text(value, source, style)
    if family == "guid":
        return str(k.guid_value(value)).upper()
    if family == "bin":
        if style in (1, 2):
            return ("0x" if style == 1 else "") + bytes(value).hex().upper()
        return str(value.decode("utf-16-le" if target.national else "cp1252", "replace"))
    if source.name == "hierarchyid":
        return hierarchy_text(value)
    if family == "udt":
        return _well_known_text(value)
    raise no_way(source, target)


def _as_decimal(stored: bytes, scale: int) -> Decimal:
    return Decimal(k.decimal_unscaled(stored, scale)).scaleb(-scale, _EXACT)


def float_text(value: float, source: Kind, style: int) -> str:
    if style in (1, 2, 3):
        digits = {1: 7, 2: 15, 3: 16}[style]
        if source.name == "real" and style == 3:
            digits = 8
        mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
        return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03d}"
    text = f"{value:.6g}"
    if "e" not in text:
        return text
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03d}"


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
        days = value if family != "dec" else _as_decimal(value, 38)
        return k.EPOCH_1900 + int(days * k.DAY), None
    raise no_way(source, target)


def _to_moment(value: Any, source: Kind, target: Kind, style: int) -> int:
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


def _to_time(value: Any, source: Kind, target: Kind, style: int) -> int:
    ticks, _ = _ticks(value, source, target)
    unit = int(10 ** (7 - target.scale))
    return (ticks % k.DAY + unit // 2) // unit * unit % k.DAY


def _to_zoned(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    ticks, minutes = _ticks(value, source, target)
    unit = 10 ** (7 - target.scale)
    ticks = (ticks + unit // 2) // unit * unit
    return k.zoned_stored(ticks - (minutes or 0) * 600_000_000, minutes or 0)


def _to_binary(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    family = source.family
    if family in ("bin", "udt"):
        return bytes(value)
    if family == "int":
        size = k.WHOLE[source.name][2]
        raw = (int(value) & ((1 << 8 * size) - 1)).to_bytes(size, "big")
        length = 8 if target.name == "timestamp" else target.length
        return raw if length < 0 or target.name == "varbinary" else raw.rjust(length, b"\0")[-length:]
    if family == "char":
        if style in (1, 2):
            try:
                return bytes.fromhex(value.removeprefix("0x") if style == 1 else value)
            except ValueError:
                raise SqlError(8114, f"Error converting data type {source.name} to {target.name}.", state=5) from None
        return bytes(value.encode("utf-16-le" if source.national else "cp1252", "replace"))
    if family == "guid":
        return k.guid_value(value).bytes_le
    return k._to_bytes(source)(value)[::-1] if family in ("float", "moment") else k._to_bytes(source)(value)


def _to_guid(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    if source.family == "guid":
        return bytes(value)
    if source.family == "bin":
        return k.guid_stored(uuid.UUID(bytes_le=value[:16].ljust(16, b"\0")))
    try:
        return k.guid_stored(uuid.UUID(value.strip()[:38]))
    except (ValueError, AttributeError):
        raise SqlError(
            8169, "Conversion failed when converting from a character string to uniqueidentifier.", state=2
        ) from None


def _to_variant(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    if source.name == "sql_variant":
        return bytes(value)
    return k.variant(source if source.name != "null" else k.INT, value)


def _to_udt(value: Any, source: Kind, target: Kind, style: int) -> bytes:
    if source.family in ("bin", "udt"):
        return bytes(value)
    if target.name == "hierarchyid" and value == "/":
        return b""
    raise SqlError(6522, f"The stand-in makes a {target.name} of bytes only.")


def hierarchy_text(value: bytes) -> str:
    """ToString of a hierarchyid whose parts are from 0 to 79, which is as far as the stand-in reads it."""
    bits, made = "".join(f"{byte:08b}" for byte in value), []
    codes = (("01", 2, 0), ("100", 2, 4), ("101", 3, 8), ("110", None, 16))
    while bits.strip("0"):
        for prefix, width, base in codes:
            if bits.startswith(prefix) and width:
                made.append(base + int(bits[len(prefix) : len(prefix) + width], 2))
                bits = bits[len(prefix) + width + 1 :]
                break
        else:
            if not bits.startswith("110"):
                raise SqlError(6522, "The stand-in reads no such hierarchyid.")
            made.append(16 + (int(bits[3:5], 2) << 4 | int(bits[6], 2) << 3 | int(bits[8:11], 2)))
            bits = bits[12:]
    return "/" + "".join(f"{part}/" for part in made)


def _well_known_text(value: bytes) -> str:
    if len(value) == 22 and value[4:6] == b"\x01\x0c":
        x, y = struct.unpack("<dd", value[6:])
        return f"POINT ({x:.15g} {y:.15g})"
    raise SqlError(6522, "The stand-in writes the text of points only.")


_CASTS: dict[str, Callable[[Any, Kind, Kind, int], Any]] = {
    "int": _to_int, "dec": _to_decimal, "float": _to_float, "char": _to_char, "moment": _to_moment, "time": _to_time,
    "zoned": _to_zoned, "bin": _to_binary, "guid": _to_guid, "variant": _to_variant, "udt": _to_udt,
    "null": lambda value, source, target, style: value,
}  # fmt: skip
