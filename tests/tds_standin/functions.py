"""What SQLite calls: T-SQL's functions over stored values, aggregates and collations."""

from __future__ import annotations

import hashlib
import math
import random
import re
import sqlite3
import struct
import time
import uuid
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from . import convert
from . import kinds as k
from .convert import cast
from .kinds import Kind
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


@lru_cache(maxsize=2000)
def kind_of(text: str) -> Kind:
    return k.parse_kind(text) or k.NULL


def t_cast(value: Any, source: str, target: str, style: int, mode: str) -> Any:
    """`mode`: "" a cast, "t" one that gives NULL if it fails, "s" an assignment."""
    if value is None:
        return None
    try:
        return cast(value, kind_of(source), kind_of(target), style, strict=mode == "s")
    except SqlError:
        if mode == "t":
            return None
        raise


def now_ticks() -> int:
    return time.time_ns() // 100 + 719_162 * k.DAY


def _decimal(stored: bytes) -> int:
    return int.from_bytes(stored, "big") - k.BIAS


def _stored(number: int) -> bytes:
    if not -k.BIAS < number < k.BIAS:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.")
    return (number + k.BIAS).to_bytes(32, "big")


def t_decimal(op: str, left: Any, right: Any, precision: int, scale: int) -> Any:
    """Arithmetic of decimals, rounded to the scale of the result."""
    if left is None or right is None:
        return None
    a, b = _decimal(left), _decimal(right)
    if op in "/%" and not b:
        raise SqlError(8134, "Divide by zero error encountered.")
    if op == "+":
        made = a + b
    elif op == "-":
        made = a - b
    elif op == "*":
        made = k.rescaled(a * b, 76, 38)
    elif op == "/":
        quotient = abs(a) * 10**scale // abs(b)
        made = (quotient if (a < 0) == (b < 0) else -quotient) * 10 ** (38 - scale)
    else:
        made = abs(a) % abs(b) * (-1 if a < 0 else 1)
    made = k.rescaled(made, 38, scale)
    if abs(made) >= 10**precision:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.")
    return _stored(made * 10 ** (38 - scale))


def t_divide(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if right == 0:
        raise SqlError(8134, "Divide by zero error encountered.")
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def t_modulo(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if right == 0:
        raise SqlError(8134, "Divide by zero error encountered.")
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


@lru_cache(maxsize=500)
def like_pattern(pattern: str, escape: str | None, ignore_case: bool) -> re.Pattern[str]:
    made, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if char == escape and at + 1 < len(pattern):
            at += 1
            made += re.escape(pattern[at])
        elif char == "[" and "]" in pattern[at + 1 :]:
            end = pattern.index("]", at + 1)
            inner = pattern[at + 1 : end]
            negated, inner = inner.startswith("^"), inner.removeprefix("^")
            body = re.sub(r"([\\\]\[&~|^])", r"\\\1", inner)
            made += f"[{'^' * negated}{body}]" if inner else "(?!)"
            at = end
        else:
            made += ".*" if char == "%" else "." if char == "_" else re.escape(char)
        at += 1
    return re.compile(made, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def t_like(value: Any, pattern: Any, escape: Any, ignore_case: int) -> Any:
    if value is None or pattern is None:
        return None
    compiled = like_pattern(pattern, escape, bool(ignore_case))
    if compiled.fullmatch(value):
        return 1
    return int(bool(compiled.fullmatch(value.rstrip(" ")))) if value.endswith(" ") else 0


def t_patindex(pattern: Any, value: Any) -> Any:
    if value is None or pattern is None:
        return None
    compiled = like_pattern(pattern.strip("%"), None, True)
    found = compiled.search(value) if pattern.startswith("%") else compiled.match(value)
    return found.start() + 1 if found else 0


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
    hour, minute, second, fraction = convert.clock(ticks % k.DAY)
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
    return ticks % k.DAY if source.family == "time" else convert.fit_moment(ticks, source)


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


def t_round(value: Any, digits: Any, truncates: int, kind: str) -> Any:
    if value is None or digits is None:
        return None
    if isinstance(value, bytes):
        number = _decimal(value)
        if truncates:
            unit = 10 ** (38 - digits) if digits <= 38 else 1
            return _stored((abs(number) // unit * unit) * (-1 if number < 0 else 1))
        return _stored(k.rescaled(number, 38, min(digits, 38)) * 10 ** (38 - min(digits, 38)))
    if isinstance(value, int):
        return k.rescaled(value, 0, digits) * (10**-digits) if digits < 0 else value
    scaled = value * 10.0**digits
    return (
        math.trunc(scaled) if truncates else math.floor(abs(scaled) + 0.5) * math.copysign(1, scaled)
    ) / 10.0**digits


def t_number(name: str, value: Any) -> Any:
    """Functions of one number that give one of the same type."""
    if value is None:
        return None
    if isinstance(value, bytes):
        number = _decimal(value)
        whole = {"ABS": abs(number), "FLOOR": number // k.UNIT * k.UNIT, "CEILING": -(-number // k.UNIT) * k.UNIT}
        return _stored({**whole, "SIGN": ((number > 0) - (number < 0)) * k.UNIT, "MINUS": -number}[name])
    return {"ABS": abs(value), "FLOOR": math.floor(value), "CEILING": math.ceil(value),
            "SIGN": (value > 0) - (value < 0), "MINUS": -value}[name]  # fmt: skip


def t_math(name: str, *values: Any) -> Any:
    if None in values:
        return None
    try:
        return float(_MATH[name](*values))
    except (ValueError, ZeroDivisionError):
        raise SqlError(3623, "An invalid floating point operation occurred.") from None
    except OverflowError:
        raise SqlError(232, "Arithmetic overflow error for type float.") from None


_MATH: dict[str, Callable[..., float]] = {
    "SQRT": math.sqrt, "EXP": math.exp, "LOG": math.log, "LOG10": math.log10, "SIN": math.sin, "COS": math.cos,
    "TAN": math.tan, "POWER": math.pow, "SQUARE": lambda x: x * x, "PI": lambda: math.pi, "DEGREES": math.degrees,
    "RADIANS": math.radians, "ATAN": math.atan, "ASIN": math.asin, "ACOS": math.acos,
}  # fmt: skip


def t_substring(value: Any, start: Any, length: Any) -> Any:
    if value is None or start is None or length is None:
        return None
    if length < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.")
    return value[max(start - 1, 0) : max(start - 1 + length, 0)]


def t_text(name: str, *values: Any) -> Any:
    """Functions of texts that are NULL if an argument is."""
    if None in values:
        return None
    return _TEXT[name](*values)


def _stuff(text: str, start: int, length: int, put: str) -> str | None:
    if start < 1 or start > len(text) or length < 0:
        return None
    return text[: start - 1] + put + text[start - 1 + length :]


def _charindex(sought: str, text: str, start: int = 1) -> int:
    return text.casefold().find(sought.casefold(), max(start - 1, 0)) + 1 if sought else 0


_TEXT: dict[str, Callable[..., Any]] = {
    "LEN": lambda text: len(text.rstrip(" ").encode("utf-16-le")) // 2, "UPPER": lambda text: text.upper(),
    "LOWER": lambda text: text.lower(), "LTRIM": lambda text, chars=" ": text.lstrip(chars),
    "RTRIM": lambda text, chars=" ": text.rstrip(chars), "TRIM": lambda text: text.strip(" "),
    "REPLACE": lambda text, old, new: re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE) if old else text,
    "CHARINDEX": _charindex, "REPLICATE": lambda text, count: text * count, "SPACE": lambda count: " " * count,
    "REVERSE": lambda text: text[::-1], "STUFF": _stuff, "ASCII": lambda text: text.encode("cp1252",
    "replace")[0] if text else None,
    "UNICODE": lambda text: ord(text[0]) if text else None, "CHAR": lambda code: bytes([code]).decode("cp1252",
    "replace") if 0 <= code < 256 else None,
    "NCHAR": chr, "LEFT": lambda text, count: text[:count], "RIGHT": lambda text,
    count: text[-count:] if count else text[:0],
    "QUOTENAME": lambda text, mark="[": f"[{text.replace(']', ']]')}]" if mark in "[]" else mark + text.replace(mark,
    mark * 2) + mark,
    "STR": lambda value, length=10, decimals=0: f"{value:.{decimals}f}".rjust(length)[:length],
    "HASHBYTES": lambda name, value: hashlib.new(name.replace("_", "").lower().replace("sha2256",
    "sha256").replace("sha2512", "sha512"), value if isinstance(value, bytes) else value.encode("utf-16-le")).digest(),
    "ISNUMERIC": lambda text: int(bool(re.fullmatch(r"\s*[-+$]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", str(text)))),
}  # fmt: skip


def t_datalength(value: Any, kind: str, collation: str) -> Any:
    if value is None:
        return None
    source = kind_of(kind).with_collation(collation)
    if source.name == "sql_variant":
        return len(value) - 2 - value[1]
    if source.family in ("char", "bin", "udt"):
        return len(k._to_bytes(source)(value))
    return source.bytes_long


def t_concat(*values: Any) -> str:
    return "".join(value for value in values if value is not None)


def t_concat_ws(separator: Any, *values: Any) -> str:
    return (separator or "").join(value for value in values if value is not None)


def t_variant_property(value: Any, name: str) -> Any:
    """A property of a sql_variant, as a sql_variant."""
    if value is None:
        return None
    kind, _ = k.variant_value(value)
    found = {
        "basetype": kind.name, "precision": kind.digits[0], "scale": kind.scale, "maxlength": kind.bytes_long,
        "totalbytes": len(value), "collation": k.DEFAULT_COLLATION if kind.family == "char" else None,
    }.get(name.lower())  # fmt: skip
    if found is None:
        return None
    return k.variant(Kind("nvarchar", 128) if isinstance(found, str) else k.INT, found)


def t_checksum(*values: Any) -> int:
    digest = hashlib.blake2b(repr(values).encode(), digest_size=4).digest()
    return int(struct.unpack("<i", digest)[0])


def t_newid() -> bytes:
    return k.guid_stored(uuid.uuid4())


def t_random() -> float:
    return random.random()


def t_int(value: Any, name: str) -> Any:
    """The result of whole arithmetic, checked against its type."""
    if value is None:
        return None
    low, high, _ = k.WHOLE[name]
    if not isinstance(value, int) or not low <= value <= high:
        raise SqlError(8115, f"Arithmetic overflow error converting expression to data type {name}.", state=2)
    return value


class DecimalSum:
    """SUM of decimals, or AVG to a scale."""

    def __init__(self) -> None:
        self.total, self.count, self.average = 0, 0, -1

    def step(self, value: Any, average: int) -> None:
        if value is not None:
            self.total += _decimal(value)
            self.count += 1
            self.average = average

    def finalize(self) -> Any:
        if not self.count:
            return None
        if self.average < 0:
            return _stored(self.total)
        magnitude = abs(self.total) // self.count // 10 ** (38 - self.average) * 10 ** (38 - self.average)
        return _stored(-magnitude if self.total < 0 else magnitude)


class WholeSum:
    """SUM or AVG of whole numbers, with the limits of the type."""

    def __init__(self) -> None:
        self.total, self.count, self.name, self.average = 0, 0, "int", 0

    def step(self, value: Any, name: str, average: int) -> None:
        if value is not None:
            self.total += value
            self.count += 1
            self.name, self.average = name, average

    def finalize(self) -> Any:
        if not self.count:
            return None
        total = t_int(self.total, self.name)
        return t_divide(total, self.count) if self.average else total


class ChecksumSum:
    """CHECKSUM_AGG: here the exclusive or."""

    def __init__(self) -> None:
        self.total = 0

    def step(self, value: Any) -> None:
        self.total ^= value or 0

    def finalize(self) -> int:
        return self.total


class StringSum:
    """STRING_AGG."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.separator = ""

    def step(self, value: Any, separator: Any) -> None:
        if value is not None:
            self.parts.append(value)
            self.separator = separator or ""

    def finalize(self) -> Any:
        return self.separator.join(self.parts) if self.parts else None


def _compared(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def ignoring_case(left: str, right: str) -> int:
    if left == right:
        return 0
    return _compared(left.rstrip(" ").casefold(), right.rstrip(" ").casefold())


def heeding_case(left: str, right: str) -> int:
    a, b = left.rstrip(" "), right.rstrip(" ")
    return _compared((a.casefold(), a.swapcase()), (b.casefold(), b.swapcase()))


def by_code_unit(left: str, right: str) -> int:
    return _compared(
        left.rstrip(" ").encode("utf-16-be", "surrogatepass"), right.rstrip(" ").encode("utf-16-be", "surrogatepass")
    )


def collation_function(name: str) -> str:
    """SQLite's collation for one of SQL Server's."""
    folded = (name or k.DEFAULT_COLLATION).upper()
    return "by_unit" if "_BIN" in folded else "with_case" if "_CS" in folded else "no_case"


def register(connection: sqlite3.Connection, guard: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Give all of these to SQLite; `guard` keeps the error that one of them raises."""
    pure: dict[str, Callable[..., Any]] = {
        name: found for name, found in globals().items() if name.startswith("t_") and name not in ("t_newid",
        "t_random")
    }  # fmt: skip
    for name, function in pure.items():
        connection.create_function(name, -1, guard(function), deterministic=True)
    connection.create_function("t_newid", 0, t_newid)
    connection.create_function("t_random", 0, t_random)
    connection.create_function(
        "t_utc", 1, lambda value: None if value is None else k.zoned_value(value)[0], deterministic=True
    )
    for name, made, count in (
        ("t_dec_sum", DecimalSum, 2), ("t_int_sum", WholeSum, 3), ("t_check_sum", ChecksumSum, 1), ("t_join",
        StringSum, 2),
    ):  # fmt: skip
        finalize = guard(made.finalize)
        connection.create_aggregate(name, count, type(name, (made,), {"finalize": finalize}))
    for name, compare in (("no_case", ignoring_case), ("with_case", heeding_case), ("by_unit", by_code_unit)):
        connection.create_collation(name, compare)
