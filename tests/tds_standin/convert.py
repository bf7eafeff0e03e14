"""CAST and CONVERT: a stored value of one type as the stored value of another, with SQL Server's texts and errors."""

from __future__ import annotations

import math
import re
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from . import kinds as k
from .conversion_errors import failure, no_way, overflow
from .decoding import variant, variant_value
from .encoding import to_bytes
from .kinds import Kind, decimal_value
from .moments import moment_text, to_moment, to_time, to_zoned
from .tokens import SqlError


def cast(value: Any, source: Kind, target: Kind, style: int = 0, *, strict: bool = False) -> Any:
    """A value in another type; `strict` is the way of an assignment, which cuts no text short."""
    if value is None:
        return None
    if source.name == "sql_variant" and target.name != "sql_variant":
        source, value = variant_value(value)
    made = _CASTS[target.family](value, source, target, style)
    if target.family in ("char", "bin"):
        return _fitted(made, target, source, strict)
    return made


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
            unscaled = int(exact.scaleb(scale, k.EXACT).to_integral_value("ROUND_HALF_UP", k.EXACT))
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
        number = float(Decimal(int.from_bytes(value, "big") - k.BIAS).scaleb(-38, k.EXACT))
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
            return f"{decimal_value(value, decimals):{',' if style == 1 else ''}f}"
        return f"{decimal_value(value, source.scale):f}"
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
    return to_bytes(source)(value)[::-1] if family in ("float", "moment") else to_bytes(source)(value)


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
    return variant(source if source.name != "null" else k.INT, value)


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
    "int": _to_int, "dec": _to_decimal, "float": _to_float, "char": _to_char, "moment": to_moment, "time": to_time,
    "zoned": to_zoned, "bin": _to_binary, "guid": _to_guid, "variant": _to_variant, "udt": _to_udt,
    "null": lambda value, source, target, style: value,
}  # fmt: skip
