"""SQL Server's types: how SQLite holds values, and how types and values look on the wire.

In SQLite every family has one form, in which equal values are equal and order is SQL Server's: whole numbers and floats
as they are, decimals as 32 bytes (the value times 10**38, shifted to be positive), moments as 100 ns since the year 1,
datetimeoffset as eight bytes of UTC and two of minutes, guids as bytes in the order by which SQL Server compares them,
sql_variant as it is on the wire.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from .wire import Reader, text8, text16

BIAS = 1 << 255
UNIT = 10**38
DAY = 864_000_000_000
EPOCH_1900 = 693_595 * DAY
MAX = -1
DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"
_FAMILIES = {
    "int": "bit tinyint smallint int bigint", "dec": "smallmoney money decimal numeric", "float": "real float",
    "char": "char varchar text nchar nvarchar ntext xml sysname", "bin": "binary varbinary image timestamp rowversion",
    "moment": "date smalldatetime datetime datetime2", "time": "time", "zoned": "datetimeoffset",
    "guid": "uniqueidentifier", "variant": "sql_variant", "udt": "hierarchyid geometry geography", "null": "null",
}  # fmt: skip
FAMILY = {name: family for family, names in _FAMILIES.items() for name in names.split()}
PRECEDENCE = {
    name: rank
    for rank, name in enumerate(
        [
            "null",
            "binary",
            "varbinary",
            "char",
            "varchar",
            "nchar",
            "nvarchar",
            "sysname",
            "uniqueidentifier",
            "timestamp",
            "image",
            "text",
            "ntext",
            "bit",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "smallmoney",
            "money",
            "numeric",
            "decimal",
            "real",
            "float",
            "time",
            "date",
            "smalldatetime",
            "datetime",
            "datetime2",
            "datetimeoffset",
            "xml",
            "hierarchyid",
            "geometry",
            "geography",
            "sql_variant",
        ]
    )
}
WHOLE = {
    "bit": (0, 1, 1), "tinyint": (0, 255, 1), "smallint": (-(1 << 15), (1 << 15) - 1, 2),
    "int": (-(1 << 31), (1 << 31) - 1, 4), "bigint": (-(1 << 63), (1 << 63) - 1, 8),
}  # fmt: skip
_DIGITS = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "money": 19, "smallmoney": 10}
_FIXED = {
    "tinyint": 0x30, "bit": 0x32, "smallint": 0x34, "int": 0x38, "smalldatetime": 0x3A, "real": 0x3B, "money": 0x3C,
    "datetime": 0x3D, "float": 0x3E, "smallmoney": 0x7A, "bigint": 0x7F,
}  # fmt: skip
_NULLABLE = {  # number on the wire, size
    "tinyint": (0x26, 1), "bit": (0x68, 1), "smallint": (0x26, 2), "int": (0x26, 4), "bigint": (0x26, 8),
    "smalldatetime": (0x6F, 4), "datetime": (0x6F, 8), "real": (0x6D, 4), "float": (0x6D, 8), "money": (0x6E, 8),
    "smallmoney": (0x6E, 4),
}  # fmt: skip
_BY_SIZE = {number_and_size: name for name, number_and_size in _NULLABLE.items()}
_BY_FIXED = {number: name for name, number in _FIXED.items()}
SYSTEM_TYPES = {
    "image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43,
    "tinyint": 48, "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61,
    "float": 62, "sql_variant": 98, "ntext": 99, "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122,
    "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173, "char": 175, "timestamp": 189, "nvarchar": 231,
    "nchar": 239, "xml": 241, "sysname": 231, "hierarchyid": 240, "geometry": 240, "geography": 240,
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A type; `length` counts bytes, of n-types characters, and is -1 for (max)."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    collation: str = ""

    @property
    def family(self) -> str:
        return FAMILY[self.name]

    @property
    def national(self) -> bool:
        return self.name in ("nchar", "nvarchar", "ntext", "sysname", "xml")

    @property
    def is_max(self) -> bool:
        return self.length == MAX or self.name in ("text", "ntext", "image", "xml")

    @property
    def bytes_long(self) -> int:
        """`max_length` of sys.columns."""
        if self.name in ("text", "ntext", "image"):
            return 16
        if self.is_max or self.name in ("geometry", "geography"):
            return -1
        if self.family == "char":
            return self.length * (2 if self.national else 1)
        if self.name in WHOLE:
            return WHOLE[self.name][2]
        if self.name in ("decimal", "numeric"):
            return decimal_bytes(self.precision)
        if self.name in ("time", "datetime2", "datetimeoffset"):
            return time_bytes(self.scale) + {"time": 0, "datetime2": 3, "datetimeoffset": 5}[self.name]
        fixed = {
            "real": 4, "float": 8, "money": 8, "smallmoney": 4, "date": 3, "datetime": 8, "smalldatetime": 4,
            "uniqueidentifier": 16, "timestamp": 8, "sql_variant": 8016, "hierarchyid": 892,
        }  # fmt: skip
        return fixed.get(self.name, self.length)

    @property
    def bytes_in_units(self) -> int:
        """The length as the type itself counts it."""
        return 8 if self.name == "timestamp" else self.length

    @property
    def digits(self) -> tuple[int, int]:
        """Precision and scale of a number in decimal arithmetic."""
        if self.name in ("decimal", "numeric"):
            return self.precision, self.scale
        return _DIGITS.get(self.name, 38), 4 if "money" in self.name else 0

    @property
    def shown(self) -> str:
        """The type as T-SQL writes it, which `parse_kind` reads."""
        if self.name in ("decimal", "numeric"):
            return f"{self.name}({self.precision},{self.scale})"
        if self.name in ("time", "datetime2", "datetimeoffset"):
            return f"{self.name}({self.scale})"
        if self.name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        return self.name

    def with_collation(self, collation: str) -> Kind:
        return replace(self, collation=collation)


NULL, INT, BIGINT, BIT, FLOAT = Kind("null"), Kind("int"), Kind("bigint"), Kind("bit"), Kind("float")
SYSNAME, DATETIME = Kind("nvarchar", 128), Kind("datetime")
_TYPE = re.compile(r"\s*(\[?[\w.\]\[ ]+?\]?)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.ASCII)
_SYNONYMS = {
    "integer": "int", "dec": "decimal", "character": "char", "rowversion": "timestamp", "national character": "nchar",
    "national char": "nchar", "character varying": "varchar", "char varying": "varchar", "binary varying": "varbinary",
    "national char varying": "nvarchar", "national character varying": "nvarchar", "national text": "ntext",
    "double precision": "float", "sysname": "nvarchar",
}  # fmt: skip


@lru_cache(maxsize=2000)
def parse_kind(text: str, unsized: int = 1) -> Kind | None:
    """A type as T-SQL writes it; `unsized` is the length of one without, which is 30 in a cast. None: no such type."""
    found = _TYPE.fullmatch(text)
    if not found:
        return None
    name = found[1].replace("[", "").replace("]", "").lower().removeprefix("sys.")
    name = " ".join(name.split())
    if name == "sysname":
        return SYSNAME
    name = _SYNONYMS.get(name, name)
    if name not in FAMILY or name == "null":
        return None
    first = MAX if (found[2] or "").lower() == "max" else int(found[2]) if (found[2] or "").isdigit() else None
    second = int(found[3]) if found[3] else None
    if name == "float":
        return Kind("real") if first is not None and first <= 24 else FLOAT
    if name in ("decimal", "numeric"):
        return Kind(name, precision=18 if first is None else first, scale=second or 0)
    if name in ("time", "datetime2", "datetimeoffset"):
        return Kind(name, scale=7 if first is None else first)
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return Kind(name, unsized if first is None else first)
    return Kind(name)


# --- values in SQLite ------------------------------------------------------------------------------------------------


def decimal_stored(unscaled: int, scale: int) -> bytes:
    stored: int = unscaled * 10 ** (38 - scale) + BIAS
    return stored.to_bytes(32, "big")


def decimal_unscaled(stored: bytes, scale: int) -> int:
    """The number times 10**scale, rounded half away from zero."""
    return rescaled(int.from_bytes(stored, "big") - BIAS, 38, scale)


def rescaled(unscaled: int, scale: int, wanted: int) -> int:
    if wanted >= scale:
        return unscaled * int(10 ** (wanted - scale))
    unit = int(10 ** (scale - wanted))
    quotient, rest = divmod(abs(unscaled), unit)
    quotient += 2 * rest >= unit
    return -quotient if unscaled < 0 else quotient


def guid_stored(value: uuid.UUID) -> bytes:
    raw = value.bytes
    return raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]


def guid_value(stored: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=stored[12:16] + stored[10:12] + stored[8:10] + stored[6:8] + stored[:6])


def zoned_stored(utc: int, minutes: int) -> bytes:
    return struct.pack(">qh", utc, minutes)


def zoned_value(stored: bytes) -> tuple[int, int]:
    """Ticks of UTC and minutes east of it."""
    utc, minutes = struct.unpack(">qh", stored)
    return utc, minutes


# --- collations and sizes --------------------------------------------------------------------------------------------


@lru_cache(maxsize=500)
def collation_bytes(name: str) -> bytes:
    """The five bytes that identify a collation."""
    name = name or DEFAULT_COLLATION
    folded = name.upper()
    language = 0x0407 if folded.startswith(("GERMAN", "SQL_GERMAN")) else 0x0409
    flags = 0
    if folded.endswith(("_BIN2", "_BIN2_UTF8")):
        flags = 1 << 25
    elif folded.endswith("_BIN"):
        flags = 1 << 24
    else:
        flags |= (1 << 20) * ("_CI" in folded) | (1 << 21) * ("_AI" in folded)
        flags |= (1 << 22) * ("_KS" not in folded) | (1 << 23) * ("_WS" not in folded)
    flags |= (1 << 26) * folded.endswith("UTF8")
    version = next((number for text, number in (("_100_", 2), ("_140_", 3), ("_90_", 1)) if text in folded), 0)
    sort = {"SQL_LATIN1_GENERAL_CP1_CI_AS": 52, "SQL_LATIN1_GENERAL_CP1_CS_AS": 51}.get(folded, 0)
    return struct.pack("<IB", language | flags | version << 28, sort)


def encoding_of(collation: str) -> str:
    return "utf-8" if collation.upper().endswith("UTF8") else "cp1252"


def encoding_on_wire(collation: bytes) -> str:
    return "utf-8" if int.from_bytes(collation[:4], "little") & 1 << 26 else "cp1252"


def decimal_bytes(precision: int) -> int:
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def time_bytes(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


# --- to the wire -----------------------------------------------------------------------------------------------------


def type_info(kind: Kind, nullable: bool) -> bytes:
    """TYPE_INFO of a column or a returned value."""
    name = kind.name
    if name == "null":
        return b"\x26\x04"
    if name in _FIXED:
        return bytes(_NULLABLE[name]) if nullable else bytes([_FIXED[name]])
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
    prefix = nullable or name not in _FIXED
    if name == "null":
        return b"\x00", lambda value: b"\x04" + struct.pack("<i", int(value))
    if (kind.is_max and name not in ("text", "ntext", "image")) or kind.family == "udt":
        return b"\xff" * 8, _partial(_to_bytes(kind))
    if name in ("text", "ntext", "image"):
        raw, head = _to_bytes(kind), b"\x10" + b"standin text ptr" + b"\0" * 8
        return b"\x00", lambda value: _long(head, raw(value))
    if kind.family in ("char", "bin"):
        return b"\xff\xff", _counted(_to_bytes(kind))
    raw = _to_bytes(kind)
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


def _to_bytes(kind: Kind) -> Encode:
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


# --- from the wire ---------------------------------------------------------------------------------------------------


ReadValue = Callable[[Reader], Any]


def read_parameter(reader: Reader) -> tuple[Kind, Any]:
    """A parameter of an RPC: its type and its stored value. A type that is not known is a LookupError."""
    kind, read = read_type(reader)
    return kind, read(reader)


def read_type(reader: Reader) -> tuple[Kind, ReadValue]:
    """A type, and what reads a value of it."""
    number = reader.number(1)
    if number == 0x1F:
        return NULL, lambda _: None
    if number in _BY_FIXED:
        kind = Kind(_BY_FIXED[number])
        size = len(_to_bytes(kind)(_ZEROS[kind.family]))
        return kind, lambda reader: _from_bytes(kind, reader.take(size))
    if number in (0x26, 0x68, 0x6D, 0x6E, 0x6F):
        return _counted_value(Kind(_BY_SIZE[number, reader.number(1)]))
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
    raw = _to_bytes(kind)(value)
    name = kind.name
    if name in _FIXED:
        return bytes([_FIXED[name], 0]) + raw
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
    if number in _BY_FIXED:
        kind = Kind(_BY_FIXED[number])
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
