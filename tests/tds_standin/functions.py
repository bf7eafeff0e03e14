"""What SQLite calls: T-SQL's functions over stored values, aggregates and collations."""

from __future__ import annotations

import hashlib
import math
import random
import re
import struct
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from . import kinds as k
from .convert import cast
from .decoding import variant, variant_value
from .encoding import to_bytes
from .kinds import Kind
from .tokens import SqlError


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


def unscaled(stored: bytes) -> int:
    return int.from_bytes(stored, "big") - k.BIAS


def stored_decimal(number: int) -> bytes:
    if not -k.BIAS < number < k.BIAS:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.")
    return (number + k.BIAS).to_bytes(32, "big")


def t_decimal(op: str, left: Any, right: Any, precision: int, scale: int) -> Any:
    """Arithmetic of decimals, rounded to the scale of the result."""
    if left is None or right is None:
        return None
    a, b = unscaled(left), unscaled(right)
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
    return stored_decimal(made * 10 ** (38 - scale))


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


def t_round(value: Any, digits: Any, truncates: int, kind: str) -> Any:
    if value is None or digits is None:
        return None
    if isinstance(value, bytes):
        number = unscaled(value)
        if truncates:
            unit = 10 ** (38 - digits) if digits <= 38 else 1
            return stored_decimal((abs(number) // unit * unit) * (-1 if number < 0 else 1))
        return stored_decimal(k.rescaled(number, 38, min(digits, 38)) * 10 ** (38 - min(digits, 38)))
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
        number = unscaled(value)
        whole = {"ABS": abs(number), "FLOOR": number // k.UNIT * k.UNIT, "CEILING": -(-number // k.UNIT) * k.UNIT}
        return stored_decimal({**whole, "SIGN": ((number > 0) - (number < 0)) * k.UNIT, "MINUS": -number}[name])
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
        return len(to_bytes(source)(value))
    return source.bytes_long


def t_concat(*values: Any) -> str:
    return "".join(value for value in values if value is not None)


def t_concat_ws(separator: Any, *values: Any) -> str:
    return (separator or "").join(value for value in values if value is not None)


def t_variant_property(value: Any, name: str) -> Any:
    """A property of a sql_variant, as a sql_variant."""
    if value is None:
        return None
    kind, _ = variant_value(value)
    found = {
        "basetype": kind.name, "precision": kind.digits[0], "scale": kind.scale, "maxlength": kind.bytes_long,
        "totalbytes": len(value), "collation": k.DEFAULT_COLLATION if kind.family == "char" else None,
    }.get(name.lower())  # fmt: skip
    if found is None:
        return None
    return variant(Kind("nvarchar", 128) if isinstance(found, str) else k.INT, found)


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
