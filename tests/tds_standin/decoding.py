"""Values from the wire: how a server reads the types of parameters and their values."""

from __future__ import annotations

import struct
import uuid
from typing import Any

from .encoding import to_bytes
from .kinds import (
    BY_FIXED,
    BY_SIZE,
    DAY,
    EPOCH_1900,
    FIXED,
    MAX,
    NULL,
    WHOLE,
    Kind,
    ReadValue,
    collation_bytes,
    decimal_stored,
    encoding_on_wire,
    guid_stored,
    time_bytes,
    zoned_stored,
)
from .wire import Reader


def read_parameter(reader: Reader) -> tuple[Kind, Any]:
    """A parameter of an RPC: its type and its stored value. A type that is not known is a LookupError."""
    kind, read = read_type(reader)
    return kind, read(reader)


def read_type(reader: Reader) -> tuple[Kind, ReadValue]:
    """A type, and what reads a value of it."""
    number = reader.number(1)
    if number == 0x1F:
        return NULL, lambda _: None
    if number in BY_FIXED:
        kind = Kind(BY_FIXED[number])
        size = len(to_bytes(kind)(_ZEROS[kind.family]))
        return kind, lambda reader: _from_bytes(kind, reader.take(size))
    if number in (0x26, 0x68, 0x6D, 0x6E, 0x6F):
        return _counted_value(Kind(BY_SIZE[number, reader.number(1)]))
    if number in (0x6A, 0x6C, 0x37, 0x3F):
        reader.number(1)
        name = "decimal" if number in (0x6A, 0x37) else "numeric"
        return _counted_value(Kind(name, precision=reader.number(1), scale=reader.number(1)))
    if number in (0x28, 0x24):
        if number == 0x24:
            reader.number(1)
        return _counted_value(Kind("date" if number == 0x28 else "uniqueidentifier"))
    if number in (0x29, 0x2A, 0x2B):
        return _counted_value(
            Kind({0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[number], scale=reader.number(1))
        )
    if number in (0xA7, 0xAF, 0xE7, 0xEF, 0xA5, 0xAD):
        return _string_type(reader, number)
    if number in (0x23, 0x63, 0x22):
        reader.number(4)
        collation = b"" if number == 0x22 else reader.take(5)
        text = Kind({0x23: "varchar", 0x63: "nvarchar", 0x22: "varbinary"}[number], MAX)
        return text, lambda reader: _read_text(text, reader, collation)
    if number == 0x62:
        reader.number(4)
        return Kind("sql_variant"), lambda reader: reader.take(reader.number(4)) or None
    if number == 0xF1:
        if reader.number(1):
            reader.text(1), reader.text(1), reader.text(2)
        return Kind("xml"), lambda reader: _decoded_xml(_read_partial(reader))
    if number == 0xF0:
        return Kind([reader.text(1) for _ in range(3)][2].lower()), _read_partial
    raise LookupError(f"type 0x{number:02x}")


def _counted_value(kind: Kind) -> tuple[Kind, ReadValue]:
    def read(reader: Reader) -> Any:
        length = reader.number(1)
        return _from_bytes(kind, reader.take(length)) if length else None

    return kind, read


def _string_type(reader: Reader, number: int) -> tuple[Kind, ReadValue]:
    name = {0xA7: "varchar", 0xAF: "char", 0xE7: "nvarchar", 0xEF: "nchar", 0xA5: "varbinary", 0xAD: "binary"}[number]
    length = reader.number(2)
    collation = reader.take(5) if number not in (0xA5, 0xAD) else b""
    kind = Kind(name, MAX if length == 0xFFFF else length // 2 if name.startswith("n") else length)

    def read(reader: Reader) -> Any:
        if length == 0xFFFF:
            raw = _read_partial(reader)
        else:
            count = reader.number(2)
            raw = None if count == 0xFFFF else reader.take(count)
        return None if raw is None else _decoded(kind, raw, collation)

    return kind, read


def _read_text(kind: Kind, reader: Reader, collation: bytes) -> Any:
    length = reader.number(4, signed=True)
    return None if length < 0 else _decoded(kind, reader.take(length), collation)


def _decoded_xml(raw: bytes | None) -> str | None:
    if raw is None:
        return None
    return raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le")


def _decoded(kind: Kind, raw: bytes, collation: bytes) -> Any:
    if kind.family == "bin":
        return raw
    if kind.national:
        return raw.decode("utf-16-le", "surrogatepass")
    return raw.decode(encoding_on_wire(collation), "replace")


def _read_partial(reader: Reader) -> bytes | None:
    if reader.number(8) == (1 << 64) - 1:
        return None
    made = bytearray()
    while size := reader.number(4):
        made += reader.take(size)
    return bytes(made)


_ZEROS: dict[str, Any] = {"int": 0, "float": 0.0, "dec": decimal_stored(0, 0), "moment": EPOCH_1900}


def _from_bytes(kind: Kind, raw: bytes) -> Any:
    name = kind.name
    if name in WHOLE:
        return int.from_bytes(raw, "little", signed=name not in ("bit", "tinyint"))
    if kind.family == "float":
        return struct.unpack("<f" if len(raw) == 4 else "<d", raw)[0]
    if name in ("decimal", "numeric"):
        magnitude = int.from_bytes(raw[1:], "little")
        return decimal_stored(magnitude if raw[0] else -magnitude, kind.scale)
    if name == "money":
        high, low = struct.unpack("<iI", raw)
        return decimal_stored(high * (1 << 32) + low, 4)
    if name == "smallmoney":
        return decimal_stored(int.from_bytes(raw, "little", signed=True), 4)
    if name == "uniqueidentifier":
        return guid_stored(uuid.UUID(bytes_le=raw))
    if name == "date":
        return int.from_bytes(raw, "little") * DAY
    if name == "smalldatetime":
        day, minute = struct.unpack("<HH", raw)
        return EPOCH_1900 + day * DAY + minute * 600_000_000
    if name == "datetime":
        day, count = struct.unpack("<iI", raw)
        return EPOCH_1900 + day * DAY + (count * 100_000 + 1) // 3
    size, unit = time_bytes(kind.scale), 10 ** (7 - kind.scale)
    ticks = int.from_bytes(raw[:size], "little") * unit
    if name == "time":
        return ticks
    moment = int.from_bytes(raw[size : size + 3], "little") * DAY + ticks
    return moment if name == "datetime2" else zoned_stored(moment, struct.unpack("<h", raw[-2:])[0])


def variant(kind: Kind, value: Any) -> bytes:
    """A value with its type, as a sql_variant holds it."""
    raw = to_bytes(kind)(value)
    name = kind.name
    if name in FIXED:
        return bytes([FIXED[name], 0]) + raw
    if name in ("decimal", "numeric"):
        padded = raw.ljust(17, b"\0")  # in a variant all decimals are as long as the longest
        return bytes([0x6C if name == "numeric" else 0x6A, 2, kind.precision, kind.scale]) + padded
    if name in ("time", "datetime2", "datetimeoffset"):
        return bytes([{"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}[name], 1, kind.scale]) + raw
    if name in ("date", "uniqueidentifier"):
        return bytes([0x28 if name == "date" else 0x24, 0]) + raw
    number = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7, "binary": 0xAD, "varbinary": 0xA5}[name]
    length = struct.pack("<H", min(len(raw), 8000) or 1)
    if kind.family == "bin":
        return bytes([number, 2]) + length + raw
    return bytes([number, 7]) + collation_bytes(kind.collation) + length + raw


def variant_value(stored: bytes) -> tuple[Kind, Any]:
    """The type and the value that a sql_variant holds."""
    number, size = stored[0], stored[1]
    properties, raw = stored[2 : 2 + size], stored[2 + size :]
    if number in BY_FIXED:
        kind = Kind(BY_FIXED[number])
    elif number in (0x6A, 0x6C):
        kind = Kind("decimal" if number == 0x6A else "numeric", precision=properties[0], scale=properties[1])
    elif number in (0x29, 0x2A, 0x2B):
        kind = Kind({0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[number], scale=properties[0])
    elif number in (0x28, 0x24):
        kind = Kind("date" if number == 0x28 else "uniqueidentifier")
    else:
        name = {0xAF: "char", 0xA7: "varchar", 0xEF: "nchar", 0xE7: "nvarchar", 0xAD: "binary", 0xA5: "varbinary"}[
            number
        ]
        length = int.from_bytes(properties[-2:], "little")
        kind = Kind(name, length // 2 if name.startswith("n") else length)
        return kind, _decoded(kind, raw, properties[:5])
    return kind, _from_bytes(kind, raw)
