"""Numbers and intervals as texts, and back."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from . import values as v
from .values import OracleError


def number_text(value: Decimal, form: str | None = None) -> str:
    """A number as TO_CHAR prints it: TM9 has all digits, and an exponent from 64 characters on."""
    if form and form.upper() not in ("TM", "TM9", "TME"):
        return _picture(value, form.upper())
    text = f"{value.normalize(v.DIGITS):f}"
    text = text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
    if len(text.lstrip("-")) > (64 if form else 40):
        sign, digits, _ = value.normalize(v.DIGITS).as_tuple()
        mantissa = "".join(map(str, digits))
        mantissa = mantissa[0] + ("." + mantissa[1:] if len(mantissa) > 1 else "")
        text = f"{'-' * sign}{mantissa}E{value.adjusted():+03d}"
    return text


def _picture(value: Decimal, form: str) -> str:
    fill = not form.startswith("FM")
    form = form.removeprefix("FM").replace("D", ".").replace("G", ",")
    whole, _, decimals = form.partition(".")
    text = f"{abs(value).quantize(Decimal(1).scaleb(-len(decimals)), 'ROUND_HALF_UP', v.DIGITS):f}"
    digits, _, fraction = text.partition(".")
    places = [sign for sign in whole if sign in "09"]
    if len(digits.lstrip("0")) > len(places):
        return "#" * (len(form) + 1)
    zeros = len(places) - places.index("0") if "0" in places else 0
    digits = digits.lstrip("0").rjust(zeros, "0") or ("0" if not decimals else "")
    if "," in whole:
        digits = re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", digits)
    text = ("-" if value < 0 else "") + digits + ("." + fraction if decimals else "")
    return text.rjust(len(form) + 1) if fill else text


def binary_text(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "Nan", "inf": "Inf", "-inf": "-Inf"}[str(value)]
    mantissa, exponent = f"{value:.16E}".split("E")
    mantissa = mantissa.rstrip("0")
    return f"{mantissa + '0' * mantissa.endswith('.')}E{int(exponent):+04d}"


def days_text(nanos: int, precision: int, digits: int) -> str:
    seconds, fraction = divmod(abs(nanos), 10**9)
    days, rest = divmod(seconds, 86400)
    text = f"{'-' if nanos < 0 else '+'}{days:0{precision}d} {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{text}.{fraction:09d}"[: len(text) + 1 + digits] if digits else text


def parse_days(text: str, units: str = "DAY TO SECOND") -> int:
    found = re.fullmatch(r"\s*([+-]?)(?:(\d+)(?:\s+|$))?(?:(\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?)?\s*", text)
    if units in ("HOUR", "MINUTE", "SECOND", "DAY"):
        return int(Decimal(text) * {"DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}[units] * 10**9)
    if not found:
        raise OracleError(1867, "the interval is invalid")
    sign, days, hours, minutes, seconds, fraction = found.groups()
    total = int(days or 0) * 86400 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return (-1 if sign == "-" else 1) * (total * 10**9 + int((fraction or "").ljust(9, "0")))


def parse_months(text: str, units: str = "YEAR TO MONTH") -> int:
    found = re.fullmatch(r"\s*([+-]?)(\d+)(?:-(\d+))?\s*", text)
    if not found:
        raise OracleError(1867, "the interval is invalid")
    months = int(found[2]) * (1 if units == "MONTH" else 12) + int(found[3] or 0)
    return -months if found[1] == "-" else months


def parse_number(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        raise OracleError(1722, "invalid number") from None
