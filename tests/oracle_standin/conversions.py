"""One encoded value as another: what depends on a session's formats and time zone, and arithmetic."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from . import values as v
from .moments import add_months, format_moment, nanos_of, parse_moment
from .texts import binary_text, days_text, number_text, parse_days, parse_months, parse_number
from .values import Moment, OracleError

_DECODERS = {
    "number": v.decode_number, "binary": v.decode_binary, "date": v.decode_moment, "timestamp": v.decode_moment,
    "zoned": v.decode_moment, "days": v.decode_days, "months": v.decode_months,
}  # fmt: skip
_ENCODERS = {
    "number": v.encode_number, "binary": v.encode_double, "date": v.encode_date, "days": v.encode_days,
    "months": v.encode_months,
}  # fmt: skip


class Session:
    """What conversions depend on: the NLS parameters and the time zone of a session."""

    def __init__(self) -> None:
        self.zone = 0
        self.nls = {
            "NLS_DATE_FORMAT": "DD-MON-RR",
            "NLS_TIMESTAMP_FORMAT": "DD-MON-RR HH.MI.SSXFF AM".replace("X", "."),
            "NLS_TIMESTAMP_TZ_FORMAT": "DD-MON-RR HH.MI.SSXFF AM TZR".replace("X", "."),
            "NLS_NUMERIC_CHARACTERS": ".,", "NLS_SORT": "BINARY", "NLS_COMP": "BINARY",
        }  # fmt: skip

    def decode(self, value: Any, family: str) -> Any:
        if value is None:
            return None
        if family in ("char", "clob"):
            return value.decode() if isinstance(value, bytes) else value
        if family == "local":
            at = v.decode_moment(value).moved(self.zone)
            return Moment(at.year, at.month, at.day, at.hour, at.minute, at.second, at.nanos, self.zone)
        decoder: Any = _DECODERS.get(family)
        return decoder(value) if decoder else value

    def encode(self, value: Any, family: str, digits: int = 9) -> Any:
        if value is None:
            return None
        if family in ("char", "clob"):
            return value or None
        if family in ("timestamp", "zoned"):
            return (v.encode_moment if family == "timestamp" else v.encode_zoned)(value, digits)
        if family == "local":
            return v.encode_moment(value.moved(-(self.zone if value.offset is None else value.offset)), digits)
        encoder: Any = _ENCODERS.get(family)
        return encoder(value) if encoder else value

    def form_of(self, family: str) -> str:
        return self.nls[
            {"date": "NLS_DATE_FORMAT", "timestamp": "NLS_TIMESTAMP_FORMAT"}.get(family, "NLS_TIMESTAMP_TZ_FORMAT")
        ]

    def to_char(
        self, value: Any, family: str, precision: int, digits: int, form: str | None = None, _nls: str | None = None
    ) -> Any:
        if value is None:
            return None
        plain = self.decode(value, family)
        if family in ("date", "timestamp", "zoned", "local"):
            return format_moment(plain, form or self.form_of(family), digits)
        if family == "number":
            return number_text(plain, form)
        if family == "binary":
            return number_text(Decimal(plain), form) if form and plain == plain else binary_text(plain)
        if family == "days":
            return days_text(plain, precision, digits)
        if family == "months":
            return f"{'-' if plain < 0 else '+'}{abs(plain) // 12:0{precision}d}-{abs(plain) % 12:02d}"
        if family == "boolean":
            return "TRUE" if plain else "FALSE"
        if family == "raw" or family == "blob":
            return plain.hex().upper()
        if family == "rowid":
            return v.rowid_text(plain, 77)
        return plain or None

    def convert(
        self, value: Any, source: str, target: str, digits: int, precision: int, form: str | None = None
    ) -> Any:
        """A value of one family as one of another."""
        if value is None:
            return None
        if target in ("char", "clob"):
            return self.to_char(value, source, precision, digits, form)
        plain = self.decode(value, source)
        if source in ("char", "clob"):
            if target == "number":
                plain = parse_number(plain)
            elif target == "binary":
                plain = float(plain.strip().rstrip("fFdD"))
            elif target in ("date", "timestamp", "zoned", "local"):
                plain = parse_moment(plain, form or self.form_of(target), self.zone)
            elif target in ("raw", "blob"):
                try:
                    plain = bytes.fromhex(plain.rjust(len(plain) + len(plain) % 2, "0"))
                except ValueError:
                    raise OracleError(1465, "invalid hex number") from None
            elif target == "days":
                plain = parse_days(plain)
            elif target == "months":
                plain = parse_months(plain)
            elif target == "rowid":
                plain = v.rowid_row(plain)
            elif target == "boolean":
                plain = int(plain.upper() in ("TRUE", "T", "YES", "Y", "ON", "1"))
        elif source == "number" and target == "binary":
            plain = float(plain)
        elif source == "binary" and target == "number":
            plain = Decimal(repr(plain))
            if not plain.is_finite():
                raise OracleError(1426, "numeric overflow")
        elif source == "number" and target == "boolean":
            plain = int(plain != 0)
        elif source == "boolean" and target == "number":
            plain = Decimal(plain)
        elif {source, target} <= {"date", "timestamp", "zoned", "local"}:
            if target == "zoned" and plain.offset is None:
                plain = replace(plain, offset=self.zone)
        elif {source, target} <= {"raw", "blob"}:
            pass
        else:
            raise OracleError(932, f"inconsistent datatypes: expected {target.upper()} got {source.upper()}")
        return self.encode(plain, target, digits)

    def arithmetic(self, operator: str, left: Any, left_family: str, right: Any, right_family: str, target: str) -> Any:
        if left is None or right is None:
            return None
        a, b = self.decode(left, left_family), self.decode(right, right_family)
        moments = ("date", "timestamp", "zoned", "local")
        if target in ("number", "binary") and left_family not in moments:
            if operator == "/" and not b:
                raise OracleError(1476, "divisor is equal to zero")
            with_ = v.DIGITS
            if target == "binary":
                return v.encode_double(
                    {"+": float.__add__, "-": float.__sub__, "*": float.__mul__, "/": float.__truediv__}[operator](
                        float(a), float(b)
                    )
                )
            return v.encode_number(
                {"+": with_.add, "-": with_.subtract, "*": with_.multiply, "/": with_.divide}[operator](a, b)
            )
        if left_family in moments and right_family in moments:
            nanos = nanos_of(a) - nanos_of(b) - ((a.offset or 0) - (b.offset or 0)) * 60 * 10**9
            return v.encode_number(Decimal(nanos) / (86400 * 10**9)) if target == "number" else v.encode_days(nanos)
        sign = -1 if operator == "-" else 1
        if right_family == "months":
            return self.encode(add_months(a, sign * b), target)
        if right_family in ("number", "days"):
            step = int(b * 86400 * 10**9) if right_family == "number" else b
            if left_family in moments:
                nanos = nanos_of(a) + sign * step
                at = datetime.fromordinal(719163 + nanos // (86400 * 10**9))
                rest = nanos % (86400 * 10**9)
                seconds, fraction = divmod(rest, 10**9)
                if target == "date":
                    seconds, fraction = seconds + (fraction >= 5 * 10**8), 0
                moved = Moment(
                    at.year, at.month, at.day, seconds // 3600, seconds // 60 % 60, seconds % 60, fraction, a.offset
                )
                return self.encode(moved, target)
            return v.encode_days(a + sign * step)
        raise OracleError(30081, "invalid data type for datetime/interval arithmetic")
