"""Values on the wire: how a server writes the types of columns and their values."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from .kinds import (
    BIAS,
    DAY,
    DEFAULT_COLLATION,
    EPOCH_1900,
    FIXED,
    MAX,
    NULLABLE,
    WHOLE,
    Kind,
    collation_bytes,
    decimal_bytes,
    decimal_unscaled,
    encoding_of,
    guid_value,
    time_bytes,
    zoned_value,
)
from .wire import text8, text16


def type_info(kind: Kind, nullable: bool) -> bytes:
    """TYPE_INFO of a column or a returned value."""
    name = kind.name
    if name == "null":
        return b"\x26\x04"
    if name in FIXED:
        return bytes(NULLABLE[name]) if nullable else bytes([FIXED[name]])
    if name in ("decimal", "numeric"):
        number = 0x6A if name == "decimal" else 0x6C
        return bytes([number, decimal_bytes(kind.precision), kind.precision, kind.scale])
    if name in ("char", "varchar", "nchar", "nvarchar"):
        number = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7}[name]
        length = 0xFFFF if kind.length == MAX else max(kind.length, 1) * (2 if kind.national else 1)
        return struct.pack("<BH", number, length) + collation_bytes(kind.collation)
    if name in ("binary", "varbinary", "timestamp"):
        number = 0xA5 if name == "varbinary" or (name == "timestamp" and nullable) else 0xAD
        length = 0xFFFF if kind.length == MAX else 8 if name == "timestamp" else max(kind.length, 1)
        return struct.pack("<BH", number, length)
    if name in ("text", "ntext", "image"):
        size = 0x7FFFFFFE if name == "ntext" else 0x7FFFFFFF
        head = struct.pack("<BI", {"text": 0x23, "ntext": 0x63, "image": 0x22}[name], size)
        return head + (b"" if name == "image" else collation_bytes(kind.collation))
    simple = {
        "date": b"\x28", "time": bytes([0x29, kind.scale]), "datetime2": bytes([0x2A, kind.scale]),
        "datetimeoffset": bytes([0x2B, kind.scale]), "uniqueidentifier": b"\x24\x10", "xml": b"\xf1\x00",
        "sql_variant": b"\x62" + struct.pack("<I", 8009),
    }  # fmt: skip
    if name in simple:
        return simple[name]
    assembly = (
        f"Microsoft.SqlServer.Types.Sql{'HierarchyId' if name == 'hierarchyid' else name.capitalize()}, "
        "Microsoft.SqlServer.Types, Version=11.0.0.0, Culture=neutral, PublicKeyToken=89845dcd8080cc91"
    )
    length = 892 if name == "hierarchyid" else 0xFFFF
    return struct.pack("<BH", 0xF0, length) + text8("master") + text8("sys") + text8(name) + text16(assembly)


Encode = Callable[[Any], bytes]


def encoder(kind: Kind, nullable: bool) -> tuple[bytes, Encode]:
    """The bytes of NULL, and what turns a stored value that is not NULL into its bytes."""
    name = kind.name
    prefix = nullable or name not in FIXED
    if name == "null":
        return b"\x00", lambda value: b"\x04" + struct.pack("<i", int(value))
    if (kind.is_max and name not in ("text", "ntext", "image")) or kind.family == "udt":
        return b"\xff" * 8, _partial(to_bytes(kind))
    if name in ("text", "ntext", "image"):
        raw, head = to_bytes(kind), b"\x10" + b"standin text ptr" + b"\0" * 8
        return b"\x00", lambda value: _long(head, raw(value))
    if kind.family in ("char", "bin"):
        return b"\xff\xff", _counted(to_bytes(kind))
    raw = to_bytes(kind)
    if name == "sql_variant":
        return b"\0\0\0\0", lambda value: struct.pack("<I", len(value)) + value
    if not prefix:
        return b"", raw
    return b"\x00", _sized(raw)


def _sized(raw: Encode) -> Encode:
    def encode(value: Any) -> bytes:
        found = raw(value)
        return bytes([len(found)]) + found

    return encode


def _counted(raw: Encode) -> Encode:
    def encode(value: Any) -> bytes:
        found = raw(value)
        return struct.pack("<H", len(found)) + found

    return encode


def _long(head: bytes, found: bytes) -> bytes:
    return head + struct.pack("<I", len(found)) + found


def _partial(raw: Encode) -> Encode:
    def encode(value: Any) -> bytes:
        found = raw(value)
        made = [struct.pack("<Q", len(found))]
        for start in range(0, len(found), 32_000):
            part = found[start : start + 32_000]
            made += [struct.pack("<I", len(part)), part]
        return b"".join([*made, b"\0\0\0\0"])

    return encode


def to_bytes(kind: Kind) -> Encode:
    """What gives a value's bytes without any length."""
    name, scale = kind.name, kind.scale
    if name in WHOLE:
        return struct.Struct({1: "<B", 2: "<h", 4: "<i", 8: "<q"}[WHOLE[name][2]]).pack
    if name in ("real", "float"):
        return struct.Struct("<f" if name == "real" else "<d").pack
    if name in ("decimal", "numeric"):
        return _decimal_encoder(kind)
    if name == "money":
        return lambda value: struct.pack("<iI", *divmod(decimal_unscaled(value, 4), 1 << 32))
    if name == "smallmoney":
        return lambda value: struct.pack("<i", decimal_unscaled(value, 4))
    if kind.family == "char":
        if kind.national:
            return lambda value: value.encode("utf-16-le", "surrogatepass")
        encoding = encoding_of(kind.collation or DEFAULT_COLLATION)
        return lambda value: value.encode(encoding, "replace")
    if kind.family in ("bin", "udt", "variant"):
        return bytes
    if name == "uniqueidentifier":
        return lambda value: guid_value(value).bytes_le
    if name == "date":
        return lambda value: (value // DAY).to_bytes(3, "little")
    if name == "smalldatetime":
        return lambda value: struct.pack("<HH", *divmod((value - EPOCH_1900) // 600_000_000, 1440))
    if name == "datetime":
        return _datetime
    size, unit = time_bytes(scale), int(10 ** (7 - scale))
    if name == "time":
        return lambda value: (value // unit).to_bytes(size, "little")
    if name == "datetime2":
        return lambda value: (value % DAY // unit).to_bytes(size, "little") + (value // DAY).to_bytes(3, "little")
    if name == "datetimeoffset":

        def encode(value: bytes) -> bytes:
            utc, minutes = zoned_value(value)
            clock = (utc % DAY // unit).to_bytes(size, "little")
            return clock + (utc // DAY).to_bytes(3, "little") + struct.pack("<h", minutes)

        return encode
    raise AssertionError(name)


def _datetime(value: int) -> bytes:
    day, ticks = divmod(value - EPOCH_1900, DAY)
    return struct.pack("<iI", day, (ticks * 3 + 50_000) // 100_000)


def _decimal_encoder(kind: Kind) -> Encode:
    size, divisor = decimal_bytes(kind.precision) - 1, int(10 ** (38 - kind.scale))
    limit = int(10**kind.precision)

    def encode(value: bytes) -> bytes:
        number = int.from_bytes(value, "big") - BIAS
        magnitude, rest = divmod(abs(number), divisor)
        if rest:
            magnitude += 2 * rest >= divisor
        if magnitude >= limit:
            raise struct.error("decimal")
        return (b"\x00" if number < 0 else b"\x01") + magnitude.to_bytes(size, "little")

    return encode
