"""Oracle's functions on values, as SQLite calls them: encoded values in, encoded values out."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from . import values as v
from .conversions import Session
from .moments import add_months, in_zone, months_between, truncate, zone_minutes
from .values import OracleError


def _substr(text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    begin = int(start)
    begin = begin - 1 if begin > 0 else len(text) + begin if begin < 0 else 0
    if begin < 0 or (length is not None and length < 1):
        return None
    return text[begin : None if length is None else begin + int(length)]


def _rounded(rounding: str) -> Callable[..., Decimal]:
    return lambda value, places=Decimal(0): value.quantize(Decimal(1).scaleb(-int(places)), rounding, v.DIGITS)


def _matches(text: str, pattern: str, flags: str = "") -> int:
    return int(bool(re.search(pattern, text, re.IGNORECASE if "i" in flags else 0)))


def _padded_left(text: str, width: Decimal, sign: str = " ") -> str:
    return text[: int(width)] if len(text) >= width else (sign * int(width))[: int(width) - len(text)] + text


def _same(value: Any) -> Any:
    return value


# name: families of the arguments (those behind | may be left out), family of the result, what it does
SCALARS: dict[str, tuple[str, str, Callable[..., Any]]] = {
    "UPPER": ("char", "char", str.upper),
    "LOWER": ("char", "char", str.lower),
    "INITCAP": ("char", "char", str.title),
    "LENGTH": ("char", "number", lambda text: Decimal(len(text))),
    "LENGTHB": ("char", "number", lambda text: Decimal(len(text.encode()))),
    "SUBSTR": ("char number | number", "char", _substr),
    "INSTR": ("char char | number", "number", lambda s, t, n=Decimal(1): Decimal(s.find(t, int(n) - 1) + 1)),
    "REPLACE": ("char char | char", "char", lambda text, old, new="": text.replace(old, new)),
    "TRIM": ("char | char", "char", lambda text, signs=" ": text.strip(signs)),
    "LTRIM": ("char | char", "char", lambda text, signs=" ": text.lstrip(signs)),
    "RTRIM": ("char | char", "char", lambda text, signs=" ": text.rstrip(signs)),
    "LPAD": ("char number | char", "char", _padded_left),
    "RPAD": ("char number | char", "char", lambda text, width, sign=" ": (text + sign * int(width))[: int(width)]),
    "REGEXP_LIKE": ("char char | char", "truth", _matches),
    "REGEXP_REPLACE": ("char char | char", "char", lambda text, pattern, new="": re.sub(pattern, new, text)),
    "CHR": ("number", "char", lambda number: chr(int(number))),
    "ASCII": ("char", "number", lambda text: Decimal(ord(text[0]))),
    "ABS": ("number", "number", abs),
    "SIGN": ("number", "number", lambda number: Decimal((number > 0) - (number < 0))),
    "MOD": ("number number", "number", lambda a, b: v.DIGITS.remainder(a, b) if b else a),
    "FLOOR": ("number", "number", _rounded("ROUND_FLOOR")),
    "CEIL": ("number", "number", _rounded("ROUND_CEILING")),
    "ROUND#": ("number | number", "number", _rounded("ROUND_HALF_UP")),
    "TRUNC#": ("number | number", "number", _rounded("ROUND_DOWN")),
    "TRUNC@": ("date | char", "date", truncate),
    "POWER": ("number number", "number", v.DIGITS.power),
    "SQRT": ("number", "number", v.DIGITS.sqrt),
    "RAWTOHEX": ("raw", "char", lambda raw: raw.hex().upper()),
    "HEXTORAW": ("char", "raw", bytes.fromhex),
    "ROWIDTOCHAR": ("rowid", "char", lambda row: v.rowid_text(row, 77)),
    "CHARTOROWID": ("char", "rowid", v.rowid_row),
    "ADD_MONTHS": ("date number", "date", lambda day, months: add_months(day, int(months))),
    "LAST_DAY": ("date", "date", lambda day: replace(day, day=monthrange(day.year, day.month)[1])),
    "MONTHS_BETWEEN": ("date date", "number", months_between),
    "SYS_EXTRACT_UTC": ("zoned", "timestamp", lambda at: replace(at.moved(-(at.offset or 0)), offset=None)),
    "FROM_ZONE": ("zoned char", "zoned", in_zone),  # AT TIME ZONE
    "FROM_TZ": ("timestamp char", "zoned", lambda at, zone: replace(at, offset=zone_minutes(zone))),
    **dict.fromkeys(("JSON_SERIALIZE", "XMLSERIALIZE", "FROM_VECTOR", "XMLTYPE"), ("clob", "clob", _same)),
    "GETLENGTH": ("clob", "number", lambda lob: Decimal(len(lob.encode("utf-16-be")) // 2)),  # as UTF-16 counts
    "GETLENGTH@": ("blob", "number", lambda lob: Decimal(len(lob))),
    "TO_CLOB": ("char", "clob", _same),
    "TO_NCLOB": ("char", "clob", _same),
    "TO_BLOB": ("raw", "blob", _same),
    "EMPTY_CLOB": ("", "clob", str),
    "EMPTY_BLOB": ("", "blob", bytes),
}


class Sum:
    """SUM of numbers, exact; `step` takes encoded values."""

    def __init__(self) -> None:
        self.total, self.count = Decimal(0), 0

    def step(self, value: bytes | None) -> None:
        if value is not None:
            self.total, self.count = v.DIGITS.add(self.total, v.decode_number(value)), self.count + 1

    def finalize(self) -> bytes | None:
        return v.encode_number(self.total) if self.count else None


class Average(Sum):
    def finalize(self) -> bytes | None:
        return v.encode_number(v.DIGITS.divide(self.total, Decimal(self.count))) if self.count else None


class FloatSum:
    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: bytes | None) -> None:
        if value is not None:
            self.values.append(v.decode_binary(value))

    def finalize(self) -> bytes | None:
        return v.encode_double(sum(self.values)) if self.values else None


def register(connection: Any, session: Session, errors: list[OracleError]) -> None:
    """Make all of it known to a SQLite connection; an error of Oracle's that a function raises goes to `errors`."""

    def keeping(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            try:
                return function(*args)
            except OracleError as error:
                errors.append(error)
                raise
            except (ValueError, OverflowError, InvalidOperation) as error:
                errors.append(OracleError(1841, f"value out of range: {error}"))
                raise

        return called

    def scalar(families: list[str], result: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any) -> Any:
            if any(one is None for one in args):
                return None
            return session.encode(function(*map(session.decode, args, families)), result)

        return keeping(called)

    for name, (takes, result, function) in SCALARS.items():
        families = takes.replace("|", "").split()
        connection.create_function(
            f"f_{name.strip('#@')}_{'d' if name.endswith('@') else 'n'}",
            -1,
            scalar(families, result, function),
            deterministic=True,
        )
    for name in ("to_char", "convert", "arithmetic"):
        connection.create_function(name, -1, keeping(getattr(session, name)), deterministic=True)
    connection.create_function(
        "fit_number",
        3,
        keeping(
            lambda x, p, s: None if x is None else v.fit_number(x, v.Type("FLOAT" if s is None else "NUMBER", p, s))
        ),
        deterministic=True,
    )
    connection.create_function(
        "fit_moment",
        3,
        keeping(lambda x, f, s: None if x is None else session.encode(session.decode(x, f), f, s)),
        deterministic=True,
    )
    connection.create_function(
        "fit_float", 1, keeping(lambda x: None if x is None else v.encode_float(v.decode_binary(x))), deterministic=True
    )
    connection.create_function("is_floating", 2, keeping(_is_floating), deterministic=True)
    connection.create_function("fit_text", 4, keeping(_fit_text), deterministic=True)
    connection.create_function("number", 1, lambda x: None if x is None else v.encode_number(x), deterministic=True)
    connection.create_function("plain", 1, lambda x: None if x is None else int(v.decode_number(x)), deterministic=True)
    connection.create_aggregate("ora_sum", 1, Sum)
    connection.create_aggregate("ora_avg", 1, Average)
    connection.create_aggregate("ora_fsum", 1, FloatSum)


def _is_floating(value: Any, wanted: str) -> bool | None:
    if value is None:
        return None
    return math.isnan(v.decode_binary(value)) if wanted == "NAN" else math.isinf(v.decode_binary(value))


def _fit_text(text: Any, size: int, chars: int | None, padded: int) -> Any:
    if text is None:
        return None
    length = len(text) if chars else len(text.encode() if isinstance(text, str) else text)
    limit = chars or size
    if length > limit:
        raise OracleError(12899, f"value too large for column (actual: {length}, maximum: {limit})")
    return text + " " * (limit - length) if padded else text
